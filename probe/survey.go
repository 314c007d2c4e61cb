package probe

import (
	"context"

	"apisonde/probe/plan"
)

// survey sends the first request of each value of the roster, one by one, and
// nothing else. Where a run that measures ends at a refused baseline, this one goes
// on: what each caller is told, refusals included, is all it is after.
func (s *Session) survey(ctx, wire context.Context) *halt {
	s.view.begin(plan.Step{Question: "what is every identity told?", Reason: "one request each"}, 0)
	for _, c := range s.roster.Canaries() {
		if h := s.interrupted(ctx); h != nil {
			return h
		}
		if _, h := s.one(ctx, wire, 0, plan.Send{Identity: c.Identity, Route: c.Route}, 0, -1); h != nil {
			return h
		}
	}
	return s.interrupted(ctx)
}
