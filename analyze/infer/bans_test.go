package infer

import (
	"slices"
	"strings"
	"testing"
	"time"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

var (
	two = trace.Roster{Vantages: []string{"a", "b"}, Keys: []trace.Key{{Name: "k1"}, {Name: "k2"}}, Routes: []string{"/"}}
	a1  = trace.Identity{Vantage: "a", Key: "k1"}
	a2  = trace.Identity{Vantage: "a", Key: "k2"}
	b1  = trace.Identity{Vantage: "b", Key: "k1"}
	b2  = trace.Identity{Vantage: "b", Key: "k2"}
)

// asked is a series of requests of one caller, a few milliseconds apart.
func asked(tr *trace.Trace, id trace.Identity, step int, statuses ...int) {
	for _, s := range statuses {
		n := len(tr.Observations) + 1
		at := time.Duration(n) * 2 * time.Millisecond
		tr.Observations = append(tr.Observations, trace.Observation{
			Seq: n, Step: step, Identity: id, Route: "/", Written: at, FirstByte: at + time.Millisecond, Done: at + time.Millisecond, Status: s, Ban: s == 418,
		})
	}
}

// Of a caller who took over after a ban it is not known whether it shares the
// counter. Read as one, the two would show a window of a few milliseconds.
func TestWhoTakesOverAfterABanIsAnotherCounter(t *testing.T) {
	t.Parallel()
	ten := slices.Repeat([]int{200}, 10)
	tr := trace.Trace{Meta: trace.Meta{Roster: two, Budget: trace.Budget{MaxRequests: 1000, MaxDuration: time.Hour}}}
	asked(&tr, a1, 1, append(ten, 429, 429, 418)...)
	asked(&tr, b2, 2, append(ten, 429, 429)...)
	for name, c := range map[string]struct {
		tr      trace.Trace
		says    string
		outcome string
	}{
		"a limit after it": {tr, "callers who share neither", verdict.OutcomeLimited},
		"none after it":    {trace.Trace{Meta: tr.Meta, Observations: tr.Observations[:20]}, "what came before", verdict.OutcomeLimited},
	} {
		j := Judge(c.tr)
		if j.Outcome != c.outcome || j.Cost.Requests != len(c.tr.Observations) || !strings.Contains(strings.Join(j.Warnings, "\n"), "may have banned a/k1 during the run; what is stated is of "+c.says) {
			t.Errorf("%s: %s after %d requests, warnings %q", name, j.Outcome, j.Cost.Requests, j.Warnings)
		}
		for _, l := range j.Limits {
			if l.WindowS != nil && l.WindowS.Value < 0.02 {
				t.Errorf("%s: a window of %v s", name, l.WindowS.Value)
			}
		}
	}
	before, rest, who := parted(tr)
	if len(before.Observations) != 13 || len(rest.Observations) != 12 || *who != a1 || rest.Meta.Roster.Baseline() != b2 {
		t.Errorf("parted into %d and %d requests at %v, the rest of %+v", len(before.Observations), len(rest.Observations), who, rest.Meta.Roster)
	}
	// Another caller's ban leaves the baseline as it was.
	other := trace.Trace{Meta: tr.Meta}
	asked(&other, a1, 1, 200, 200, 429)
	asked(&other, b2, 1, 418)
	asked(&other, a1, 2, 429)
	if _, _, who := parted(other); who != nil {
		t.Errorf("parted at the ban of %s", who)
	}
}

func TestTheEngineAsksNobodyWhoIsBarred(t *testing.T) {
	t.Parallel()
	begin := func() *Engine {
		e := New(Config{Roster: two, Budget: trace.Budget{MaxRequests: 100, MaxDuration: time.Hour}})
		var tr trace.Trace
		asked(&tr, a1, 0, 200)
		asked(&tr, b1, 0, 200)
		asked(&tr, a2, 0, 200)
		asked(&tr, a1, 1, 200, 200, 429, 429)
		for _, o := range tr.Observations {
			e.Observe(o)
		}
		return e
	}
	for id, heir := range map[trace.Identity]trace.Identity{a1: b2, b1: a2, a2: b1, b2: a1} {
		e := begin()
		if !e.Bar(id) {
			t.Fatalf("without %s nobody is left", id)
		}
		step, ok := e.Next(time.Second)
		if !ok || e.log.base() != heir || e.spare() != 93 {
			t.Errorf("without %s %s is asked (%v), with %d requests left; want %s and 93", id, e.log.base(), ok, e.spare(), heir)
		}
		for _, s := range step.Sends {
			if s.Identity.Shares(id) {
				t.Errorf("%s is asked after the ban of %s", s.Identity, id)
			}
		}
	}
	e := begin()
	if !e.Bar(b2) || e.Bar(a1) || e.log.base() != a1 {
		t.Error("where a ban leaves nobody, nothing changes")
	}
}

// What a caller who was taken out got through may have counted as that of the one who
// took the baseline's place, where they share something.
func TestLimitsAllowForWhatOthersUsed(t *testing.T) {
	t.Parallel()
	now := trace.Identity{Vantage: "b", Key: "k2"}
	rest := trace.Trace{Meta: trace.Meta{Roster: trace.Roster{Vantages: []string{"b"}, Keys: []trace.Key{{Name: "k2"}}, Routes: []string{"/"}}}}
	before := trace.Trace{Observations: []trace.Observation{
		{Status: 200, Identity: trace.Identity{Vantage: "a", Key: "k1"}},
		{Status: 200, Identity: trace.Identity{Vantage: "b", Key: "k1"}},
		{Status: 429, Identity: trace.Identity{Vantage: "b", Key: "k1"}},
		{Status: 200, Identity: trace.Identity{Vantage: "a", Key: "k2"}},
		{Status: 200, Identity: now},
	}}
	n := usedBefore(before, rest)
	if n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
	j := Judgement{Limits: []verdict.Limit{{Limit: &verdict.Figure{Value: 5, Lo: 5, Hi: 5}, Confidence: 0.99}, {Confidence: 0.3}}}
	j.allow(n)
	if l := j.Limits[0]; l.Limit.Hi != 7 || l.Limit.Lo != 5 || l.Confidence != gappedConfidence || j.Limits[1].Confidence != 0.3 {
		t.Errorf("%+v with limit %+v", j.Limits, j.Limits[0].Limit)
	}
}
