package infer

import (
	"math"
	"slices"

	"apisonde/analyze/model"
)

// What the trace says of a grid it says at a few instants. Between two of them one window
// more or less may pass as well: such aliases lie far from each other, each as thin a
// strip as the first, and a search that has found one need not meet another.

// aliases are parameters that put boundaries where those that were walked do, near two
// instants at which the limiter let go, and explain the trace about as well.
func (f *fitter) aliases(v *model.Variant, walked []particle, best float64) []candidate {
	if !v.HasPhase() || v.Seconds || len(walked) == 0 || len(f.draws.reopens) < 2 {
		return nil
	}
	var out []candidate
	for range aliasTries {
		q := walked[f.rng.IntN(len(walked))].p
		if q, ok := f.alias(q); ok && valid(v, &q) {
			if c := f.cost(v, q, best+aliasCost).Total; c <= best+aliasCost {
				out = append(out, candidate{q, c})
			}
		}
	}
	slices.SortFunc(out, func(a, b candidate) int { return cmpFloat(a.cost, b.cost) })
	return diverse(v, slices.DeleteFunc(out, func(c candidate) bool {
		return slices.ContainsFunc(walked, func(w particle) bool { return math.Abs(math.Log(w.p.W/c.p.W)) < aliasApart })
	}), aliasStarts)
}

// alias has one window more or less than q, or a few, between two reopenings.
func (f *fitter) alias(q model.Params) (model.Params, bool) {
	a, b := f.draws.reopening(), f.draws.reopening()
	span := math.Abs(b.before - a.before)
	windows := math.Round(span / q.W)
	more := windows + float64(1+f.rng.IntN(aliasMost))*float64(1-2*f.rng.IntN(2))
	if windows < 1 || more < 1 {
		return q, false
	}
	q.Phase += math.Round((a.before-q.Phase)/q.W) * q.W
	q.W *= windows / more
	return q, true
}

const (
	aliasTries  = 200
	aliasMost   = 3     // windows more or less
	aliasCost   = 14    // nats that an alias may cost more before it is walked
	aliasApart  = 0.002 // relative distance of windows that are no neighbours
	aliasStarts = 4
)
