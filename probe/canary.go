package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// canaries sends the first request of each value of the roster, one by one. A
// baseline that is refused ends the run; any other value that is refused is
// excluded, which the Decider learns from the observation.
func (s *Session) canaries(ctx, wire context.Context) *halt {
	s.view.begin(plan.Step{Question: "does every identity get an answer?", Reason: "one request each, before anything is measured"}, 0)
	for _, c := range s.roster.Canaries() {
		if slices.Contains(s.settled, canaryDone{c.Identity, c.Route}) {
			continue
		}
		if h := s.interrupted(ctx); h != nil {
			return h
		}
		r, h := s.one(ctx, wire, 0, plan.Send{Identity: c.Identity, Route: c.Route}, 0, -1)
		if h != nil {
			return h
		}
		switch {
		case !r.sent, passes(r.obs, r.outcome):
		case r.obs.Fault == trace.FaultCancelled:
			return &halt{reason: StopInterrupted}
		case c.Dim == "":
			return s.refused(r.obs)
		default:
			s.notes = append(s.notes, fmt.Sprintf("%s is left out: its first request got %s%s", c, got(r.obs), s.why(r.obs)))
		}
	}
	return nil
}

// passes tells first answers that make a value usable. One that is limited at
// the start is: waiting cures it.
func passes(o trace.Observation, outcome trace.Outcome) bool {
	if o.Fault != trace.FaultNone {
		return false
	}
	return outcome == trace.Limited || o.Status == 429 && outcome != trace.Refused || o.Status/100 == 2 || o.Status == 304 || o.Status == 404
}

func got(o trace.Observation) string {
	if o.Fault != trace.FaultNone {
		return fmt.Sprintf("no answer (%s)", o.Fault)
	}
	return fmt.Sprintf("status %d", o.Status)
}

// explainer is a Sender that can say why a connection failed.
type explainer interface{ Explain() string }

// why adds what the sender knows of a fault that its name does not say.
func (s *Session) why(o trace.Observation) string {
	e, ok := s.cfg.Sender.(explainer)
	told := o.Fault != trace.FaultNone && o.Written == 0 || o.Fault == trace.FaultTLS || o.Fault == trace.FaultStream
	if !ok || !told || e.Explain() == "" {
		return ""
	}
	return ": " + e.Explain()
}

// refused is the end of a run whose very first request got no usable answer.
func (s *Session) refused(o trace.Observation) *halt {
	switch {
	case o.Fault != trace.FaultNone:
		return &halt{StopNetwork, fmt.Errorf("the first request got no answer (%s)%s: check the address and that the server runs", o.Fault, s.why(o))}
	case o.Status >= 500:
		return &halt{StopDistress, fmt.Errorf("the first request got status %d: the server fails before anything was asked of it", o.Status)}
	case o.Status == 401 || o.Status == 403:
		if o.Identity.Key == "" && o.Identity.User == "" {
			return &halt{StopNetwork, fmt.Errorf("the first request got status %d: the server wants a key: give one with --key", o.Status)}
		}
		return &halt{StopNetwork, fmt.Errorf("the first request got status %d: the key was refused: check the key and its place (--key-in)", o.Status)}
	case o.Status == 429:
		return &halt{StopNetwork, errors.New("the first request got status 429 and says that a plan or a balance is spent, which no wait cures: see to the account, or give another key")}
	case o.Status/100 == 3:
		return &halt{StopNetwork, fmt.Errorf("the first request got status %d, a redirect, and redirects are not followed: give the final URL", o.Status)}
	}
	return &halt{StopNetwork, fmt.Errorf("the first request got status %d: check the path, the method and the headers", o.Status)}
}
