package probe

import (
	"context"
	"fmt"

	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// egress asks, once through each vantage, where its requests arrive from. Of two
// vantages that arrive from one address the later is dropped: a server cannot tell
// them apart, so neither may the assessment. One whose address is not told stays.
func (s *Session) egress(ctx, wire context.Context) *halt {
	if s.cfg.Egress == nil {
		return nil
	}
	s.view.begin(plan.Step{Question: "where do requests arrive from?", Reason: "two vantages are two only where a server sees two addresses"}, 0)
	for _, v := range s.cfg.Meta.Roster.Vantages {
		if s.arrived.Has(v) { // in an earlier part of the run
			continue
		}
		if h := s.interrupted(ctx); h != nil {
			return h
		}
		r, h := s.one(ctx, wire, 0, plan.Send{Identity: trace.Identity{Vantage: v}, Route: s.cfg.Meta.EgressCheck}, 0, -1)
		if h != nil {
			return h
		}
		if r.obs.Fault == trace.FaultCancelled {
			return &halt{reason: StopInterrupted}
		}
		s.arrive(r.obs)
	}
	return nil
}

// arrive takes in where the requests of one vantage arrive from.
func (s *Session) arrive(o trace.Observation) {
	same := s.arrived.Add(o)
	switch {
	case same != "":
		s.roster = s.roster.Without(trace.Canary{Identity: o.Identity, Dim: trace.DimIP})
		s.notes = append(s.notes, fmt.Sprintf("ip %s is left out: its requests arrive from the same address as those of %s, %s", o.Identity.Vantage, same, o.Egress))
	case o.Egress == trace.EgressUnknown:
		s.notes = append(s.notes, fmt.Sprintf("where the requests of ip %s arrive from was not told (%s)", o.Identity.Vantage, got(o)))
	}
}

// checks tells sends that ask where they arrive from: paths of the target begin
// with a slash, this is a whole URL.
func (s *Session) checks(snd plan.Send) bool {
	return s.cfg.Egress != nil && snd.Route == s.cfg.Meta.EgressCheck
}

// reserve takes a line for a send.
func (s *Session) reserve(ctx context.Context, snd plan.Send) (Line, trace.Fault) {
	if s.checks(snd) {
		return s.cfg.Egress.Reserve(ctx, snd.Identity, snd.NewConn)
	}
	return s.cfg.Sender.Reserve(ctx, snd.Identity, snd.NewConn)
}
