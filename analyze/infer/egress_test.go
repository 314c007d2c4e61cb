package infer

import (
	"slices"
	"strings"
	"testing"

	"apisonde/probe/trace"
)

// Requests that ask where they arrive from are counted and say nothing of the
// target; of two vantages with one address the later is no vantage.
func TestRequestsThatAskWhereTheyArriveFrom(t *testing.T) {
	t.Parallel()
	r := trace.Roster{Vantages: []string{"a", "b", "c"}, Routes: []string{"/"}}
	tr := trace.Trace{Meta: trace.Meta{Roster: r, Budget: trace.Budget{MaxRequests: 100}, EgressCheck: "http://ip/"}}
	add := func(o trace.Observation) {
		o.Seq = len(tr.Observations) + 1
		tr.Observations = append(tr.Observations, o)
	}
	for _, e := range [][2]string{{"a", "192.0.2.1"}, {"b", "192.0.2.1"}, {"c", trace.EgressUnknown}} {
		add(trace.Observation{Identity: trace.Identity{Vantage: e[0]}, Route: "http://ip/", Status: 429, Egress: e[1], Body: trace.Body{Bytes: 10}})
	}
	for _, v := range []string{"a", "c"} {
		add(trace.Observation{Identity: trace.Identity{Vantage: v}, Route: "/", Status: 200})
	}
	j := Judge(tr)
	if j.Cost.Requests != 5 || j.Cost.Admitted != 2 || j.Cost.Ignored != 3 || j.Cost.Limited != 0 || j.Cost.Bytes != 30 {
		t.Errorf("cost %+v", j.Cost)
	}
	if len(j.Egress) != 3 || j.Egress[1].SameAs != "a" || j.Egress[2].SameAs != "" {
		t.Errorf("%+v", j.Egress)
	}
	said := func(list []string, what string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, what) })
	}
	if !said(j.Warnings, "ip b was left out") || said(j.Warnings, "failed") {
		t.Errorf("warnings %q", j.Warnings)
	}
	if got := Outcomes(tr); got[0] != trace.Ignored || got[3] != trace.Admitted {
		t.Errorf("outcomes %v", got)
	}
	// With c refused a is alone.
	e := New(Config{Roster: r, Budget: tr.Meta.Budget})
	for _, o := range tr.Observations[:4] {
		e.Observe(o)
	}
	e.Observe(trace.Observation{Seq: 5, Identity: trace.Identity{Vantage: "c"}, Route: "/", Status: 403})
	if n := e.log.roster.Count(trace.DimIP); n != 1 || e.spare() != 95 {
		t.Errorf("%d vantages, %d requests left", n, e.spare())
	}
}
