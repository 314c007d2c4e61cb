package infer

import (
	"slices"
	"testing"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

func TestLimitsOnRequestsInFlight(t *testing.T) {
	for _, c := range []struct {
		spec  string
		scope []string
		limit float64
	}{
		{"concurrency,limit=5,by=ip,latency=250ms", []string{"ip"}, 5},
		{"concurrency,limit=8,by=user,latency=100ms", []string{"user"}, 8},
		{"concurrency,limit=5,by=global,latency=30ms", []string{}, 5},
		{"concurrency,limit=20,by=key,latency=2ms", []string{"key"}, 20},
	} {
		tr, _ := assess(t, world{specs: []string{c.spec}, roster: twoOfEach(), seed: 3, net: loopback})
		l := Judge(tr).Limits[0]
		if l.Algorithm != verdict.Concurrency || !within(l.Limit, c.limit, 0) || l.Scope == nil || !slices.Equal(l.Scope, c.scope) {
			t.Errorf("%s: %s of %v, scope %v", c.spec, l.Algorithm, l.Limit, l.Scope)
		}
		if l.RatePerS != nil || l.WindowS != nil || l.Burst != nil {
			t.Errorf("%s: a limit in flight has no rate, window or burst: %+v", c.spec, l)
		}
	}
}

// A bucket that a burst exhausts is not taken for slots.
func TestRateLimitsAreNotSlots(t *testing.T) {
	for _, spec := range []string{"token-bucket,rate=10,burst=20,by=ip,latency=10ms", "fixed-window,limit=20,window=5s,by=ip,latency=10ms"} {
		tr, _ := assess(t, world{specs: []string{spec}, roster: oneOfEach(), seed: 3, net: loopback})
		for _, l := range Judge(tr).Limits {
			if l.Algorithm == verdict.Concurrency {
				t.Errorf("%s is called a limit in flight", spec)
			}
		}
	}
}

// A refusal is alone where no other request was under way, whichever was sent or
// answered first.
func TestRefusedAlone(t *testing.T) {
	t.Parallel()
	at := func(sent, rtt float64, o trace.Outcome) sample { return sample{sent: sent, rtt: rtt, outcome: o} }
	for _, c := range []struct {
		name string
		xs   []sample
		want bool
	}{
		{"nothing", nil, false},
		{"one", []sample{at(1, 1, trace.Limited)}, true},
		{"after another", []sample{at(0, 1, trace.Admitted), at(1, 1, trace.Limited)}, true},
		{"under one sent before", []sample{at(1, 1, trace.Limited), at(0, 1.5, trace.Admitted)}, false},
		{"under a long one", []sample{at(0, 9, trace.Admitted), at(1, 1, trace.Admitted), at(3, 1, trace.Limited)}, false},
		{"under one sent after", []sample{at(0, 1, trace.Limited), at(0.5, 1, trace.Admitted)}, false},
		{"before another", []sample{at(0, 1, trace.Limited), at(1, 1, trace.Admitted)}, true},
		{"admitted alone", []sample{at(0, 1, trace.Admitted), at(2, 1, trace.Admitted)}, false},
	} {
		if got := refusedAlone(c.xs); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
