package infer

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// Honest headers say where to look: what they state is confirmed with far fewer
// requests and in far less time than it takes to find out.
func TestHonestHeadersSpareRequests(t *testing.T) {
	t.Parallel()
	specs := []string{
		"fixed-window,limit=100,window=30s,by=key,align=first-request",
		"fixed-window,limit=60,window=20s,by=ip,align=clock",
		"fixed-window,limit=50,window=15s,by=user,align=process-start",
	}
	const seeds = 3
	type cost struct {
		requests int
		wall     float64
	}
	ask := func(headers string) (total cost, each []cost) {
		costs := make([]cost, seeds*len(specs))
		var all sync.WaitGroup
		for i := range costs {
			all.Go(func() {
				spec, seed := specs[i/seeds]+",headers="+headers, uint64(i%seeds)
				at := time.Date(2026, 5, 6, 7, 8, 9, int(seed)*3e8, time.UTC)
				tr, stack := assessFrom(t, world{specs: []string{spec}, roster: twoOfEach(), seed: 1 + seed, net: loopback, start: at}, at.Add(-4*time.Second))
				j := Judge(tr)
				truth := stack.Truth()[0]
				if len(j.Limits) != 1 || string(j.Limits[0].Algorithm) != truth.Algorithm || !within(j.Limits[0].Limit, float64(truth.Limit), 0) ||
					!within(j.Limits[0].WindowS, truth.Window.Seconds(), 0.03) || j.Limits[0].Confidence < 0.8 {
					t.Errorf("%s, seed %d: %+v", spec, 1+seed, j.Limits)
				}
				costs[i] = cost{j.Cost.Requests, j.Cost.WallS}
			})
		}
		all.Wait()
		each = make([]cost, len(specs))
		for i, c := range costs {
			total.requests, total.wall = total.requests+c.requests, total.wall+c.wall
			each[i/seeds].requests, each[i/seeds].wall = each[i/seeds].requests+c.requests, each[i/seeds].wall+c.wall
		}
		return total, each
	}
	without, eachWithout := ask("none")
	for _, dialect := range []string{"ietf", "github"} {
		with, eachWith := ask(dialect)
		for i, c := range eachWith {
			if w := eachWithout[i]; float64(c.requests) > 0.8*float64(w.requests) || c.wall > 0.8*w.wall {
				t.Errorf("%s, %s: %d requests and %.0f s, %d and %.0f without", specs[i], dialect, c.requests, c.wall, w.requests, w.wall)
			}
		}
		if float64(with.requests) > 0.75*float64(without.requests) || with.wall > 0.7*without.wall {
			t.Errorf("%s: %d requests and %.0f s, %d and %.0f without", dialect, with.requests, with.wall, without.requests, without.wall)
		}
	}
}

// Headers that lie lead nobody to a wrong answer.
func TestLyingHeadersProveNothing(t *testing.T) {
	t.Parallel()
	for seed, spec := range []string{
		"fixed-window,limit=30,window=10s,by=key,align=first-request",
		"sliding-log,limit=20,window=5s,by=user",
		"token-bucket,rate=5,burst=20,by=ip",
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			tr, stack := assess(t, world{specs: []string{spec + ",headers=lying"}, roster: twoOfEach(), seed: 1 + uint64(seed), net: loopback})
			truth := stack.Truth()[0]
			j := Judge(tr)
			if len(j.Limits) != 1 || string(j.Limits[0].Algorithm) != truth.Algorithm || !within(j.Limits[0].Limit, float64(max(truth.Limit, truth.Burst)), 0) {
				t.Fatalf("%+v", j.Limits)
			}
			if w := truth.Window.Seconds(); w > 0 && !within(j.Limits[0].WindowS, w, 0.03) {
				t.Errorf("window %v", j.Limits[0].WindowS)
			}
		})
	}
}

// A larger limit that the headers state is looked for, though it lies further away
// than a search without a hint goes.
func TestALargerLimitThatIsStatedIsLookedFor(t *testing.T) {
	t.Parallel()
	specs := []string{
		"fixed-window,limit=8,window=2s,by=ip,align=first-request,headers=ietf",
		"fixed-window,limit=300,window=240s,by=key,align=first-request,headers=ietf",
	}
	tr, _ := assess(t, world{specs: specs, roster: twoOfEach(), seed: 5, net: loopback})
	limits := Judge(tr).Limits
	if len(limits) != 2 || !slices.ContainsFunc(limits, func(l verdict.Limit) bool {
		return within(l.Limit, 300, 0) && slices.Equal(l.Scope, []string{"key"})
	}) {
		t.Errorf("stated: %+v", limits)
	}
	for i := range specs {
		specs[i] = strings.Replace(specs[i], "headers=ietf", "headers=none", 1)
	}
	tr, _ = assess(t, world{specs: specs, roster: twoOfEach(), seed: 5, net: loopback})
	if n := len(Judge(tr).Limits); n != 1 {
		t.Errorf("%d limits found without a hint: this test shows nothing", n)
	}
}

// What one answer says of a counter.
func TestHearsWhatHeadersClaim(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	answer := func(status int, written time.Duration, lines ...string) trace.Observation {
		o := trace.Observation{Status: status, Route: "/", Written: written, FirstByte: written}
		for i := 0; i < len(lines); i += 2 {
			o.Headers = append(o.Headers, trace.Header{Name: trace.Text(lines[i]), Value: trace.Text(lines[i+1])})
		}
		return o
	}
	for _, c := range []struct {
		name    string
		answers []trace.Observation
		limit   float64
		spans   []float64
		opens   float64
		larger  float64
	}{
		{
			"a policy with its window", []trace.Observation{
				answer(200, time.Second, "RateLimit-Policy", `"a";q=9;w=20`, "RateLimit", `"a";r=8;t=20`),
				answer(429, 3*time.Second, "RateLimit-Policy", `"a";q=9;w=20`, "RateLimit", `"a";r=0;t=18`),
			}, 9, []float64{20}, 21, 0,
		},
		{
			"a reset alone, and a wait", []trace.Observation{
				answer(200, time.Second, "X-RateLimit-Limit", "9", "X-RateLimit-Remaining", "8", "X-RateLimit-Reset", "20"),
				answer(429, 3*time.Second, "X-RateLimit-Limit", "9", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "18", "Retry-After", "17"),
			}, 9, []float64{20, 19}, 20, 0,
		},
		{
			"a time of day, by the server's clock", []trace.Observation{
				answer(429, 3*time.Second, "date", at.Format(http.TimeFormat), "X-RateLimit-Limit", "9", "X-RateLimit-Remaining", "0",
					"X-RateLimit-Reset", fmt.Sprint(at.Unix()+7)),
			}, 9, []float64{7, 6}, 10, 0,
		},
		{
			"another, larger limit", []trace.Observation{
				answer(200, time.Second, "RateLimit-Policy", `"a";q=9;w=1, "b";q=100;w=60`, "RateLimit", `"a";r=8;t=1, "b";r=99;t=60`),
				answer(429, 3*time.Second, "RateLimit-Policy", `"a";q=9;w=1`, "RateLimit", `"a";r=0;t=1`),
			}, 9, []float64{1}, 4, 100,
		},
		{"nothing", []trace.Observation{answer(200, time.Second), answer(429, 3*time.Second)}, 0, nil, 0, 0},
	} {
		cs := claims{}
		for _, o := range c.answers {
			outcome := trace.Admitted
			if o.Status == 429 {
				outcome = trace.Limited
			}
			cs.hear(o, outcome)
		}
		got := cs[counter{route: "/"}]
		if got == nil {
			got = &claim{}
		}
		if got.limit != c.limit || !slices.Equal(got.spans(), c.spans) || got.opens != c.opens || got.larger != c.larger {
			t.Errorf("%s: %+v with spans %v, want limit %v, spans %v, opens %v, larger %v", c.name, got, got.spans(), c.limit, c.spans, c.opens, c.larger)
		}
	}
}

// Polls gather in the second in which the wait is said to end, and go on after it.
func TestPollsFollowTheClaim(t *testing.T) {
	t.Parallel()
	p := poller{gap: 0.03, growth: 1.6, due: 30}
	var before, within, after int
	for at := p.gap; at < 120; at = p.next(at) {
		switch {
		case at < 28.8:
			before++
		case at <= 30.2:
			within++
		default:
			after++
		}
	}
	if before > 9 || within < 5 || within > 8 || after < 8 {
		t.Errorf("%d polls before the claimed second, %d within, %d after", before, within, after)
	}
	last := 0.0
	for at := p.gap; at < 20000; at = p.next(at) {
		if at <= last {
			t.Fatalf("a poll at %v after one at %v", at, last)
		}
		last = at
	}
}
