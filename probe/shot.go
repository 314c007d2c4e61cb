package probe

import (
	"context"
	"errors"
	"fmt"
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
	snd   *plan.Send
	no    int // among the sends of one instant
	obs   trace.Observation
	grant guard.Grant
	line  Line // nil where none could be made
	fault trace.Fault
	slack time.Duration // how far it may miss its schedule; negative: it has none
	err   error         // of sending or receiving it
}

// admit asks the guard until it grants, refuses this identity, or ends the run.
// It waits where waiting helps; for a wait that the server stated, which may be
// long, only where patient is set.
func (s *Session) admit(ctx context.Context, id trace.Identity, route string, patient bool) (guard.Grant, *halt) {
	for {
		if h := s.interrupted(ctx); h != nil {
			return guard.Grant{}, h
		}
		g := s.guard.Reserve(s.cfg.Clock.Now(), id, route)
		switch g.Answer {
		case guard.Granted, guard.NotThis:
			return g, nil
		case guard.NoMore:
			return g, &halt{reason: StopBudget}
		case guard.TimeOver:
			return g, &halt{reason: StopDuration}
		case guard.Hold:
			if !patient {
				return g, nil
			}
			if h := s.pause(ctx, g.At); h != nil {
				return g, h
			}
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

// aim numbers granted requests and journals their intents. After it they count as
// sent, so send and receive must follow. On an error nothing may be sent, and the
// lines are given back.
func (s *Session) aim(step int, planned time.Duration, shots ...*shot) *halt {
	if len(shots) == 0 {
		return nil
	}
	s.intents = s.intents[:0]
	for i, sh := range shots {
		sh.obs = trace.Observation{
			Seq: s.seq + 1 + i, Step: step, Identity: sh.snd.Identity, Route: sh.snd.Route, Planned: planned,
		}
		if s.checks(*sh.snd) {
			sh.obs.Egress = trace.EgressUnknown
		}
		if sh.line != nil {
			sh.obs.Conn = sh.line.Conn()
		}
		s.intents = append(s.intents, sh.obs)
	}
	if err := s.cfg.Journal.Intent(s.intents...); err != nil {
		for _, sh := range shots {
			sh.release()
		}
		return &halt{StopTrace, err}
	}
	s.seq += len(shots)
	for _, sh := range shots {
		s.view.sent(sh.obs)
	}
	return nil
}

// release gives the line back unused.
func (sh *shot) release() {
	if sh.line != nil {
		sh.line.Release()
	}
}

// cancel is what becomes of a request that is not sent after all.
func (sh *shot) cancel() {
	sh.release()
	sh.line, sh.fault = nil, trace.FaultCancelled
}

// send puts an aimed request on the wire.
func (sh *shot) send(wire context.Context) {
	defer sh.caught()
	if sh.line != nil {
		sh.line.Send(wire, sh.obs.Route)
	}
}

// receive waits for the end of a request that was sent.
func (sh *shot) receive() {
	defer sh.caught()
	if sh.line == nil {
		sh.obs.Fault = sh.fault
		return
	}
	if sh.err != nil {
		return
	}
	got := sh.line.Receive()
	got.Seq, got.Step, got.Identity, got.Route, got.Planned = sh.obs.Seq, sh.obs.Step, sh.obs.Identity, sh.obs.Route, sh.obs.Planned
	if sh.obs.Egress != "" && got.Egress == "" {
		got.Egress = sh.obs.Egress
	}
	got.Late = sh.slack >= 0 && got.Written > got.Planned+sh.slack
	sh.obs = got
}

// caught keeps a panic of the wire from leaving a request without its end.
func (sh *shot) caught() {
	if p := recover(); p != nil {
		sh.err = recovered(p)
	}
}

// closed asks what a request that is over means, and records it.
func (s *Session) closed(sh *shot) (trace.Outcome, *halt) {
	if sh.err != nil {
		// The request may have left: in the trace its fate stays unknown.
		s.guard.Close(sh.grant, sh.obs, trace.Ignored, guard.Claim{})
		s.view.closed(sh.obs, trace.Ignored)
		return trace.Ignored, &halt{StopNetwork, sh.err}
	}
	o := sh.obs
	outcome, err := s.observe(o)
	s.guard.Close(sh.grant, o, outcome, s.claim(o))
	h := s.judge(&o, outcome)
	sh.obs = o
	journal := s.cfg.Journal.Outcome(o)
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
	return outcome, h
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

// judge asks the guard what an answer says about the server's health. First
// requests that got no usable answer say nothing of it: their value is left out.
func (s *Session) judge(o *trace.Observation, outcome trace.Outcome) *halt {
	first := o.Step == 0 && (s.cfg.Survey || o.Egress != "" || !passes(*o, outcome))
	if first || s.guard.Barred(o.Identity) {
		return nil
	}
	alarm, why := s.watch.See(s.cfg.Clock.Now(), *o, outcome, s.claim(*o).Wait)
	switch alarm {
	case guard.Distress:
		return &halt{StopDistress, errors.New(why)}
	case guard.Ban:
		o.Ban = true
		if !s.bar(o.Identity, why) {
			return &halt{StopBan, errors.New(why)}
		}
	case guard.Cut:
		return &halt{StopNetwork, errors.New(why)}
	}
	return nil
}

// bar stops whoever shares the address or the account of a caller that the server
// may have banned. It returns false where the run cannot go on without them.
func (s *Session) bar(id trace.Identity, why string) bool {
	b, ok := s.cfg.Decider.(barrer)
	if !ok || !b.Bar(id) {
		return false
	}
	s.guard.Bar(id)
	s.notes = append(s.notes, fmt.Sprintf("%s was asked nothing more, nor was who shares its address or account: %s", id, why))
	return true
}

// claim reads what an answer states.
func (s *Session) claim(o trace.Observation) guard.Claim {
	if s.cfg.Claims == nil || o.Status == 0 {
		return guard.Claim{}
	}
	return s.cfg.Claims(o)
}
