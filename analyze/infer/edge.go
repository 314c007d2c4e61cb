package infer

import (
	"slices"

	"apisonde/analyze/model"
)

// What explains a trace by windows on a grid is a thin strip in window and phase: a walk
// along it stops short of the ends, and an interval is to reach them.

// edgeSteps steps lead towards either end, each longer than the last one that was
// possible and shorter than the last that was not, with so many phases tried each.
const (
	edgeSteps  = 24
	edgePhases = 16
	edgeFirst  = 0.001
)

// stretch widens the figures of what may be true to the shortest and the longest window
// that explain the record about as well as the best.
func (x *reading) stretch() {
	if len(x.scopes) == 0 || x.doubtful() {
		return
	}
	f := newFitter(x.r.arms(x.part), judgeEffort, x.rng)
	for i := range x.post.fits {
		if fit := &x.post.fits[i]; x.post.prob[i] >= equivalentAbove && len(fit.parts) > 0 {
			f.stretch(fit)
			fit.edged = true
		}
	}
}

func (f *fitter) stretch(x *fit) {
	byWindow := func(a, b particle) int { return cmpFloat(a.p.W, b.p.W) }
	limit := x.best + f.alike
	for _, toward := range []float64{-1, 1} {
		q, step := slices.MinFunc(x.parts, byWindow).p, edgeFirst
		if toward > 0 {
			q = slices.MaxFunc(x.parts, byWindow).p
		}
		for range edgeSteps {
			next, ok := f.turned(x.v, q, 1+toward*step, limit)
			if !ok {
				step /= 2
				continue
			}
			q, step = next, min(2*step, 0.5)
			x.span.add(q)
		}
	}
}

// turned is q with its window stretched about some boundary that keeps the cost within
// limit; false where none was found.
func (f *fitter) turned(v *model.Variant, q model.Params, by, limit float64) (model.Params, bool) {
	tries := 1
	if v.HasPhase() {
		tries = edgePhases
	}
	for range tries {
		next := q
		f.turn(v, &next, by)
		if valid(v, &next) && f.cost(v, next, limit).Total <= limit {
			return next, true
		}
	}
	return q, false
}
