package probe

import (
	"context"
	"errors"
	"time"

	"apisonde/probe/guard"
	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

const (
	// lateAfter is how far a send may miss its schedule before it is marked.
	lateAfter = 2 * time.Millisecond
	// eachAfter is what a send may be later for every send before it that was
	// due at the same instant: one thread starts them one after another.
	eachAfter = 50 * time.Microsecond
	// recheck is how often the guard is asked again while the rate ceiling
	// holds a send back.
	recheck = 10 * time.Millisecond
)

// shot is one request on its way through the session.
type shot struct {
	obs   trace.Observation
	grant guard.Grant
	line  Line // nil where none could be made
	fault trace.Fault
	slack time.Duration // how far it may miss its schedule; negative: it has none
	err   error         // of the goroutine that fired it
}

// admit asks the guard until it grants, refuses this identity, or ends the run.
// It waits where waiting helps.
func (s *Session) admit(ctx context.Context, id trace.Identity) (guard.Grant, *halt) {
	for {
		if h := s.interrupted(ctx); h != nil {
			return guard.Grant{}, h
		}
		g := s.guard.Reserve(s.cfg.Clock.Now(), id)
		switch g.Answer {
		case guard.Granted, guard.NotThis:
			return g, nil
		case guard.NoMore:
			return g, &halt{reason: StopBudget}
		case guard.TimeOver:
			return g, &halt{reason: StopDuration}
		case guard.WaitUntil:
			if s.tooLate(g.At) {
				return g, &halt{reason: StopDuration}
			}
			// An answer that comes meanwhile may show that it can be sooner.
			if h := s.pause(ctx, min(g.At, s.cfg.Clock.Now()+recheck)); h != nil {
				return g, h
			}
		case guard.WaitDone:
			select {
			case <-s.closedOne:
			case <-ctx.Done():
			case <-s.aborted:
			}
		}
	}
}

// aim numbers a granted request and journals its intent. After it the request
// counts as sent, so fire must follow. On an error nothing may be sent, and the
// line is given back.
func (s *Session) aim(sh *shot, step int, snd plan.Send, planned time.Duration) *halt {
	sh.obs = trace.Observation{
		Seq: s.aimed + 1, Step: step, Identity: snd.Identity, Route: snd.Route, Planned: planned,
	}
	if sh.line != nil {
		sh.obs.Conn = sh.line.Conn()
	}
	if err := s.cfg.Journal.Intent(sh.obs); err != nil {
		if sh.line != nil {
			sh.line.Release()
		}
		return &halt{StopTrace, err}
	}
	s.aimed++
	s.view.sent(sh.obs)
	return nil
}

// fire puts an aimed request on the wire and waits for its end.
func (sh *shot) fire(wire context.Context) {
	if sh.line == nil {
		sh.obs.Fault = sh.fault
		return
	}
	got := sh.line.Do(wire, sh.obs.Route)
	got.Seq, got.Step, got.Identity, got.Route, got.Planned = sh.obs.Seq, sh.obs.Step, sh.obs.Identity, sh.obs.Route, sh.obs.Planned
	got.Late = sh.slack >= 0 && got.Written > got.Planned+sh.slack
	sh.obs = got
}

// closed records a fired request and asks what it means.
func (s *Session) closed(sh shot) (trace.Outcome, *halt) {
	if sh.err != nil {
		// The request may have left: in the trace its fate stays unknown.
		s.guard.Close(sh.grant, sh.obs, trace.Ignored)
		s.view.closed(sh.obs, trace.Ignored)
		return trace.Ignored, &halt{StopNetwork, sh.err}
	}
	o := sh.obs
	journal := s.cfg.Journal.Outcome(o)
	outcome, err := s.observe(o)
	s.guard.Close(sh.grant, o, outcome)
	select {
	case s.closedOne <- struct{}{}:
	default:
	}
	s.view.closed(o, outcome)
	if o.Done > 0 {
		s.longest = max(s.longest, o.Done-o.Written)
	}
	if journal != nil {
		return outcome, &halt{StopTrace, journal}
	}
	if err != nil {
		return outcome, &halt{StopNetwork, err}
	}
	return outcome, nil
}

// observe tells the Decider. Its panic must not leave requests in flight
// without a record, so it ends here.
func (s *Session) observe(o trace.Observation) (outcome trace.Outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = recovered(p)
		}
	}()
	return s.cfg.Decider.Observe(o), nil
}

// judge asks the guard what an answer says about the server's health.
func (s *Session) judge(o trace.Observation, outcome trace.Outcome) *halt {
	alarm, why := s.watch.See(s.cfg.Clock.Now(), o, outcome)
	switch alarm {
	case guard.Distress:
		return &halt{StopDistress, errors.New(why)}
	case guard.Ban:
		return &halt{StopBan, errors.New(why)}
	case guard.Cut:
		return &halt{StopNetwork, errors.New(why)}
	}
	return nil
}
