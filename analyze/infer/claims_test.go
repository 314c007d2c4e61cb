package infer

import (
	"slices"
	"strings"
	"testing"

	"apisonde/probe/trace"
)

// A claim in X-Forwarded-For is a dimension of its own, whether it is compared with
// another claim or with none.
func TestClaimedAddresses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		by       string
		believes bool
		scope    []string
	}{
		{"forwarded", true, []string{"forwarded"}},
		{"ip", false, []string{"ip"}},
		{"key", false, []string{"key"}},
	} {
		for _, claims := range [][]string{{"198.51.100.1", ""}, {"198.51.100.1", "198.51.100.2"}} {
			r := twoOfEach()
			r.Forwarded = claims
			tr, _ := assess(t, world{specs: []string{"fixed-window,limit=12,window=5s,headers=none,by=" + tt.by}, roster: r, seed: 3, net: loopback})
			j := Judge(tr)
			if len(j.Limits) != 1 || !slices.Equal(j.Limits[0].Scope, tt.scope) {
				t.Errorf("by %s, claims %q: %+v", tt.by, claims, j.Limits)
			}
			says := slices.ContainsFunc(j.Warnings, func(w string) bool { return strings.Contains(w, "believes X-Forwarded-For from anyone") })
			if says != tt.believes {
				t.Errorf("by %s, claims %q: warned is %v: %q", tt.by, claims, says, j.Warnings)
			}
			for _, e := range j.Limits[0].Evidence {
				if strings.Contains(e.Claim, "forwarded ") {
					t.Errorf("evidence: %s", e.Claim)
				}
			}
		}
	}
}

// Who is left with one claim, since the other was refused, hears nothing of it.
func TestAClaimThatWasRefused(t *testing.T) {
	t.Parallel()
	r := newRecord(trace.Roster{Vantages: []string{"a"}, Forwarded: []string{"198.51.100.1", ""}, Routes: []string{"/"}})
	r.observe(trace.Observation{Seq: 1, Identity: trace.Identity{Vantage: "a", Forwarded: "198.51.100.1"}, Route: "/", Status: 200})
	r.observe(trace.Observation{Seq: 2, Identity: trace.Identity{Vantage: "a"}, Route: "/", Status: 403})
	if n := r.roster.Count(trace.DimForwarded); n != 1 {
		t.Errorf("%d values are left", n)
	}
}
