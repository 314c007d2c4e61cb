package infer

import (
	"math"

	"apisonde/analyze/model"
)

// An explanation that contradicts nothing may still owe everything to chance: that a
// window ended within a burst of some milliseconds, and another one, and that each
// time just so many went before it. The truth hardly ever needs any of that. So
// what the best parameters cost beyond contradictions says whether the trace was
// explained or only bent to fit, as it is when others take part, when several
// servers count for themselves, or when the limit changed during the run.

// strainLimit is the most that the truth costs, seen over limiters at random: two
// instants that fell on a boundary, at 0.62 each, and a little of a ramp.
const strainLimit = 2.5

// blockedStrain is the same for a limiter that blocks: when a block began, and what it
// left of the count, is open more often.
const blockedStrain = 5

// strained says whether even the best explanation costs more than that. Then the
// search missed the parameters that do explain the trace, or there are none.
func (p *posterior) strained() bool {
	limit := strainLimit
	if top, _ := p.leader(); p.fits[top].v != nil && p.fits[top].v.HasPenalty() {
		limit = blockedStrain
	}
	return p.best()-p.doubts > limit
}

// doubts is what any explanation costs, in nats: requests of which nothing is known,
// and instants that are not known well, since what is to happen within one is open.
func doubts(arms [][]model.Event) float64 {
	n := 0
	for _, ev := range arms {
		for _, x := range ev {
			n += x.Unknown
		}
	}
	return float64(n)*math.Ln2 + blur(arms)
}

// blur is what instants that are known to 10 ms and worse may cost the truth, seen over
// limiters at random behind round trips of 20 to 60 ms.
func blur(arms [][]model.Event) float64 {
	nats := 0.0
	for _, ev := range arms {
		for _, x := range ev {
			nats += min(mostBlur, blurRate*max(0, x.E-x.S-sharpInstant))
		}
	}
	return nats
}

const (
	sharpInstant = 0.003 // seconds that are blur to no question
	blurRate     = 2.0   // nats a second and event
	mostBlur     = 0.08  // nats an event
)

// strainedBy is what is said then.
const strainedBy = "this explains every answer, but only if the end of a window fell within a burst more often than chance allows: others may use the same quota, several servers may count for themselves, or the limit changed or was reset in mid-run; a run at a quieter time, or with more identities, would tell"
