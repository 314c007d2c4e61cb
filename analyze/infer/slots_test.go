package infer

import (
	"slices"
	"testing"

	"apisonde/analyze/verdict"
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
