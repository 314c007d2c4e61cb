package infer

import (
	"slices"
	"testing"
	"time"

	"apisonde/probe/sim"
)

// A limit that recovers while it would be spent one by one is found over a long way: its
// bursts go out at once.
func TestSwiftLimitsOverALongWay(t *testing.T) {
	near := sim.Net{RTT: 20 * time.Millisecond, Jitter: 40 * time.Millisecond, Think: 20 * time.Millisecond}
	for _, c := range []struct {
		spec  string
		scope []string
		limit float64
	}{
		{"fixed-window,align=process-start,limit=125,window=2s,by=user", []string{"user"}, 125},
		{"sliding-counter,align=clock,limit=102,window=1s,by=ip+user", []string{"ip", "user"}, 102},
	} {
		t.Run(c.spec, func(t *testing.T) {
			t.Parallel()
			tr, _ := assess(t, world{specs: []string{c.spec + ",headers=none"}, roster: twoOfEach(), seed: 1, net: near})
			ls := Judge(tr).Limits
			if len(ls) != 1 || ls[0].Scope == nil || !slices.Equal(ls[0].Scope, c.scope) || !within(ls[0].Limit, c.limit, 0.01) {
				t.Errorf("%+v", ls)
			}
		})
	}
}
