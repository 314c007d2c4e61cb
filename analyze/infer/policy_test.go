package infer

import (
	"slices"
	"testing"
)

// Whatever other callers used up of a path's counter, and whatever came back while
// the paths were compared, paths with the same limit make one policy.
func TestPathsOfOneLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		spec  string
		scope []string
	}{
		{"token-bucket,rate=6.991,burst=12,by=ip+route", []string{"ip", "route"}},
		{"token-bucket,rate=0.766,burst=6,by=route", []string{"route"}},
		{"sliding-counter,align=first-request,limit=5,window=17.393s,by=route", []string{"route"}},
		// More than the first path is asked for at first: the second one is refused
		// first, after less than the first got through.
		{"token-bucket,rate=15.8,burst=79,by=user", []string{"user"}},
	} {
		for seed := uint64(1); seed <= 3; seed++ {
			tr, _ := assess(t, world{specs: []string{tt.spec + ",headers=none"}, roster: twoOfEach(), seed: seed, net: loopback})
			limits := Judge(tr).Limits
			if len(limits) != 1 || !slices.Equal(limits[0].Scope, tt.scope) {
				t.Errorf("%s (seed %d): %d limits, the first by %v", tt.spec, seed, len(limits), limits[0].Scope)
			}
		}
	}
}
