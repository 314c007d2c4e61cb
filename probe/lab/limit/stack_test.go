package limit

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestScope exhausts one caller's counter and asks who else is refused.
func TestScope(t *testing.T) {
	t.Parallel()
	base := Request{IP: "i", Key: "k", User: "u", Forwarded: "f", Route: "/a"}
	others := map[string]Request{}
	for _, d := range dims {
		r := base
		switch d {
		case byIP:
			r.IP = "other"
		case byKey:
			r.Key = "other"
		case byUser:
			r.User = "other"
		case byForwarded:
			r.Forwarded = "other"
		case byRoute:
			r.Route = "/other"
		}
		others[d] = r
	}
	for _, test := range []struct {
		by  string
		own []string // a change in these finds a fresh counter
	}{
		{"", []string{"ip"}},
		{",by=ip", []string{"ip"}},
		{",by=key", []string{"key"}},
		{",by=user", []string{"user"}},
		{",by=route", []string{"route"}},
		{",by=forwarded", []string{"forwarded"}},
		{",by=key+ip", []string{"ip", "key"}},
		{",by=ip+key+user+route+forwarded", []string{"ip", "key", "user", "route", "forwarded"}},
		{",by=global", nil},
		{",by=ip,route=/a", []string{"ip", "route"}}, // another path is not guarded
	} {
		t.Run("by"+test.by, func(t *testing.T) {
			t.Parallel()
			for d, other := range others {
				s := mustParse(t, "fixed-window,limit=2,window=1m"+test.by)
				run(t, s, base, []call{{0, 3, 2}})
				want := slices.Contains(test.own, d)
				if got := s.Decide(origin, other).Admit; got != want {
					t.Errorf("another %s was admitted: %v, want %v", d, got, want)
				}
			}
		})
	}
}

func TestAnonymous(t *testing.T) {
	t.Parallel()
	named := Request{IP: "1", Key: "k"}
	one, two := Request{IP: "1"}, Request{IP: "2"}
	for _, test := range []struct {
		setting string
		want    []int // statuses of one, one, two, named
	}{
		{"", []int{200, 429, 429, 200}},
		{",anonymous=shared", []int{200, 429, 429, 200}},
		{",anonymous=ip", []int{200, 429, 200, 200}},
		{",anonymous=unlimited", []int{200, 200, 200, 200}},
		{",anonymous=refuse", []int{401, 401, 401, 200}},
	} {
		s := mustParse(t, "fixed-window,limit=1,window=1m,by=key"+test.setting)
		var got []int
		for _, r := range []Request{one, one, two, named} {
			got = append(got, s.Decide(origin, r).Status)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%q: %v, want %v", test.setting, got, test.want)
		}
	}
}

// An address in a key's place is not the counter of a key with that name.
func TestAnonymousAddressIsNoKey(t *testing.T) {
	t.Parallel()
	s := mustParse(t, "fixed-window,limit=1,window=1m,by=key,anonymous=ip")
	run(t, s, Request{IP: "1"}, []call{{0, 2, 1}})
	run(t, s, Request{IP: "2", Key: "1"}, []call{{0, 2, 1}})
}

func TestLayersAreChargedInOrder(t *testing.T) {
	t.Parallel()
	r := Request{IP: "i", Key: "k"}
	// The inner layer refuses from the third on; the outer one, before it, is
	// charged all the same and is exhausted by requests that were never admitted.
	s := mustParse(t, "fixed-window,limit=5,window=1h,by=ip", "fixed-window,limit=2,window=10s,by=key,status=503")
	var got []int
	for range 7 {
		got = append(got, s.Decide(origin, r).Status)
	}
	if want := []int{200, 200, 503, 503, 503, 429, 429}; !slices.Equal(got, want) {
		t.Errorf("outer first: %v, want %v", got, want)
	}
	// The other way round the outer one is charged for what was admitted alone.
	s = mustParse(t, "fixed-window,limit=2,window=10s,by=key,status=503", "fixed-window,limit=5,window=1h,by=ip")
	run(t, s, r, []call{{0, 7, 2}, {ms(10_000), 7, 2}, {ms(20_000), 7, 1}})
}

// A refusal is immediate, even where an earlier layer would have delayed.
func TestRefusalsAreNotHeld(t *testing.T) {
	t.Parallel()
	s := mustParse(t, "leaky-queue,rate=10,depth=9,latency=5ms", "concurrency,limit=1")
	first, second := s.Decide(origin, Request{}), s.Decide(origin, Request{})
	if !first.Admit || first.Delay != ms(5) {
		t.Errorf("first: %+v", first)
	}
	if second.Admit || second.Delay != 0 {
		t.Errorf("second: %+v", second)
	}
	// It took its place in the queue all the same.
	first.Release()
	if third := s.Decide(origin, Request{}); third.Delay != ms(205) {
		t.Errorf("third: %+v", third)
	}
}

func TestLayersShowTheTightest(t *testing.T) {
	t.Parallel()
	s := mustParse(t, "fixed-window,limit=9,window=1m,retry-after=none", "fixed-window,limit=2,window=10s,by=global,headers=ietf", "none,latency=5ms")
	policies := func(d Decision) (names []string) {
		for _, h := range d.Headers {
			names = append(names, h[0]+": "+h[1])
		}
		return names
	}
	d := s.Decide(origin, Request{})
	if diff := cmp.Diff([]string{`RateLimit-Policy: "layer2";q=2;w=10`, `RateLimit: "layer2";r=1;t=10`}, policies(d)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if d.Delay != ms(5) {
		t.Errorf("held for %v, want 5ms", d.Delay)
	}
	run(t, s, Request{}, []call{{0, 1, 1}})
	run(t, s, Request{}, []call{{ms(10_000), 2, 2}, {ms(20_000), 2, 2}, {ms(30_000), 2, 2}})
	d = s.Decide(origin.Add(ms(40_000)), Request{}) // the ninth
	if diff := cmp.Diff([]string{"X-RateLimit-Limit: 9", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 20"}, policies(d)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSilentLayersLeaveTheHeadersToOthers(t *testing.T) {
	t.Parallel()
	s := mustParse(t, "fixed-window,limit=9,window=1m", "fixed-window,limit=1,window=10s,headers=none")
	want := [][2]string{{"X-RateLimit-Limit", "9"}, {"X-RateLimit-Remaining", "8"}, {"X-RateLimit-Reset", "60"}}
	if diff := cmp.Diff(want, s.Decide(origin, Request{}).Headers); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if d := s.Decide(origin, Request{}); d.Admit || d.Headers != nil {
		t.Errorf("the silent layer's refusal: %+v", d)
	}
}

func TestNodesAreDealtConnectionsInTurn(t *testing.T) {
	t.Parallel()
	s := mustParse(t, "fixed-window,limit=2,window=1m,nodes=3")
	for conn := 1; conn <= 3; conn++ {
		run(t, s, Request{Conn: conn}, []call{{0, 3, 2}})
	}
	run(t, s, Request{Conn: 4}, []call{{0, 1, 0}}) // on the first node again
	run(t, s, Request{Conn: 3_000_001}, []call{{0, 1, 0}})
}

func TestLatency(t *testing.T) {
	t.Parallel()
	const spec = "fixed-window,limit=50,window=1m,latency=20ms,jitter=10ms"
	delays := func(seed uint64) (out []time.Duration) {
		s := mustParse(t, spec)
		s.Seed(seed)
		for range 50 {
			out = append(out, s.Decide(origin, Request{}).Delay)
		}
		if d := s.Decide(origin, Request{}); d.Admit || d.Delay != 0 {
			t.Errorf("a refusal was held: %+v", d)
		}
		return out
	}
	a := delays(1)
	if lo, hi := slices.Min(a), slices.Max(a); lo < ms(20) || hi > ms(30) || hi-lo < ms(5) {
		t.Errorf("delays from %v to %v, want them spread from 20ms to 30ms", lo, hi)
	}
	if !slices.Equal(a, delays(1)) {
		t.Error("the same seed gave other delays")
	}
	if slices.Equal(a, delays(2)) {
		t.Error("another seed gave the same delays")
	}
}

func TestTimeNeverRunsBack(t *testing.T) {
	t.Parallel()
	s := mustParse(t, "fixed-window,limit=1,window=10s")
	run(t, s, Request{}, []call{{ms(10_000), 1, 1}, {ms(9000), 1, 0}, {ms(20_000), 1, 1}})
}

func TestTruth(t *testing.T) {
	t.Parallel()
	s := mustParse(t,
		"token-bucket,rate=5,burst=20,by=user+key,anonymous=ip,nodes=2",
		"none",
		"fixed-window,limit=100,window=50s,by=global,route=/a,status=503,headers=github,retry-after=floor,count-rejected,penalty=3s,penalty-extends,latency=1ms,jitter=2ms",
		"leaky-queue,rate=10,depth=20",
		"slow-down,limit=10,window=50s,delay=100ms,max-delay=2s,by=user,refuse-after=25",
		"concurrency,limit=4,by=user",
	)
	want := []Truth{
		{Algorithm: "token-bucket", Scope: []string{"key", "user"}, Limit: 20, Burst: 20, Rate: 5, Nodes: 2, Anonymous: "ip", Status: 429, Headers: "legacy", RetryAfter: "exact"},
		{
			Algorithm: "fixed-window", Limit: 100, Burst: 100, Window: 50 * time.Second, Rate: 2, Alignment: "clock", Route: "/a", Nodes: 1,
			Status: 503, CountsRejected: true, Penalty: 3 * time.Second, PenaltyExtends: true, Headers: "github", RetryAfter: "floor", Latency: ms(1), Jitter: ms(2),
		},
		{Algorithm: "leaky-queue", Scope: []string{"ip"}, Burst: 21, Rate: 10, Undelayed: 1, MaxDelay: 2 * time.Second, Nodes: 1, Status: 429, Headers: "legacy", RetryAfter: "exact"},
		{
			Algorithm: "leaky-queue", Scope: []string{"user"}, Limit: 25, Burst: 25, Undelayed: 10, MaxDelay: ms(1500), Window: 50 * time.Second, Alignment: "clock",
			Nodes: 1, Anonymous: "shared", Status: 429, Headers: "legacy", RetryAfter: "exact",
		},
		{Algorithm: "concurrency", Scope: []string{"user"}, Limit: 4, Burst: 4, Nodes: 1, Anonymous: "shared", Status: 429, Headers: "legacy", RetryAfter: "none"},
	}
	if diff := cmp.Diff(want, s.Truth()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := mustParse(t, "none").Truth(); len(got) != 0 {
		t.Errorf("a stack without a limit has truths: %v", got)
	}
}

// A request during a block may be refused with another status than the one that
// started it.
func TestPenaltyStatus(t *testing.T) {
	t.Parallel()
	s := mustParse(t, "fixed-window,limit=1,window=1s,penalty=3s,penalty-status=403")
	for i, want := range []int{200, 429, 403} {
		if got := s.Decide(origin, Request{IP: "a"}).Status; got != want {
			t.Errorf("request %d: status %d, want %d", i+1, got, want)
		}
	}
	if got := s.Decide(origin.Add(3*time.Second), Request{IP: "a"}).Status; got != 200 {
		t.Errorf("after the block: status %d, want 200", got)
	}
}

func TestPoliciesOfAllLayersAreDeclared(t *testing.T) {
	t.Parallel()
	s := mustParse(t, "fixed-window,limit=1,window=1s,headers=ietf", "fixed-window,limit=9,window=1m,headers=ietf", "fixed-window,limit=5,window=1m,route=/a,headers=ietf", "fixed-window,limit=7,window=1m")
	for _, want := range []string{`"layer1";r=0;t=1`, `"layer1";r=0;t=1`} { // one is admitted, one refused
		d := s.Decide(origin, Request{Route: "/"})
		if diff := cmp.Diff([][2]string{{"RateLimit-Policy", `"layer1";q=1;w=1, "layer2";q=9;w=60`}, {"RateLimit", want}}, d.Headers[:2]); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}
