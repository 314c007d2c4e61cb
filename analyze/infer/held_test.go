package infer

import (
	"slices"
	"testing"
	"time"

	"apisonde/analyze/verdict"
	"apisonde/probe/lab/limit"
	"apisonde/probe/sim"
	"apisonde/probe/trace"
)

// patient waits long enough for queues.
var patient = sim.Net{RTT: 400 * time.Microsecond, Jitter: 200 * time.Microsecond, Think: 20 * time.Millisecond, Timeout: 30 * time.Second}

// queue assesses a queue and holds algorithm, scope and confidence against the truth.
func queue(t *testing.T, spec string, net sim.Net, sure float64) (verdict.Limit, limit.Truth) {
	t.Helper()
	tr, stack := assess(t, world{specs: []string{spec + ",headers=none"}, roster: twoOfEach(), seed: 1, net: net})
	want := stack.Truth()[0]
	ls := Judge(tr).Limits
	if len(ls) != 1 {
		t.Fatalf("%d limits", len(ls))
	}
	l := ls[0]
	if l.Algorithm != verdict.LeakyQueue || l.Scope == nil || !slices.Equal(l.Scope, want.Scope) || l.Confidence < sure {
		t.Errorf("%s by %v at %v", l.Algorithm, l.Scope, l.Confidence)
	}
	return l, want
}

func TestQueuesAreFoundWithDepthAndScope(t *testing.T) {
	for _, spec := range []string{
		"leaky-queue,rate=10,depth=20,by=ip",
		"leaky-queue,rate=20,depth=40,undelayed=10,by=ip,status=503",
		"leaky-queue,rate=10,depth=12,undelayed=9,by=key",
		"leaky-queue,rate=2,depth=5,by=user",
		"leaky-queue,rate=100,depth=50,by=global",
		"leaky-queue,rate=5,depth=1,by=ip+key",
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			l, want := queue(t, spec, patient, 0.9)
			if !within(l.RatePerS, want.Rate, 0.01) || !within(l.Burst, float64(want.Burst), 0) || !within(l.Undelayed, float64(want.Undelayed), 0) || !within(l.MaxDelayS, want.MaxDelay.Seconds(), 0.02) {
				t.Errorf("rate %v burst %v undelayed %v longest %v, want %+v", l.RatePerS, l.Burst, l.Undelayed, l.MaxDelayS, want)
			}
		})
	}
}

// Over a long way requests that leave together arrive in any order, and some of those
// that waited are answered as quickly as others that did not.
func TestQueuesAreFoundOverALongWay(t *testing.T) {
	for _, spec := range []string{
		"leaky-queue,rate=10,depth=20,by=ip",
		"leaky-queue,rate=20,depth=40,undelayed=10,by=ip,status=503",
		"leaky-queue,rate=2,depth=5,by=user",
		"leaky-queue,rate=0.6,depth=9,by=ip+route",
		"leaky-queue,rate=16.01,depth=38,by=ip+key",
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			l, want := queue(t, spec, longWay, 0.85)
			if !within(l.RatePerS, want.Rate, 0.02) || !within(l.Burst, float64(want.Burst), 0.1) || !within(l.MaxDelayS, want.MaxDelay.Seconds(), 0.05) {
				t.Errorf("rate %v burst %v longest %v, want %+v", l.RatePerS, l.Burst, l.MaxDelayS, want)
			}
		})
	}
}

// A route is apart from the queue where as many came through it as would have had
// to wait. Those of a burst that took its time had no need to.
func TestASlowBurstDoesNotTakeARouteOutOfTheQueue(t *testing.T) {
	t.Parallel()
	p := pacing{rate: 20, base: 0.001, undelayed: 1}
	c := counter{oneOfEach().Baseline(), "/b"}
	for gap, want := range map[float64]bool{0: true, 0.001: true, 0.05: false} {
		r := newRecord(oneOfEach())
		for i := range 12 {
			r.keep(sample{seq: i + 1, step: 3, id: c.id, route: c.route, sent: float64(i) * gap, rtt: 0.001, outcome: trace.Admitted})
		}
		if got := r.unheld(c, &p); got != want {
			t.Errorf("12 requests, one every %v s: apart %v, want %v", gap, got, want)
		}
	}
}

// What begins to hold back at the end of a series is watched to the end, and not met again
// on the next path as something else.
func TestDelaysThatBeginLastAreWatched(t *testing.T) {
	tr, _ := assess(t, world{specs: []string{"slow-down,align=clock,delay=239ms,max-delay=1813ms,limit=62,window=30s,by=ip,headers=none"}, roster: twoOfEach(), seed: 6013, net: patient})
	l := Judge(tr).Limits[0]
	if l.Algorithm != verdict.LeakyQueue || !slices.Equal(l.Scope, []string{"ip"}) || !within(l.Undelayed, 62, 0) {
		t.Errorf("%s of %+v by %v", l.Algorithm, l.Undelayed, l.Scope)
	}
}
