package faulttest

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"apisonde/probe/rogue"
)

// The limiter of most cases: six requests in half a second, from the first on.
const (
	quota  = 6
	window = 500 * time.Millisecond
)

var usual = truth{quota}

// limiting are the faults of limiters.
func limiting() []fault {
	retry := func(no int, name string, want any, lines ...string) fault {
		return fault{no, "Retry-After " + name, func(t *testing.T) { waits(t, want, lines) }}
	}
	const at = "Retry-After: "
	return []fault{
		retry(56, "that is negative", nil, at+"-5"),
		retry(57, "of 10^30", nil, at+"1"+strings.Repeat("0", 30)),
		retry(57, "that overflows a duration", nil, at+"9223372037"),
		retry(58, "that is no number", nil, at+"NaN"),
		retry(58, "with an exponent", nil, at+"1e30"),
		retry(59, "in the year 9999", nil, at+"Fri, 31 Dec 9999 23:59:59 GMT"),
		retry(60, "in the past", 0.0, at+"Fri, 02 Jan 2015 03:04:05 GMT"),
		retry(61, "twice", 7.0, at+"3", at+"7"),
		retry(62, "in a list", 9.0, at+"7, 9"),
		retry(63, "in milliseconds since 1970", 30.0, fmt.Sprintf("%s%d", at, received.Add(30*time.Second).UnixMilli())),
		retry(64, "of 0", 0.0, at+"0"),
		{65, "headers that contradict what happens", lying},
		{66, "a remaining quota that grows", growing},
		{67, "a server whose clock is wrong", wrongClock},
		{68, "refusals with status 200", unspoken},
		{69, "refusals with other statuses", statuses},
		{70, "refusals by delay", delaying},
		{71, "a server that starts again", func(t *testing.T) { losing(t, 1100*time.Millisecond) }},
		{72, "counters that are lost within a window", func(t *testing.T) { losing(t, 1730*time.Millisecond) }},
		{73, "nodes that count for themselves", nodes},
		{74, "others who use the quota too", tenants},
		{75, "a limit that changes", changing},
		{76, "a ban after rejections", banned},
		{76, "a ban of one caller", bannedAlone},
		{77, "no limit", unlimited},
		{79, "requests that are lost", losingSome},
		{81, "a processor that others use", starved},
	}
}

// some are the values of the short form, with the further ones of the long form.
func some[T any](short []T, further ...T) []T {
	if longForms() {
		return append(short, further...)
	}
	return short
}

// refused is the refusal of most cases.
func refused(headers ...string) rogue.Answer {
	return rogue.Say(rogue.Response(429, "Too Many Requests", "slow down", headers...))
}

// study is an assessment with time and requests enough to conclude.
func study(url string, flags ...string) *run {
	return assess(url, append([]string{"--max-requests", "300", "--max-duration", "12s", "--seed", "7"}, flags...)...)
}

// studied runs one against an answer and checks what holds always.
func studied(t *testing.T, answer rogue.Answer, flags ...string) (outcome, stated) {
	t.Helper()
	s := start(t, rogue.Options{}, answer)
	o := study(s.URL(), flags...).do(t)
	o.check(t, s.Requests(), exitOK, exitInconclusive, exitSafety)
	return o, o.verdict(t)
}

var received = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// waits has refusals state a wait. Whatever they say, the run neither hangs nor
// believes it, and a saved response says what it can mean.
func waits(t *testing.T, want any, lines []string) {
	_, v := studied(t, rogue.Window(quota, window, rogue.Say(rogue.OK), refused(lines...)), "--max-requests", "60", "--max-duration", "4s")
	v.agrees(t, usual)
	for _, l := range v.Limits {
		if l.Rejection.RetryAfter.Verdict == "exact" {
			t.Errorf("%q is called exact", lines)
		}
	}

	r := &run{args: []string{"inspect", "-", "--received-at", received.Format(time.RFC3339), "--output", "json"}, stdin: rogue.Response(429, "No", "", lines...)}
	o := r.do(t)
	o.hygiene(t)
	var doc struct {
		Wait any `json:"retry_after_s"`
	}
	if err := json.Unmarshal(o.stdout, &doc); err != nil || doc.Wait != want {
		t.Errorf("%q is read as %v, want %v (%v)", lines, doc.Wait, want, err)
	}
}

// lying states a limit of 100 and refuses at 6.
func lying(t *testing.T) {
	told := []string{"X-RateLimit-Limit: 100", "X-RateLimit-Remaining: 99"}
	_, v := studied(t, rogue.Window(quota, window, rogue.Say(rogue.Response(200, "OK", "ok", told...)), refused(told...)))
	v.finds(t, usual)
	if len(v.Headers.Conflicts) == 0 {
		t.Error("the verdict does not say that headers and behaviour disagree")
	}
}

// growing states more left with every request.
func growing(t *testing.T) {
	var n atomic.Int64
	say := func(status int) rogue.Answer {
		return func(x *rogue.Exchange) bool {
			left := 10 + n.Add(3)
			_, err := io.WriteString(x, rogue.Response(status, "-", "", "X-RateLimit-Limit: 1000", fmt.Sprintf("X-RateLimit-Remaining: %d", left)))
			return err == nil
		}
	}
	_, v := studied(t, rogue.Window(quota, window, say(200), say(429)))
	v.agrees(t, usual)
}

func wrongClock(t *testing.T) {
	for _, skew := range some([]time.Duration{-time.Hour, 87600 * time.Hour}, -87600*time.Hour, time.Hour) {
		var mu sync.Mutex
		var begun time.Time
		say := func(status int) rogue.Answer {
			return func(x *rogue.Exchange) bool {
				now := time.Now()
				mu.Lock()
				if now.Sub(begun) > window {
					begun = now
				}
				reset := begun.Add(window + skew).Unix()
				mu.Unlock()
				_, err := io.WriteString(x, rogue.Response(status, "-", "", "Date: "+now.Add(skew).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"),
					"X-RateLimit-Limit: 6", fmt.Sprintf("X-RateLimit-Reset: %d", reset)))
				return err == nil
			}
		}
		t.Run(skew.String(), func(t *testing.T) {
			t.Parallel()
			_, v := studied(t, rogue.Window(quota, window, say(200), say(429)))
			v.finds(t, usual)
		})
	}
}

// unspoken refuses in words alone. Without being told, nobody takes them for a
// refusal.
func unspoken(t *testing.T) {
	answer := func() rogue.Answer {
		return rogue.Window(quota, window, rogue.Say(rogue.OK), rogue.Say(rogue.Response(200, "OK", "Come back later, please.")))
	}
	if _, v := studied(t, answer()); len(v.Limits) != 0 {
		t.Errorf("a limit was found that nothing tells of: %+v", v.Limits)
	}
	_, v := studied(t, answer(), "--limited-when", "body=come back")
	v.finds(t, usual)
}

func statuses(t *testing.T) {
	for _, status := range []int{403, 503, 420, 418} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			_, v := studied(t, rogue.Window(quota, window, rogue.Say(rogue.OK), rogue.Say(rogue.Response(status, "No", "quota exceeded"))), "--max-requests", "200")
			v.agrees(t, usual)
			for _, l := range v.Limits {
				if len(l.Rejection.Statuses) != 1 || l.Rejection.Statuses[0] != status {
					t.Errorf("rejections are called %v", l.Rejection.Statuses)
				}
			}
			if v.Outcome == "no-limit-found" {
				t.Error("it was not taken for a rejection")
			}
		})
	}
}

// delaying answers late what is above the quota. That is a queue, and no fault.
func delaying(t *testing.T) {
	wait := 1500 * time.Millisecond
	if longForms() {
		wait = 20 * time.Second
	}
	o, v := studied(t, rogue.Window(quota, 2*wait, rogue.Say(rogue.OK), func(x *rogue.Exchange) bool {
		time.Sleep(wait)
		return rogue.Say(rogue.OK)(x)
	}))
	for _, l := range v.Limits {
		if l.Algorithm != "leaky-queue" && l.Algorithm != "unknown" {
			t.Errorf("a delay is called %s", l.Algorithm)
		}
	}
	for _, f := range count(t, o.dir+"/t.ndjson").faults() {
		if f != "" {
			t.Errorf("a delayed answer has fault %q", f)
		}
	}
}

// losing forgets its counters once.
func losing(t *testing.T, after time.Duration) {
	var once sync.Once
	var second atomic.Bool
	first, again := rogue.Window(quota, window, rogue.Say(rogue.OK), refused()), rogue.Window(quota, window, rogue.Say(rogue.OK), refused())
	_, v := studied(t, func(x *rogue.Exchange) bool {
		once.Do(func() { time.AfterFunc(after, func() { second.Store(true) }) })
		if second.Load() {
			return again(x)
		}
		return first(x)
	})
	v.ventures(t, usual)
}

// nodes deals connections or requests to limiters of their own.
func nodes(t *testing.T) {
	for name, pick := range map[string]func(x *rogue.Exchange, n int) int{
		"by connection": func(x *rogue.Exchange, n int) int { return x.TCP.RemoteAddr().(*net.TCPAddr).Port / 2 % n },
		"in turn":       func(x *rogue.Exchange, n int) int { return x.N % n },
	} {
		for _, n := range some([]int{2}, 3, 8) {
			t.Run(fmt.Sprintf("%d %s", n, name), func(t *testing.T) {
				t.Parallel()
				var all []rogue.Answer
				for range n {
					all = append(all, rogue.Window(quota, window, rogue.Say(rogue.OK), refused()))
				}
				_, v := studied(t, func(x *rogue.Exchange) bool { return all[pick(x, n)](x) }, "--max-requests", "150")
				v.ventures(t, truth{quota, float64(n) * quota}) // one node's, or that of all
			})
		}
	}
}

// tenants share the quota: others take a part of each window.
func tenants(t *testing.T) {
	for _, share := range some([]float64{0.5}, 0.1, 0.8) {
		const limit = 10
		var mu sync.Mutex
		var ends time.Time
		left := 0.0
		answer := func(x *rogue.Exchange) bool {
			mu.Lock()
			if now := time.Now(); now.After(ends) {
				ends, left = now.Add(window), limit
			}
			left--
			for rand.Float64() < share { // others come in between
				left--
			}
			admitted := left >= 0
			mu.Unlock()
			if admitted {
				return rogue.Say(rogue.OK)(x)
			}
			return refused()(x)
		}
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			t.Parallel()
			_, v := studied(t, answer, "--max-requests", "150")
			v.ventures(t, truth{limit})
		})
	}
}

// changing doubles its limit while it is measured.
func changing(t *testing.T) {
	var once sync.Once
	var later atomic.Bool
	small, large := rogue.Window(quota, window, rogue.Say(rogue.OK), refused()), rogue.Window(2*quota, window, rogue.Say(rogue.OK), refused())
	_, v := studied(t, func(x *rogue.Exchange) bool {
		once.Do(func() { time.AfterFunc(1500*time.Millisecond, func() { later.Store(true) }) })
		if later.Load() {
			return large(x)
		}
		return small(x)
	})
	v.ventures(t, truth{quota, 2 * quota})
}

// banned turns to 403 after three rejections. Away from loopback the run ends
// with at most one request more.
func banned(t *testing.T) {
	var mu sync.Mutex
	rejections, bans := 0, 0
	s := start(t, rogue.Options{}, rogue.Window(quota, time.Minute, rogue.Say(rogue.OK), func(x *rogue.Exchange) bool {
		mu.Lock()
		defer mu.Unlock()
		if rejections++; rejections <= 3 {
			return refused("Retry-After: 1")(x)
		}
		bans++
		return rogue.Say(rogue.Response(403, "Forbidden", "banned"))(x)
	}))
	r, _ := named(t, s.Port(), func(string, int) []netip.Addr { return addresses([]string{"127.0.0.1"}) }, "--max-requests", "200", "--max-duration", "60s")
	o := r.do(t)
	o.check(t, s.Requests(), exitOK, exitInconclusive, exitSafety)
	mu.Lock()
	defer mu.Unlock()
	if bans > 2 {
		t.Errorf("%d requests were sent into the ban", bans)
	}
	if v := o.verdict(t); bans > 0 && (v.StopReason == nil || *v.StopReason != "suspected-ban") {
		t.Errorf("the run ended with %v", v.StopReason)
	}
}

func unlimited(t *testing.T) {
	o, v := studied(t, rogue.Say(rogue.OK))
	// A busy machine may not get far enough to say so.
	if v.Outcome == "no-limit-found" == (o.code != exitOK) || v.TestedUpTo.Window == 0 || len(v.Limits) != 0 {
		t.Errorf("the outcome is %s up to %v, exit %d, limits %+v", v.Outcome, v.TestedUpTo.Window, o.code, v.Limits)
	}
}

// starved has one processor, which others use as well.
func starved(t *testing.T) {
	s := start(t, rogue.Options{}, rogue.Window(quota, window, rogue.Say(rogue.OK), refused()))
	r := study(s.URL())
	r.env = append(r.env, "GOMAXPROCS=1")
	r.around.Busy = 2
	o := r.do(t)
	o.check(t, s.Requests(), exitOK, exitInconclusive)
	o.verdict(t).ventures(t, usual)
}

// losingSome resets one connection of ten, after the limiter has counted the
// request.
func losingSome(t *testing.T) {
	lost := func(then rogue.Answer) rogue.Answer {
		return func(x *rogue.Exchange) bool {
			if x.N > 3 && x.N%10 == 0 {
				return rogue.Reset(x)
			}
			return then(x)
		}
	}
	_, v := studied(t, rogue.Window(quota, window, lost(rogue.Say(rogue.OK)), lost(refused())), "--max-requests", "150")
	v.ventures(t, usual)
}
