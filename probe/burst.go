package probe

import (
	"context"
	"runtime"
	"sync"
	"time"

	"apisonde/probe/guard"
	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// dialling is how many connections are made at once.
const dialling = 16

// burst sends on a schedule, whatever the answers, with up to step.Width
// requests in flight on connections that were dialled before.
func (s *Session) burst(ctx, wire context.Context, step plan.Step, no int) *halt {
	width := step.Width
	if most := s.cfg.Meta.Budget.MaxInflight; most > 0 {
		width = min(width, most)
	}
	if s.narrow > 0 {
		width = min(width, s.narrow)
	}
	if h := s.lease(len(step.Sends)); h != nil {
		return h
	}
	need := s.lines(step, width)
	if h := s.pause(ctx, step.Start-s.lead(len(need))); h != nil {
		return h
	}
	b := &burst{
		s: s, step: step, no: no, wire: wire,
		held:  s.ready(ctx, need),
		slots: make(chan struct{}, width),
		shots: make(chan shot, len(step.Sends)),
	}
	defer b.release()
	b.base = max(step.Start, s.cfg.Clock.Now())
	sending, stop := context.WithCancel(ctx)
	defer stop()
	go b.pace(sending)

	var end *halt
	limited, admitted := 0, 0
	for sh := range b.shots {
		if sh.obs.Fault == trace.FaultLocal {
			// It cannot send so many at once; half of that is tried next.
			s.narrow = max(1, width/2)
		}
		outcome, h := s.closed(sh)
		if h == nil {
			h = s.judge(sh.obs, outcome)
		}
		if end == nil {
			end = h
		}
		outcome = counts(step, sh.obs, outcome)
		limited, admitted = limited+is(outcome, trace.Limited), admitted+is(outcome, trace.Admitted)
		if end != nil || over(step, limited, admitted) {
			stop()
		}
	}
	s.missed += b.missed
	if h := s.interrupted(ctx); h != nil && end == nil {
		return h
	}
	if end == nil {
		end = b.end
	}
	return end
}

// burst is a step being sent. The pacer goroutine owns held, later, missed
// and end until it has closed shots.
type burst struct {
	s     *Session
	step  plan.Step
	no    int
	base  time.Duration
	wire  context.Context
	held  map[trace.Identity][]Line
	slots chan struct{} // one token a request in flight
	shots chan shot     // holds every send of the step, so that nobody waits
	end   *halt

	later  int // no send before this one is due later than the current one
	missed int // sends left out because the schedule had passed them
}

// pace sends everything in time, waits for the answers and closes shots. With
// instants to keep it has a thread to itself, so that no other goroutine delays
// its waking; without, it waits for free slots alone, which is dearer there.
func (b *burst) pace(ctx context.Context) {
	if b.step.Latest() > 0 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	var inflight sync.WaitGroup
	defer func() {
		if p := recover(); p != nil {
			b.end = &halt{StopNetwork, recovered(p)}
		}
		inflight.Wait()
		close(b.shots)
	}()
	same := 0
	for i, snd := range b.step.Sends {
		if i > 0 && snd.At == b.step.Sends[i-1].At {
			same++
		} else {
			same = 0
		}
		sh, h := b.next(ctx, i, same)
		if h != nil {
			// A step that was stopped because it has seen enough ends the
			// same way as one that was interrupted; burst tells them apart.
			if h.reason != StopInterrupted {
				b.end = h
			}
			return
		}
		if sh == nil {
			continue
		}
		inflight.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					sh.err = recovered(p)
				}
				<-b.slots
				b.shots <- *sh
			}()
			sh.fire(b.wire)
		})
	}
}

// overtaken tells that the next instant of the schedule has come as well as
// that of send i: after a stall, sending both would be a faster pace than was
// asked for. Sends of one instant do not overtake each other.
func (b *burst) overtaken(i int) bool {
	sends, now := b.step.Sends, b.s.cfg.Clock.Now()-b.base
	if now <= sends[i].At+lateAfter {
		return false
	}
	for b.later < len(sends) && sends[b.later].At <= sends[i].At {
		b.later++
	}
	return b.later < len(sends) && sends[b.later].At <= now
}

// next makes send i ready to fire, in time. A nil shot is one that is skipped.
func (b *burst) next(ctx context.Context, i, same int) (*shot, *halt) {
	snd := b.step.Sends[i]
	s, at := b.s, b.base+snd.At
	switch {
	case s.guard.Spent(snd.Identity):
		return nil, nil
	case s.tooLate(at):
		return nil, &halt{reason: StopDuration}
	}
	if s.cfg.Clock.Until(ctx, at, true) != nil {
		return nil, &halt{reason: StopInterrupted}
	}
	select {
	case b.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, &halt{reason: StopInterrupted}
	}
	if b.overtaken(i) {
		<-b.slots
		b.missed++
		return nil, nil
	}
	sh := &shot{slack: lateAfter + time.Duration(same)*eachAfter}
	sh.line, sh.fault = b.line(ctx, snd)
	var h *halt
	sh.grant, h = s.admit(ctx, snd.Identity, snd.Route, false)
	if h != nil || sh.grant.Answer != guard.Granted {
		if sh.line != nil {
			sh.line.Release()
		}
		<-b.slots
		return nil, h
	}
	if h := s.aim(sh, b.no, snd, at); h != nil {
		<-b.slots
		return nil, h
	}
	return sh, nil
}

// line is a connection for a send: one dialled before, or, late, a new one.
func (b *burst) line(ctx context.Context, snd plan.Send) (Line, trace.Fault) {
	for list := b.held[snd.Identity]; len(list) > 0; list = b.held[snd.Identity] {
		l := list[len(list)-1]
		b.held[snd.Identity] = list[:len(list)-1]
		if l.Alive() {
			return l, trace.FaultNone
		}
		l.Release()
	}
	return b.s.cfg.Sender.Reserve(ctx, snd.Identity, snd.NewConn)
}

func (b *burst) release() {
	for _, list := range b.held {
		for _, l := range list {
			l.Release()
		}
	}
}

// wanted is one connection to make ready.
type wanted struct {
	id    trace.Identity
	fresh bool
}

// lines lists the connections that a burst needs at once: for each identity, as
// many as it has sends within the time that an answer may take.
func (s *Session) lines(step plan.Step, width int) []wanted {
	window := max(4*s.longest, 50*time.Millisecond)
	var out []wanted
	first := map[trace.Identity][]time.Duration{} // instants of sends within the window
	most := map[trace.Identity]int{}
	for _, snd := range step.Sends {
		if snd.NewConn {
			out = append(out, wanted{snd.Identity, true})
			continue
		}
		q := append(first[snd.Identity], snd.At)
		for snd.At-q[0] > window {
			q = q[1:]
		}
		first[snd.Identity] = q
		if n := min(len(q), width); n > most[snd.Identity] {
			most[snd.Identity] = n
			out = append(out, wanted{snd.Identity, false})
		}
	}
	return out
}

// ready makes connections, several at once. Those that cannot be made are tried
// again when they are needed, where their fault is recorded.
func (s *Session) ready(ctx context.Context, need []wanted) map[trace.Identity][]Line {
	held := map[trace.Identity][]Line{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	turns := make(chan struct{}, dialling)
	for _, w := range need {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() {
				// A sender that panics here will do so again where it counts.
				_ = recover()
				<-turns
			}()
			l, fault := s.cfg.Sender.Reserve(ctx, w.id, w.fresh)
			if fault != trace.FaultNone {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			held[w.id] = append(held[w.id], l)
		})
	}
	wg.Wait()
	return held
}
