package sim

import (
	"math"
	"math/rand/v2"
	"time"

	"apisonde/probe"
	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// session is a run in progress.
type session struct {
	Config
	decider probe.Decider
	start   time.Time // the client's wall clock at offset zero
	random  *rand.Rand

	now     time.Duration // offset from the origin
	seen    []trace.Observation
	senders []*party // of what was seen
	events  heap
	server  *server
	parties map[trace.Identity]*party
	conns   int // connections opened
	guard   guard
}

func newSession(d probe.Decider, cfg Config) *session {
	s := &session{
		Config: cfg, decider: d, start: cfg.Start,
		random:  rand.New(rand.NewPCG(cfg.Seed, 0x73696d)), // any constant will do
		parties: map[trace.Identity]*party{},
		guard:   newGuard(cfg.Budget),
		// Growing moves every observation, and most runs stay below this.
		seen: make([]trace.Observation, 0, max(0, min(cfg.Budget.MaxRequests, 2048))),
	}
	if s.Net.Timeout <= 0 {
		s.Net.Timeout = defaultTimeout
	}
	if s.start.IsZero() {
		day := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		s.start = day.Add(time.Duration(s.random.Int64N(int64(24 * time.Hour))))
	}
	s.server = newServer(cfg.Stack, s.start.Add(cfg.Net.Skew))
	cfg.Stack.Seed(cfg.Seed)
	cfg.Stack.Start(s.server.origin.Add(-time.Duration(s.random.Int64N(int64(time.Hour)))))
	if c := cfg.Change; c != nil {
		c.Stack.Seed(cfg.Seed)
		c.Stack.Start(s.server.origin.Add(c.At))
		s.server.change = c
	}
	if cfg.Others.Rate > 0 {
		s.server.crowd = newCrowd(cfg.Others, cfg.Seed)
	}
	return s
}

func (s *session) run() probe.StopReason {
	for _, c := range s.Roster.Canaries() {
		step := plan.Step{Width: 1, Sends: []plan.Send{{Identity: c.Identity, Route: c.Route}}}
		if stop := s.do(0, step); stop != probe.StopNone {
			return stop
		}
	}
	idle := 0
	for no := 1; ; no++ {
		step, more := s.decider.Next(s.now)
		s.now += s.Net.Think
		switch {
		case more:
		case idle > 0 || s.guard.drained():
			return probe.StopBudget
		default:
			return probe.StopNone
		}
		sent := len(s.seen)
		if stop := s.do(no, step); stop != probe.StopNone {
			return stop
		}
		if len(s.seen) > sent {
			idle = 0
		} else if idle++; idle == idleSteps {
			return probe.StopBudget
		}
	}
}

// idleSteps is how many steps in a row may send nothing before the decider is
// taken to have nothing else to propose, as in a live session.
const idleSteps = 3

// never is an instant beyond every run.
const never = time.Duration(math.MaxInt64)

// burst is a step in progress.
type burst struct {
	plan.Step
	no       int
	start    time.Duration
	parties  []*party      // of the sends, in their order
	next     int           // first send that has not left
	late     time.Duration // how far the client misses the next one's moment
	inflight int
	limited  int
	admitted int
}

// over says whether nothing more is to be sent: all is, or enough was seen for
// the rest to be dropped.
func (b *burst) over() bool {
	return b.next == len(b.Sends) ||
		b.StopAfterLimited > 0 && b.limited >= b.StopAfterLimited ||
		b.StopAfterAdmitted > 0 && b.admitted >= b.StopAfterAdmitted
}

// do executes one step and returns once all that it sent is closed.
func (s *session) do(no int, step plan.Step) probe.StopReason {
	if s.guard.late(max(s.now, step.Start)) {
		return probe.StopDuration
	}
	b := s.prepare(no, step)
	stop := probe.StopNone
	for {
		due := never
		if stop == probe.StopNone && !b.over() {
			due, stop = s.due(b)
		}
		switch {
		case s.events.len() > 0 && s.events.first().at <= due && (due < never || b.inflight > 0):
			s.handle(s.events.pop(), b)
		case due < never:
			s.now = due
			s.send(b)
			b.late = s.stall()
		default:
			if len(b.Sends) == 0 {
				s.now = b.start // such a step is a pause
			}
			return stop
		}
	}
}

// prepare dials what the step needs and fixes when it starts.
func (s *session) prepare(no int, step plan.Step) *burst {
	step.Width = max(1, step.Width)
	if most := s.Budget.MaxInflight; most > 0 {
		step.Width = min(step.Width, most)
	}
	b := &burst{Step: step, no: no, parties: make([]*party, len(step.Sends))}
	dialled := false
	needs := map[*party]int{}
	for i := range step.Sends {
		send := &step.Sends[i]
		var p *party
		if i > 0 && send.Identity == step.Sends[i-1].Identity {
			p = b.parties[i-1]
		} else {
			p = s.party(send.Identity)
		}
		b.parties[i] = p
		if send.NewConn {
			dialled = true
		} else {
			needs[p]++
		}
	}
	for _, p := range b.parties { // not over the map, whose order is not repeatable
		for len(p.conns) < min(needs[p], step.Width) {
			p.conns = append(p.conns, conn{ordinal: s.open()})
			dialled = true
		}
	}
	b.start = max(s.now, step.Start)
	if dialled {
		b.start = max(b.start, s.now+s.Net.RTT)
	}
	return b
}

// due says when the next send of b may leave (never: not before something in
// flight is closed), or why none may. Sends of parties whose rejections are
// spent are passed over.
func (s *session) due(b *burst) (time.Duration, probe.StopReason) {
	for s.guard.spent(b.parties[b.next]) {
		if b.next++; b.next == len(b.Sends) {
			return never, probe.StopNone
		}
	}
	if s.guard.drained() {
		return never, probe.StopBudget
	}
	if b.inflight >= b.Width || s.guard.full(b.parties[b.next]) {
		return never, probe.StopNone
	}
	due := s.guard.pace(max(s.now, b.start+b.Sends[b.next].At+b.late))
	if s.guard.late(due) {
		return never, probe.StopDuration
	}
	return due, probe.StopNone
}

// stall draws how late the next send is.
func (s *session) stall() time.Duration {
	if s.Net.Stall <= 0 || s.random.Float64() >= s.Net.Stall {
		return 0
	}
	return time.Duration(s.random.Int64N(int64(s.Net.Stalled) + 1))
}
