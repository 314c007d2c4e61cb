package sim

import (
	"time"

	"apisonde/probe/trace"
)

// guard keeps a run under its ceilings.
type guard struct {
	budget trace.Budget
	sent   int
	recent []time.Duration // when the latest MaxRate requests left, a ring
}

func newGuard(b trace.Budget) guard { return guard{budget: b} }

// drained says whether the run's requests are used up.
func (g *guard) drained() bool {
	return g.budget.MaxRequests > 0 && g.sent >= g.budget.MaxRequests
}

// spent says whether the party's rejections are used up.
func (g *guard) spent(p *party) bool {
	return g.budget.MaxRejections > 0 && p.rejected >= g.budget.MaxRejections
}

// full says whether they would be if all that the party has in flight were
// rejected.
func (g *guard) full(p *party) bool {
	return g.budget.MaxRejections > 0 && p.rejected+p.inflight >= g.budget.MaxRejections
}

// pace is the first instant from at on at which one more request keeps under
// the rate ceiling in every second.
func (g *guard) pace(at time.Duration) time.Duration {
	if n := g.budget.MaxRate; n > 0 && len(g.recent) == n {
		return max(at, g.recent[g.sent%n]+time.Second)
	}
	return at
}

// late says whether at lies beyond the run's end.
func (g *guard) late(at time.Duration) bool {
	return g.budget.MaxDuration > 0 && at >= g.budget.MaxDuration
}

// count takes in a request that leaves at.
func (g *guard) count(at time.Duration) {
	if n := g.budget.MaxRate; n > 0 {
		if len(g.recent) < n {
			g.recent = append(g.recent, at)
		} else {
			g.recent[g.sent%n] = at
		}
	}
	g.sent++
}
