package servertest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"apisonde/analyze/verdict"
)

// With one key and one address the limit, its window and its algorithm are found
// all the same; whose limit it is stays open, and the verdict says what would tell.
func TestOneKeyAndOneAddress(t *testing.T) {
	t.Parallel()
	only := []string{"--ip", "here=127.0.0.1", "--key", "k1=literal:servertest-key-1"}
	tests := []struct {
		name  string
		limit middleware
		truth truth
	}{
		{
			"window", ulule(byKey, 10, 3*time.Second),
			truth{scope: []string{"key"}, algorithm: verdict.FixedWindow, limit: 10, windowS: 3},
		},
		{
			"bucket", xtime(byAddress, 6, 12),
			truth{scope: []string{"ip"}, algorithm: verdict.TokenBucket, limit: 12, ratePerS: 6},
		},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, tt.limit)
			a := assess(t, s.URL, show(51+i), only)
			a.sameCount(t, s.count())
			l := tt.truth.only(t, a)
			if l == nil {
				return
			}
			tt.truth.checkFigures(t, *l)
			if l.Scope != nil || !slices.ContainsFunc(l.ScopeCandidates, func(c []string) bool { return slices.Equal(c, tt.truth.scope) }) {
				t.Errorf("scope is %s of %s, want none stated and %s among the candidates", show(l.Scope), show(l.ScopeCandidates), show(tt.truth.scope))
			}
			for _, add := range []string{"key", "address"} {
				if !slices.ContainsFunc(a.verdict.NotTested, func(s string) bool { return strings.Contains(s, add) }) {
					t.Errorf("what was not tested, %q, does not say to add another %s", a.verdict.NotTested, add)
				}
			}
		})
	}
}
