// Package probe runs an assessment: it asks a Decider what to send next, checks
// the guard, sends, and journals. It owns the interfaces between these; what
// the answers mean is the Decider's business.
package probe

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"apisonde/probe/guard"
	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

const (
	// drain is how long requests in flight may take to end after the run was
	// interrupted.
	drain = 5 * time.Second
	// idleSteps is how many steps in a row may send nothing before a decider
	// is taken to have nothing else to propose.
	idleSteps = 3
)

// Config is what a session is made of.
type Config struct {
	// Meta is the opening of the trace: target, roster, budget, seed. The
	// journal was created with the same.
	Meta    trace.Meta
	Decider Decider
	Sender  Sender
	Journal Journal
	Clock   Clock
	// Care is what the run spares the server beside its ceilings.
	Care guard.Care
	// LearnBans keeps suspected bans from stopping anybody; on loopback they
	// never do.
	LearnBans bool
	// Claims reads what an answer states of waits and quotas. Nil reads nothing,
	// which suffices where nothing is spared and bans do not stop.
	Claims func(trace.Observation) guard.Claim
	// Earlier are the parts of the run that this one goes on with, nil for none.
	// Meta.Budget is then what they left of it (see trace.Trace.Left), and the
	// clock goes on where Begin says.
	Earlier *trace.Trace
	Begin   time.Duration
	// Egress asks Meta.EgressCheck where requests arrive from, before anything
	// else; nil asks nothing.
	Egress Sender
	// Survey makes the run one request for each value of the roster, whatever
	// comes of it; the Decider observes and is asked for nothing.
	Survey bool
}

// Result is what a run leaves.
type Result struct {
	Reason StopReason
	// Err says in words why a run ended that did not end by itself; nil
	// otherwise. It names no credential.
	Err error
	// Trace is what the journal recorded, earlier parts included. Where writing
	// it failed it has no end.
	Trace trace.Trace
	// Notes are, in words, the values that the first requests excluded and
	// what the guard saw and did not stop for.
	Notes []string
}

// Session is one run. Run is called once; Snapshot and Abort at any time from
// any goroutine.
type Session struct {
	cfg   Config
	guard *guard.Guard
	watch *guard.Watch
	view  *view

	aborted chan struct{}
	abort   sync.Once

	// closedOne holds a token after a request was closed, for a pacer that
	// waits for that.
	closedOne chan struct{}

	// Used by the goroutine that Run runs in alone.
	roster  trace.Roster   // less the vantages that are none of their own
	arrived trace.Egresses // where requests arrive from, by vantage
	longest time.Duration  // round trip so far, for dialling ahead
	notes   []string
	missed  int // sends left out rather than caught up with
	started bool
	step0   int          // steps of earlier parts
	settled []canaryDone // canaries that earlier parts settled
	narrow  int          // most requests at once that this machine was found to manage; 0: not known

	// Used by the goroutine that sends alone: the pacer of a burst, else Run's.
	seq     int                 // requests numbered so far
	leased  int                 // requests up to this number may be sent
	intents []trace.Observation // of one record
}

// NewSession returns a session that has sent nothing yet.
func NewSession(cfg Config) *Session {
	cfg.Meta.Started = cfg.Meta.Started.UTC().Round(0)
	return &Session{
		cfg:       cfg,
		roster:    cfg.Meta.Roster,
		guard:     guard.New(cfg.Meta.Budget, cfg.Care),
		watch:     guard.NewWatch(cfg.Meta.Loopback || cfg.LearnBans),
		view:      newView(cfg.Clock, cfg.Begin, cfg.Meta.Budget),
		aborted:   make(chan struct{}),
		closedOne: make(chan struct{}, 1),
	}
}

// Snapshot is a picture of the run so far. It is cheap and never waits for the
// network.
func (s *Session) Snapshot() Snapshot { return s.view.snapshot() }

// Abort ends requests in flight at once. It is what a second interrupt does,
// when the first, a cancelled context, waits for them.
func (s *Session) Abort() { s.abort.Do(func() { close(s.aborted) }) }

// halt is the end of a run: why, and in words where there is more to say. A nil
// halt is a run that goes on.
type halt struct {
	reason StopReason
	err    error
}

// Run sends canaries, then steps, until the Decider has nothing left to ask or
// something ends the run before. A cancelled ctx is an interrupt: nothing new is
// sent, what is in flight may take up to 5 s to end, and all of it is journalled.
// The journal is closed in any case.
func (s *Session) Run(ctx context.Context) Result {
	if s.started {
		return Result{Err: errors.New("a session runs once")}
	}
	s.started = true
	h := s.run(ctx)
	if h == nil {
		h = &halt{}
	}
	end := trace.End{Reason: string(h.reason), At: s.cfg.Clock.Now(), Requests: s.seq, Ended: time.Now()}
	err := s.cfg.Journal.Close(end)
	recorded, unread := s.cfg.Journal.Trace()
	if err = errors.Join(err, unread); err != nil && h.reason != StopTrace {
		h.err = errors.Join(h.err, err)
		if h.reason != StopInterrupted {
			h.reason = StopTrace
		}
	}
	s.view.finish(h.reason, end.At)
	if s.missed > 0 {
		s.notes = append(s.notes, fmt.Sprintf("%d planned requests were left out: their instants had passed, and catching up would have been a faster pace than planned", s.missed))
	}
	return Result{
		Reason: h.reason, Err: h.err, Trace: recorded,
		Notes: append(append(s.notes, s.guard.Notes()...), s.watch.Notes()...),
	}
}

func (s *Session) run(ctx context.Context) (h *halt) {
	defer func() {
		if p := recover(); p != nil {
			h = &halt{StopNetwork, recovered(p)}
		}
	}()
	wire, done := s.wire(ctx)
	defer done()
	if s.cfg.Earlier != nil {
		s.replay(*s.cfg.Earlier)
	}
	if h := s.egress(ctx, wire); h != nil {
		return h
	}
	if s.cfg.Survey {
		return s.survey(ctx, wire)
	}
	if h := s.canaries(ctx, wire); h != nil {
		return h
	}
	return s.steps(ctx, wire)
}

// wire returns the context of requests in flight: it outlives ctx, and the
// run's duration, by the time that draining may take, and ends at once on Abort.
func (s *Session) wire(ctx context.Context) (context.Context, func()) {
	wire, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer cancel()
		var over <-chan time.Time
		if most := s.cfg.Meta.Budget.MaxDuration; most > 0 {
			t := time.NewTimer(most - s.cfg.Clock.Now())
			defer t.Stop()
			over = t.C
		}
		select {
		case <-wire.Done():
			return
		case <-s.aborted:
			return
		case <-over:
		case <-ctx.Done():
		}
		t := time.NewTimer(drain)
		defer t.Stop()
		select {
		case <-wire.Done():
		case <-s.aborted:
		case <-t.C:
		}
	}()
	return wire, cancel
}

// steps asks and sends until something ends it.
func (s *Session) steps(ctx, wire context.Context) *halt {
	idle := 0
	for no := s.step0 + 1; ; no++ {
		if h := s.interrupted(ctx); h != nil {
			return h
		}
		step, more := s.cfg.Decider.Next(s.cfg.Clock.Now())
		if !more {
			return s.finished(idle > 0)
		}
		before := s.guard.Sent()
		s.view.begin(step, no)
		if h := s.step(ctx, wire, step, no); h != nil {
			return h
		}
		if s.guard.Sent() > before {
			idle = 0
			continue
		}
		if idle++; idle >= idleSteps {
			return &halt{reason: StopBudget}
		}
	}
}

// finished is the end of a run whose decider has nothing left to ask. skipped
// is whether the latest step could not be sent.
func (s *Session) finished(skipped bool) *halt {
	b := s.cfg.Meta.Budget
	if skipped || b.MaxRequests > 0 && s.guard.Sent() >= b.MaxRequests {
		return &halt{reason: StopBudget}
	}
	return nil
}

// step sends one step.
func (s *Session) step(ctx, wire context.Context, step plan.Step, no int) *halt {
	switch {
	case s.tooLate(step.Start):
		return &halt{reason: StopDuration}
	case len(step.Sends) == 0:
		return s.pause(ctx, step.Start)
	case step.Width > 1:
		return s.burst(ctx, wire, step, no)
	}
	return s.sequence(ctx, wire, step, no)
}

// tooLate tells instants at which the run's duration is over: there is no use in
// waiting for them.
func (s *Session) tooLate(at time.Duration) bool {
	max := s.cfg.Meta.Budget.MaxDuration
	return max > 0 && at >= max
}

// pause waits, without precision.
func (s *Session) pause(ctx context.Context, until time.Duration) *halt {
	if s.cfg.Clock.Until(ctx, until, false) != nil {
		return &halt{reason: StopInterrupted}
	}
	return nil
}

func (s *Session) interrupted(ctx context.Context) *halt {
	select {
	case <-ctx.Done():
	case <-s.aborted:
	default:
		return nil
	}
	return &halt{reason: StopInterrupted}
}

// recovered turns a panic into an error. Its value may hold anything, so only
// what the runtime itself says is repeated.
func recovered(p any) error {
	if e, ok := p.(runtime.Error); ok {
		return fmt.Errorf("internal error: %w", e)
	}
	return fmt.Errorf("internal error: a panic of type %T", p)
}
