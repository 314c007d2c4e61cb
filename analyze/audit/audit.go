// Package audit holds what response headers claim against what the server did,
// over a whole trace. It is pure and makes no measurement of its own: the trace,
// how each observation counts and the limits that were inferred are arguments.
//
// A header may speak of another layer, another counter or another node than the
// one that was studied, and a bucket may be described by its size or by its
// rate. So the package reports a conflict only where no honest reading is left;
// in doubt it reports none.
package audit

import (
	"fmt"
	"slices"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// Report is what an audit finds.
type Report struct {
	Headers  verdict.Headers
	Limits   []verdict.Limit // those given, with Retry-After and source judged
	Warnings []string        // what was stated and could not be tested
}

// Of audits t. outcomes say how each observation counts, in their order; limits
// are what was inferred from t, and are not changed.
func Of(t trace.Trace, outcomes []trace.Outcome, limits []verdict.Limit) Report {
	a := audit{trace: t, limits: slices.Clone(limits), conflicts: []verdict.Conflict{}}
	a.read(outcomes)
	a.groups = group(a.exchanges)
	for i := range a.limits {
		a.layer(i)
		a.explain(i)
	}
	a.others()
	a.disagree()
	if len(a.limits) == 0 {
		a.unlimited()
	}
	return Report{
		Headers:  verdict.Headers{Dialects: a.dialects(), Claims: a.claims(), Conflicts: a.conflicts},
		Limits:   a.limits,
		Warnings: a.warnings,
	}
}

// audit is one audit in progress.
type audit struct {
	trace     trace.Trace
	limits    []verdict.Limit
	exchanges []*exchange  // in the order of sending
	groups    []*statement // what is stated, one for each distinct statement
	conflicts []verdict.Conflict
	warnings  []string
}

// layer holds everything that is said of limit i against behaviour.
func (a *audit) layer(i int) {
	l := &a.limits[i]
	before := len(a.conflicts)
	stays := a.stays(i, false)
	a.retryAfter(l, stays, a.stays(i, true))
	a.resets(l, stays)
	stated := a.statedOf(i)
	for _, g := range stated {
		a.remaining(l, g)
		cost := a.costly(l, g)
		a.claimedLimit(l, g, cost)
		a.claimedWindow(l, g, cost)
	}
	if len(a.conflicts) == before {
		credit(l, stated)
	}
}

// credit names the headers as a source too where they state the same limit and
// window as measured.
func credit(l *verdict.Limit, stated []*statement) {
	if l.Source != "measured" || l.Limit == nil || l.RatePerS == nil {
		return
	}
	if slices.ContainsFunc(stated, func(g *statement) bool {
		return g.limit.Known && g.window.Known && g.requests() &&
			agreesOnLimit(l, g.limit.Value, g.window) && agreesOnWindow(l, g.limit.Value, g.window.Value)
	}) {
		l.Source = "measured+advertised"
	}
}

func (a *audit) conflict(header, claim, measurement string, observations ...int) {
	a.conflicts = append(a.conflicts, verdict.Conflict{
		Header: header, Claim: claim, Measurement: measurement, Observations: few(observations),
	})
}

// fewest is how many observations stand for a finding.
const fewest = 5

func few(seqs []int) []int {
	out := append([]int{}, seqs...)
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), fewest)]
}

// span words seconds.
func span(s float64) string {
	switch {
	case s < 0.1:
		return fmt.Sprintf("%.0f ms", s*1000)
	case s < 10:
		return fmt.Sprintf("%.3g s", s)
	}
	return fmt.Sprintf("%.4g s", s)
}
