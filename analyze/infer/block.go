package infer

import (
	"apisonde/analyze/model"
	"apisonde/analyze/verdict"
)

// A block hides what counts below it: whoever asks in vain is refused for as long
// as it lasts, whatever the count would say. What stands here keeps a statement
// from resting on a count that was not seen.

// hiddenConfidence is the most that is stated where a block may cover more than
// one way of counting.
const hiddenConfidence = 0.85

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
