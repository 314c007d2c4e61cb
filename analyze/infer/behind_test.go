package infer

import (
	"math"
	"testing"

	"apisonde/probe/trace"
)

// What comes back is what was let through between refusals of one step.
func TestWhatComesBack(t *testing.T) {
	r := newRecord(twoOfEach())
	other := r.base()
	other.Key = "k2"
	keep := func(step int, sent float64, id trace.Identity, o trace.Outcome) {
		s := at(sent, id, "/", o)
		s.step = step
		r.keep(s)
	}
	base := r.base()
	keep(1, 0, base, trace.Limited) // before the step from which on it counts
	keep(1, 0.1, base, trace.Admitted)
	keep(1, 0.2, base, trace.Limited)
	keep(2, 1, base, trace.Admitted) // nobody was refused before
	keep(2, 2, base, trace.Limited)
	keep(2, 3, base, trace.Admitted)
	keep(2, 3.5, other, trace.Admitted)
	keep(2, 4, base, trace.Admitted)
	keep(2, 5, base, trace.Limited)
	keep(2, 6, base, trace.Limited)
	keep(3, 20, base, trace.Limited) // nor is the pause between steps known to be one
	keep(3, 20, base, trace.Admitted)
	keep(3, 20, base, trace.Limited) // all at once
	if got := r.returning(2); math.Abs(got-0.5) > 1e-9 {
		t.Errorf("%v a second, want 0.5", got)
	}
	if got := r.returning(4); got != 0 {
		t.Errorf("%v a second of nothing", got)
	}
	if got := r.onset(); got != 1 {
		t.Errorf("the first refusal was in step %d", got)
	}
}

// A round is overrun where nobody who went ahead of it was refused.
func TestOverrun(t *testing.T) {
	for _, c := range []struct {
		ahead []trace.Outcome
		want  bool
	}{
		{[]trace.Outcome{trace.Admitted, trace.Limited}, false},
		{[]trace.Outcome{trace.Limited}, false},
		{[]trace.Outcome{trace.Admitted, trace.Admitted}, true},
	} {
		r := newRecord(twoOfEach())
		for i, o := range c.ahead {
			r.keep(at(float64(i), r.base(), "/", o))
		}
		other := r.base()
		other.Key = "k2"
		r.keep(at(8, other, "/", trace.Admitted))
		r.keep(at(9, r.base(), "/", trace.Limited))
		if got := r.overran(); got != c.want {
			t.Errorf("%v: %v", c.ahead, got)
		}
	}
}
