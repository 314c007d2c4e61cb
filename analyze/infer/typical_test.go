package infer

import (
	"testing"

	"apisonde/analyze/model"
	"apisonde/probe/trace"
)

// What explains best may be improbable, for a parameter to spare; the probable ones are
// typical all the same.
func TestTypicalParametersAreThoseOfProbableVariants(t *testing.T) {
	fitted := func(v *model.Variant, cost float64) fit {
		return fit{v: v, best: cost, parts: []particle{{v: v, p: model.Params{L: 5, W: 1}, cost: cost}}}
	}
	p := &posterior{fits: []fit{fitted(&model.Bank[0], 1.5), fitted(&model.Bank[1], 0)}, prob: []float64{0.995, 0.005}}
	if ps := p.typical(24); len(ps) != 1 || ps[0].v != &model.Bank[0] {
		t.Errorf("%+v", ps)
	}
}

// A grid of unknown phase may be what a grid from the first request seems to be: its
// figures count however few of its phases would do. A window of another kind is no
// such grid.
func TestAGridMayHaveAnyPhase(t *testing.T) {
	named := func(name string, cost float64) *fit {
		for i := range model.Bank {
			if model.Bank[i].Name == name {
				return &fit{v: &model.Bank[i], best: cost}
			}
		}
		t.Fatalf("the bank has no %q", name)
		return nil
	}
	grid := named("fixed window on a grid from the first request", 0.5)
	for _, c := range []struct {
		of   *fit
		want bool
	}{
		{named("fixed window", 1.4), true},
		{named("fixed window", 1.6), false}, // it explains less
		{named("fixed window from the first request", 0), false},
		{named("sliding counter", 0), false},
	} {
		if got := grid.within(c.of); got != c.want {
			t.Errorf("%s at %v: %v", c.of.v.Name, c.of.best, got)
		}
	}
}

// Of requests under way at once the order is unknown: one refusal says that the
// counter was exhausted, and an admission beside it that nothing had reopened yet.
func TestABurstIsRefusedByAllOfIt(t *testing.T) {
	r := newRecord(oneOfEach())
	c := r.baseline()
	add := func(sent, rtt float64, o trace.Outcome) {
		r.keep(sample{sent: sent, rtt: rtt, id: c.id, route: c.route, outcome: o})
	}
	add(1.000, 0.040, trace.Limited)
	add(1.001, 0.030, trace.Admitted)
	if got := r.last(c); got != trace.Limited {
		t.Errorf("the latest outcome is %v", got)
	}
	if after := r.reopenedAfter(); after != 0 {
		t.Errorf("it let requests through again after %v s", after)
	}
	add(3.000, 0.040, trace.Admitted)
	if got := r.last(c); got != trace.Admitted {
		t.Errorf("then it is %v", got)
	}
	if after := r.reopenedAfter(); after != 2 {
		t.Errorf("it let requests through again after %v s, want 2", after)
	}
}

// Where a record was explained request by request, its events are short.
func TestFineRecordsHaveShortEvents(t *testing.T) {
	r := newRecord(oneOfEach())
	for i := range 20 {
		r.keep(at(float64(i)/1000, r.base(), "/", trace.Admitted))
	}
	coarse := len(r.arms(0)[0])
	r.fine = true
	if fine := len(r.arms(0)[0]); fine < 5 || coarse > 2 {
		t.Errorf("%d events, and %d short ones", coarse, fine)
	}
}
