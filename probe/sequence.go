package probe

import (
	"context"
	"time"

	"apisonde/probe/guard"
	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// ahead is how long before a timed send its connection is made ready: long
// enough to dial, short enough that the server does not close it again.
const ahead = 100 * time.Millisecond

// lead is ahead, or more where round trips are long or many connections are to
// be made.
func (s *Session) lead(lines int) time.Duration {
	each := max(ahead, 4*s.longest)
	return min(each+each*time.Duration(lines)/32, 3*time.Second)
}

// sequence sends one by one, each after the answer to the one before.
func (s *Session) sequence(ctx, wire context.Context, step plan.Step, no int) *halt {
	base := max(step.Start, s.cfg.Clock.Now())
	limited, admitted := 0, 0
	for i, snd := range step.Sends {
		// A send with a time of its own has a schedule to miss; one without
		// leaves when it can.
		slack := time.Duration(-1)
		if snd.At > 0 || i == 0 && step.Start > 0 {
			slack = lateAfter
		}
		r, h := s.one(ctx, wire, no, snd, base+snd.At, slack)
		if h != nil {
			return h
		}
		if !r.sent {
			continue
		}
		outcome := counts(step, r.obs, r.outcome)
		limited, admitted = limited+is(outcome, trace.Limited), admitted+is(outcome, trace.Admitted)
		if over(step, limited, admitted) {
			return nil
		}
	}
	return nil
}

// over tells whether a step has seen what it was waiting for.
func over(step plan.Step, limited, admitted int) bool {
	return step.StopAfterLimited > 0 && limited >= step.StopAfterLimited ||
		step.StopAfterAdmitted > 0 && admitted >= step.StopAfterAdmitted
}

// counts is what an answer counts as towards the end of its step.
func counts(step plan.Step, o trace.Observation, outcome trace.Outcome) trace.Outcome {
	if outcome == trace.Admitted && step.Late > 0 && o.FirstByte-o.Written > step.Late {
		return trace.Limited
	}
	return outcome
}

func is(o, want trace.Outcome) int {
	if o == want {
		return 1
	}
	return 0
}

// result is what became of one send of a sequence.
type result struct {
	obs     trace.Observation
	outcome trace.Outcome
	sent    bool // false where the identity is barred or its rejections are spent
}

// one sends one request at an instant, or now if that is past, and waits for
// its end.
func (s *Session) one(ctx, wire context.Context, no int, snd plan.Send, at, slack time.Duration) (result, *halt) {
	if now := s.cfg.Clock.Now(); at <= now {
		// The answer before came after this one was due: it leaves when it can.
		at, slack = now, -1
	}
	switch {
	case s.guard.Spent(snd.Identity):
		return result{}, nil
	case s.tooLate(at):
		return result{}, &halt{reason: StopDuration}
	}
	if h := s.lease(1); h != nil {
		return result{}, h
	}
	if h := s.pause(ctx, at-s.lead(1)); h != nil {
		return result{}, h
	}
	sh := shot{snd: &snd, slack: slack}
	sh.line, sh.fault = s.reserve(ctx, snd)
	if h := s.hold(ctx, &sh, at, slack >= 0, snd); h != nil || sh.grant.Answer != guard.Granted {
		sh.release()
		return result{}, h
	}
	if slack < 0 {
		at = s.cfg.Clock.Now()
	}
	if h := s.aim(no, at, &sh); h != nil {
		return result{}, h
	}
	sh.send(wire)
	sh.receive()
	outcome, h := s.closed(&sh)
	return result{sh.obs, outcome, true}, h
}

// hold keeps a shot with its line until its instant has come and the guard has
// granted it. A line that died meanwhile is replaced, before the grant and, where
// that came late, after it.
func (s *Session) hold(ctx context.Context, sh *shot, at time.Duration, precise bool, snd plan.Send) *halt {
	if s.cfg.Clock.Until(ctx, at, precise) != nil {
		return &halt{reason: StopInterrupted}
	}
	s.revive(ctx, sh, snd)
	var h *halt
	sh.grant, h = s.admit(ctx, snd.Identity, snd.Route, true)
	s.revive(ctx, sh, snd)
	return h
}

func (s *Session) revive(ctx context.Context, sh *shot, snd plan.Send) {
	if sh.line != nil && !sh.line.Alive() {
		sh.line.Release()
		sh.line, sh.fault = s.reserve(ctx, snd)
	}
}
