package infer

import (
	"testing"
	"time"

	"apisonde/analyze/model"
	"apisonde/probe/trace"
)

// A round window that fits the wall clock is stated as such where that can hardly be
// chance: the boundary was seen to within little of the window.
func TestRoundWindowsOnTheClock(t *testing.T) {
	const window, opened = 25.0, 20.0 // seconds; when a window began, from the start of the run
	started := time.Date(2026, 5, 6, 7, 0, 5, 0, time.UTC)
	var v *model.Variant
	for i := range model.Bank {
		if model.Bank[i].Name == "fixed window" {
			v = &model.Bank[i]
		}
	}
	for _, c := range []struct {
		name   string
		before float64 // seconds by which the last refusal was earlier
		after  float64 // and the first admission later
		clock  bool
	}{
		{"seen to 0.1 s", 0.05, 0.05, true},
		{"seen to 3 s", 1, 2, false},
	} {
		r := newRecord(oneOfEach())
		base := r.base()
		for i := range 4 {
			r.keep(at(float64(i)/1000, base, "/", trace.Admitted))
		}
		r.keep(at(0.005, base, "/", trace.Limited))
		r.keep(at(opened-c.before, base, "/", trace.Limited))
		r.keep(at(opened+c.after, base, "/", trace.Admitted))
		q := particle{v: v, p: model.Params{L: 4, W: window, Phase: opened}}
		f := &fit{v: v, parts: []particle{q}, span: box{lo: q.p, hi: q.p}}
		got, clock := r.onClock(f, 0, trace.Trace{Meta: trace.Meta{Started: started}})
		if clock != c.clock {
			t.Errorf("%s: on the clock: %v", c.name, clock)
		}
		if clock && got.p.W != window {
			t.Errorf("%s: a window of %v s", c.name, got.p.W)
		}
	}
}
