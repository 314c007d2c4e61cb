package guard

import (
	"time"

	"apisonde/probe/trace"
)

// Replay counts a request of an earlier part of the run, which the part that
// goes on began at offset at. A request of unknown fate may have left at any
// time before that, and may have been refused.
func (g *Guard) Replay(at time.Duration, o trace.Observation, outcome trace.Outcome, claim Claim) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sent++
	unknown := o.Fault == trace.FaultUnknown
	if outcome == trace.Limited || o.Status == 429 || unknown {
		g.tally(o.Identity).rejections++
	}
	g.lane(o.Identity, o.Route).heed(g.care, o, outcome, claim)
	out := o.Written + outslack
	switch {
	case unknown:
		out = at
	case o.Written == 0:
		return // nothing left
	case o.FirstByte > 0:
		out = min(out, o.FirstByte)
	}
	g.before(at, out)
}

// Lose counts requests that may have left before at, whose record is lost: any
// identity's. The budget's requests were lessened by them already.
func (g *Guard) Lose(at time.Duration, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lost += n
	for _, t := range g.ids {
		t.rejections += n
	}
	for range min(n, g.budget.MaxRate) {
		g.before(at, at)
	}
}

// before keeps an earlier request for the rate ceiling while it matters.
func (g *Guard) before(at, out time.Duration) {
	if g.budget.MaxRate > 0 && out+second > at {
		g.recent = append(g.recent, &slot{out: out})
	}
}
