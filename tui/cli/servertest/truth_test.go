package servertest

import (
	"math"
	"slices"
	"testing"

	"apisonde/analyze/verdict"
)

// truth is what is known of a limiter because the test configured it.
type truth struct {
	scope     []string
	algorithm string
	limit     float64 // so many per window; of a bucket, what it holds
	windowS   float64 // of a window
	ratePerS  float64 // of a bucket
}

// confident is where a statement must be right: below it, doubt was expressed.
const confident = 0.9

// check demands that a states this limiter and nothing else.
func (w truth) check(t *testing.T, a assessment) {
	t.Helper()
	if l := w.only(t, a); l != nil {
		w.checkScope(t, *l)
		w.checkFigures(t, *l)
	}
}

// checkOpenly is check for a limiter whose algorithm the program may leave open,
// and its window with it. Whose limit it is and how high is found all the same, and
// nothing is stated that is not true.
func (w truth) checkOpenly(t *testing.T, a assessment) {
	t.Helper()
	l := w.only(t, a)
	if l == nil {
		return
	}
	w.checkScope(t, *l)
	if l.Algorithm != verdict.Unknown {
		w.checkFigures(t, *l)
		return
	}
	for _, wrong := range w.wrong(*l) {
		t.Error(wrong)
	}
	if l.Limit == nil {
		t.Error("the limit is not stated")
	}
}

func (w truth) checkScope(t *testing.T, l verdict.Limit) {
	t.Helper()
	if l.Scope == nil || !slices.Equal(l.Scope, w.scope) {
		t.Errorf("scope is %s of %s, want %s", show(l.Scope), show(l.ScopeCandidates), show(w.scope))
	}
}

// only returns the one limit that a found, nil with an error of the test where it
// found none or several.
func (w truth) only(t *testing.T, a assessment) *verdict.Limit {
	t.Helper()
	v := a.verdict
	for i, l := range v.Limits {
		if wrong := w.wrong(l); len(wrong) > 0 && l.Confidence >= confident {
			t.Errorf("limit %d is stated with confidence %.3f and wrong: %v", i+1, l.Confidence, wrong)
		}
	}
	if v.Outcome != verdict.OutcomeLimited || len(v.Limits) != 1 || a.exit != 0 {
		t.Errorf("outcome %s with %d limits and exit %d, want one limit", v.Outcome, len(v.Limits), a.exit)
		return nil
	}
	return &v.Limits[0]
}

// checkFigures demands limit, window and algorithm, and that each is stated.
func (w truth) checkFigures(t *testing.T, l verdict.Limit) {
	t.Helper()
	for _, wrong := range w.wrong(l) {
		t.Error(wrong)
	}
	if !w.names(l) {
		t.Errorf("algorithm is %s (or %v), want %s", l.Algorithm, l.Equivalent, w.algorithm)
	}
	missing := l.Limit == nil || w.windowS != 0 && l.WindowS == nil || w.ratePerS != 0 && l.RatePerS == nil
	if missing {
		t.Errorf("limit %s, window %s, rate %s: one of the figures is not stated", show(l.Limit), show(l.WindowS), show(l.RatePerS))
	}
}

// names tells whether l names the algorithm, alone or among its equivalents.
func (w truth) names(l verdict.Limit) bool {
	return l.Algorithm == w.algorithm || slices.Contains(l.Equivalent, w.algorithm)
}

// wrong lists what l states that is not true. What it leaves open is not wrong.
func (w truth) wrong(l verdict.Limit) []string {
	var out []string
	if l.Scope != nil && !slices.Equal(l.Scope, w.scope) {
		out = append(out, "scope is "+show(l.Scope)+", not "+show(w.scope))
	}
	if l.Algorithm != verdict.Unknown && !w.names(l) {
		out = append(out, "algorithm is "+l.Algorithm+", not "+w.algorithm)
	}
	figure := func(name string, f *verdict.Figure, want, tolerance, miss float64) {
		switch {
		case f == nil:
		case math.Abs(f.Value-want) > tolerance || f.Lo > f.Value || f.Value > f.Hi:
			out = append(out, name+" is "+show(f)+", not "+show(want))
		case l.Confidence >= confident && (f.Lo-miss > want || f.Hi+miss < want):
			out = append(out, name+" is surely within "+show(f)+", and that leaves out "+show(want))
		}
	}
	rate := w.ratePerS
	if w.windowS != 0 {
		rate = w.limit / w.windowS
	}
	// One interval in twenty may miss the truth, but not by far.
	figure("limit", l.Limit, w.limit, w.slack(), w.slack())
	figure("burst", l.Burst, w.limit, w.slack(), w.slack())
	figure("rate", l.RatePerS, rate, 0.05*rate, 0.01*rate)
	figure("window", l.WindowS, w.windowS, 0.05*w.windowS, 0.01*w.windowS)
	return out
}

// slack is how far a limit may be off: a bucket refills while it is being emptied,
// so its size is known to one; a window's limit is a whole number.
func (w truth) slack() float64 {
	if w.windowS == 0 {
		return 1
	}
	return 0
}

// checkUnlimited demands that a found no limit, and says up to where.
func checkUnlimited(t *testing.T, a assessment) {
	t.Helper()
	v := a.verdict
	if v.Outcome != verdict.OutcomeNoLimit || len(v.Limits) != 0 || a.exit != 0 {
		t.Errorf("outcome %s with %d limits and exit %d, want none found", v.Outcome, len(v.Limits), a.exit)
	}
	if v.TestedUpTo.RequestsPerWindow <= 0 || v.Cost.Limited != 0 {
		t.Errorf("tested up to %d requests with %d refused", v.TestedUpTo.RequestsPerWindow, v.Cost.Limited)
	}
}
