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
		shots: make(chan *shot, len(step.Sends)),
	}
	defer b.release()
	b.base = max(step.Start, s.cfg.Clock.Now())
	if step.Latest() > 0 {
		// The schedule begins once its first volley can be ready.
		b.base = max(step.Start, s.cfg.Clock.Now()+b.ahead(step.Sends))
	}
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

// burst is a step being sent. The pacer goroutine owns all but slots and shots
// until it has closed shots.
type burst struct {
	s     *Session
	step  plan.Step
	no    int
	base  time.Duration
	wire  context.Context
	held  map[trace.Identity][]Line
	slots chan struct{} // one token a request in flight
	shots chan *shot    // holds every send of the step, so that nobody waits
	end   *halt

	volley []*shot       // that leaves next
	due    time.Duration // offset at which the latest one was to leave
	left   time.Duration // and did
	first  int           // send that is the first of its instant
	later  int           // no send before this one is due later than the current one
	missed int           // sends left out because the schedule had passed them
}

// A volley is made ready before its instant, so that all that is left to do then is
// to write: early, and eachEarly for every send.
const (
	early     = 500 * time.Microsecond
	eachEarly = 20 * time.Microsecond
)

// pace sends everything in time, waits for the answers and closes shots. With an
// instant to keep it has a thread to itself, so that no other goroutine delays its
// waking; without, it waits for free slots alone, which is dearer there.
func (b *burst) pace(ctx context.Context) {
	sends := b.step.Sends
	if b.step.Latest() > 0 || len(sends) <= cap(b.slots) {
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
	for i := 0; i < len(sends); {
		n, h := b.next(ctx, i)
		if h == nil {
			h = b.s.aim(b.no, b.base+sends[i].At, b.volley...)
		}
		if h != nil {
			// A step that was stopped because it has seen enough ends the
			// same way as one that was interrupted; burst tells them apart.
			if h.reason != StopInterrupted {
				b.end = h
			}
			return
		}
		b.fire(sends[i].At)
		for _, sh := range b.volley {
			inflight.Go(func() {
				sh.receive()
				<-b.slots
				b.shots <- sh
			})
		}
		i += n
	}
}

// fire puts a volley on the wire at its instant, as fast as one thread can write.
// Its requests count as sent by now, so only what ends requests in flight keeps
// them from leaving.
func (b *burst) fire(at time.Duration) {
	if len(b.volley) == 0 {
		return
	}
	over := b.s.cfg.Clock.Until(b.wire, b.base+at, true)
	b.due, b.left = at, b.s.cfg.Clock.Now()-b.base
	for _, sh := range b.volley {
		if over != nil {
			sh.cancel()
			continue
		}
		sh.send(b.wire)
	}
}

// overtaken tells that there is a pace faster than was asked for in sending what
// was due at an offset: the next instant of the schedule has come as well, or what
// was due before left after it. Sends of one instant do not overtake each other.
func (b *burst) overtaken(at time.Duration) bool {
	sends, now := b.step.Sends, b.s.cfg.Clock.Now()-b.base
	if now <= at+lateAfter {
		return false
	}
	if b.due < at && b.left > at {
		return true
	}
	for b.later < len(sends) && sends[b.later].At <= at {
		b.later++
	}
	return b.later < len(sends) && sends[b.later].At <= now
}

// next makes a volley ready, shortly before its instant: of the sends from number i
// on, those of one instant that have free slots and that the guard grants at once.
// It returns how many sends it dealt with; some of them may be left out.
func (b *burst) next(ctx context.Context, i int) (n int, h *halt) {
	s, sends := b.s, b.step.Sends[i:]
	at := sends[0].At
	if at != b.step.Sends[b.first].At {
		b.first = i
	}
	b.volley = b.volley[:0]
	if s.tooLate(b.base + at) {
		return 0, &halt{reason: StopDuration}
	}
	if s.cfg.Clock.Until(ctx, b.base+at-b.ahead(sends), true) != nil {
		return 0, &halt{reason: StopInterrupted}
	}
	for ; n < len(sends) && sends[n].At == at; n++ {
		if s.guard.Spent(sends[n].Identity) {
			continue
		}
		free, h := b.slot(ctx)
		if h != nil {
			return 0, h
		}
		if !free {
			break
		}
		if len(b.volley) == 0 && b.overtaken(at) {
			<-b.slots
			b.missed++
			continue
		}
		sh := &shot{no: n, snd: &sends[n], slack: lateAfter + time.Duration(i+n-b.first)*eachAfter}
		sh.line, sh.fault = b.line(ctx, sends[n])
		b.volley = append(b.volley, sh)
	}
	return b.grant(ctx, n)
}

// ahead is how long before its instant the volley at the beginning of sends is made
// ready.
func (b *burst) ahead(sends []plan.Send) time.Duration {
	n := 1
	for n < len(sends) && n < cap(b.slots) && sends[n].At == sends[0].At {
		n++
	}
	return early + time.Duration(n)*eachEarly
}

// slot takes a free slot, for which the first of a volley waits.
func (b *burst) slot(ctx context.Context) (free bool, h *halt) {
	if len(b.volley) == 0 {
		select {
		case b.slots <- struct{}{}:
			return true, nil
		case <-ctx.Done():
			return false, &halt{reason: StopInterrupted}
		}
	}
	select {
	case b.slots <- struct{}{}:
		return true, nil
	default:
		return false, nil
	}
}

// grant asks the guard for n sends, of which the volley is made. The first may wait
// for it. Another one that it does not grant at once is left, with those behind it,
// for the next volley: it returns how many sends that leaves.
func (b *burst) grant(ctx context.Context, n int) (int, *halt) {
	all := b.volley
	b.volley = all[:0]
	var end *halt
	for _, sh := range all {
		switch {
		case end != nil || sh.no >= n:
		case len(b.volley) == 0:
			sh.grant, end = b.s.admit(ctx, sh.snd.Identity, sh.snd.Route, false)
		default:
			sh.grant = b.s.guard.Reserve(b.s.cfg.Clock.Now(), sh.snd.Identity, sh.snd.Route)
			if sh.grant.Answer != guard.Granted {
				n = sh.no
			}
		}
		if end == nil && sh.no < n && sh.grant.Answer == guard.Granted {
			b.volley = append(b.volley, sh)
			continue
		}
		sh.release()
		<-b.slots
	}
	return n, end
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
