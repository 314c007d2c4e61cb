package infer

import (
	"slices"

	"apisonde/analyze/model"
	"apisonde/analyze/verdict"
)

// A block hides what counts below it: whoever asks in vain is refused for as long
// as it lasts, whatever the count would say. What stands here keeps a statement
// from resting on a count that was not seen.

// hiddenConfidence is the most that is stated where a block may cover more than
// one way of counting.
const hiddenConfidence = 0.85

// reach widens b to the shortest and the longest block with which the best of the
// parameters seen costs no more than limit: a walk stops short of them.
func (f *fitter) reach(v *model.Variant, b *box, seen []particle, limit float64) {
	if len(seen) == 0 {
		return
	}
	best := slices.MinFunc(seen, func(x, y particle) int { return cmpFloat(x.cost, y.cost) })
	for _, toward := range []float64{-1, 1} {
		q, step := best.p, 0.001
		for range 20 {
			next := q
			next.P *= 1 + toward*step
			if step < 1 && valid(v, &next) && f.cost(v, next, limit).Total <= limit {
				q, step = next, 2*step
			} else {
				step /= 2
			}
		}
		b.add(q)
	}
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
	return sharp(window.Lo, window.Hi)
}

// sharp says whether a duration is told well enough to be stated.
func sharp(lo, hi float64) bool { return hi < 1.3*lo }
