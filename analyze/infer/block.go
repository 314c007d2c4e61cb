package infer

import (
	"math"
	"slices"

	"apisonde/analyze/model"
	"apisonde/analyze/verdict"
)

// A block hides what counts below it: whoever asks in vain is refused for as long
// as it lasts, whatever the count would say. What stands here keeps a statement
// from resting on a count that was not seen.

// hiddenConfidence is the most that is stated where a block may cover more than one
// way of counting, or where an answer contradicts what leads.
const hiddenConfidence = 0.85

// reach widens b to the shortest and the longest block with which the best of the
// parameters seen costs no more than limit: a walk stops short of them.
func (f *fitter) reach(v *model.Variant, b *box, seen []particle, limit float64) {
	if len(seen) == 0 {
		return
	}
	best := slices.MinFunc(seen, func(x, y particle) int { return cmpFloat(x.cost, y.cost) })
	for _, toward := range []float64{-1, 1} {
		b.add(furthest(best.p, toward, reachSteps, func(q model.Params, by float64) (model.Params, bool) {
			q.P *= by
			return q, by < 2 && valid(v, &q) && f.cost(v, q, limit).Total <= limit
		}))
	}
}

// reachSteps is how many steps lead towards either end of a block's length.
const reachSteps = 20

// graded spends a part of the limit at once, then pairs at the ages, evenly from the
// least to the greatest, at which the particles with a block expect that part to be
// forgotten. None is refused, so no block hides the count, and a drain after them
// tells by what it admits how many came after the part was forgotten.
func (d *designer) graded(pairs int) ([]phase, bool) {
	lo, hi, total, limit, heaviest := math.Inf(1), 0.0, 0.0, 0.0, 0.0
	for _, q := range d.parts {
		if !q.v.HasPenalty() || q.weight < 1e-3 {
			continue
		}
		age := q.v.Refill(q.p)
		lo, hi = min(lo, age), max(hi, age)
		if total += q.weight; q.weight > heaviest {
			limit, heaviest = q.p.L, q.weight
		}
	}
	pairs = min(pairs, int(limit-1)/2)
	if total < 0.05 || pairs < 1 {
		return nil, false
	}
	phases := []phase{{n: int(limit) - 2*pairs}}
	last := 0.0
	for k := range pairs {
		age := lo * math.Pow(hi/lo, (float64(k)+0.5)/float64(pairs))
		wait := max(2*d.rtt, age-last)
		phases = append(phases, phase{wait: wait, n: 2})
		last += wait
	}
	return phases, true
}

// grown is the belief with starting points from ever longer parts of the record: what
// counts below a block is narrowed down step by step, to less than a search of the
// whole trace at once is sure to hit.
func (x *reading) grown() *posterior {
	part := &posterior{fits: make([]fit, len(model.Bank)), prob: make([]float64, len(model.Bank))}
	for i := range model.Bank { // those without a block are given up
		if part.fits[i].v = &model.Bank[i]; model.Bank[i].Blocks() {
			part.prob[i] = 1
		}
	}
	for _, share := range []int{1, 2, 3} {
		part = fitBank(x.r.prefix(len(x.r.samples)*share/4).arms(x.part), part, 1, x.rng)
	}
	p := x.post.revived()
	p.fits, p.prob = slices.Clone(p.fits), slices.Clone(p.prob)
	for i := range p.fits {
		if model.Bank[i].Blocks() { // tried by now
			p.fits[i].untried, p.prob[i] = false, max(p.prob[i], blockSign)
		}
		p.fits[i].parts = slices.Concat(p.fits[i].parts, part.fits[i].parts)
	}
	return p
}

// beneath reads the record again, searching what counts below a block.
func (x *reading) beneath() *reading {
	y := *x
	if len(x.scopes) > 0 { // else no partition makes sense
		y.post = inferBank(x.r.arms(x.part), x.grown(), x.rng)
	}
	return &y
}

// sameBelow says whether two blocks cover counts whose figures mean the same.
func sameBelow(a, b *model.Variant) bool {
	return a.Blocks() && b.Blocks() && isBucket(a) == isBucket(b)
}

func isBucket(v *model.Variant) bool { return v.Algorithm() == verdict.TokenBucket }

// seenBelow says whether the trace tells the time of the count below a block: all
// that may be true agree about it, and none of them counts otherwise.
func (p *posterior) seenBelow(window *verdict.Figure) bool {
	top, _ := p.leader()
	for i, f := range p.fits {
		if p.prob[i] >= equivalentAbove && isBucket(f.v) != isBucket(p.fits[top].v) {
			return false
		}
	}
	return window.Hi < 2*window.Lo
}
