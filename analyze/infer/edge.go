package infer

import (
	"slices"

	"apisonde/analyze/model"
)

// What explains a trace by windows on a grid is a thin strip in window and phase: a walk
// along it stops short of the ends, and an interval is to reach them.

// edgeSteps steps lead towards either end of a window, for each of which on a grid
// edgePhases phases are tried. edgeFirst is the share of a figure that the first step is.
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
		end := slices.MinFunc(x.parts, byWindow)
		if toward > 0 {
			end = slices.MaxFunc(x.parts, byWindow)
		}
		x.span.add(furthest(end.p, toward, edgeSteps, func(q model.Params, by float64) (model.Params, bool) {
			return f.turned(x.v, q, by, limit)
		}))
	}
}

// furthest is how far n steps up or down lead from q, each twice as long as one that was
// possible and half as long as one that was not.
func furthest(q model.Params, toward float64, n int, step func(q model.Params, by float64) (model.Params, bool)) model.Params {
	size := edgeFirst
	for range n {
		if next, ok := step(q, 1+toward*size); ok {
			q, size = next, 2*size
		} else {
			size /= 2
		}
	}
	return q
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
