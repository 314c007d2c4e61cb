package infer

import (
	"math/rand/v2"
	"slices"
	"testing"

	"apisonde/analyze/model"
	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// Two boundaries that are each known to within 0.2 s leave a window between 0.8 s and
// 1.2 s: it is stretched so far, from what was found amid them, and no further.
func TestWindowsAreStretchedToTheirEnds(t *testing.T) {
	at := func(s float64, admitted, limited int) model.Event {
		return model.Event{S: s, E: s, Admitted: admitted, Limited: limited}
	}
	arms := [][]model.Event{{at(0.5, 2, 1), at(0.9, 0, 1), at(1.1, 2, 1), at(1.9, 0, 1), at(2.1, 2, 1)}}
	f := newFitter(arms, judgeEffort, rand.New(rand.NewPCG(1, 2)))
	v := &model.Bank[slices.IndexFunc(model.Bank, func(v model.Variant) bool { return v.Name == "fixed window" })]
	q := particle{v: v, p: model.Params{L: 2, W: 1, Phase: 1}}
	if q.cost = f.cost(v, q.p, 100).Total; q.cost > 0.1 {
		t.Fatalf("it costs %v", q.cost)
	}
	x := &fit{v: v, best: q.cost, parts: []particle{q}, span: box{q.p, q.p}}
	f.stretch(x)
	if x.span.lo.W > 0.81 || x.span.lo.W < 0.795 || x.span.hi.W < 1.19 || x.span.hi.W > 1.205 {
		t.Errorf("windows of %v to %v s, want 0.8 to 1.2", x.span.lo.W, x.span.hi.W)
	}
}

// Where it is open whose the counter is, a limit is what any of those who may share it got
// through from rest.
func TestLimitsCoverWhoseTheyMayBe(t *testing.T) {
	x := reading{r: newRecord(twoOfEach())}
	x.part = scopeOf(trace.DimIP)
	other := x.r.base()
	other.Vantage = twoOfEach().Vantages[1]
	at := 0.0
	answer := func(id trace.Identity, n int, outcome trace.Outcome) {
		for range n {
			at += 0.001
			x.r.keep(sample{seq: len(x.r.samples) + 1, id: id, route: "/", sent: at, rtt: 0.0005, outcome: outcome})
		}
	}
	answer(other, 1, trace.Admitted)
	answer(x.r.base(), 10, trace.Admitted)
	answer(x.r.base(), 2, trace.Limited)
	state := func() verdict.Limit {
		l := verdict.Limit{Algorithm: verdict.FixedWindow, Limit: counted(10, 10, 10), RatePerS: &verdict.Figure{Value: 5, Lo: 4.9, Hi: 5.1}}
		x.cover(&l)
		return l
	}
	x.scopes = []scope{x.part}
	if l := state(); l.Limit.Hi != 10 || l.RatePerS.Hi != 5.1 {
		t.Errorf("limit %+v, rate %+v though it is known whose it is", l.Limit, l.RatePerS)
	}
	x.scopes = []scope{x.part, 0}
	if l := state(); l.Limit.Value != 10 || l.Limit.Lo != 10 || l.Limit.Hi != 11 || l.RatePerS.Hi < 5.6 {
		t.Errorf("limit %+v, rate %+v, want up to 11 and 5.61", l.Limit, l.RatePerS)
	}
}
