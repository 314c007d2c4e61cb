package limit

import (
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// Request is what a limiter sees of a request. The empty string means that it
// carries nothing of that kind.
type Request struct {
	IP        string // address it comes from
	Key       string // API key
	User      string // user
	Forwarded string // address claimed in X-Forwarded-For
	Route     string // path
	Conn      int    // ordinal of its connection, from 1, in the order of opening
}

// Decision is what the server does with a request.
type Decision struct {
	Admit   bool
	Status  int           // 200, or the status of the refusal
	Delay   time.Duration // to be held before answering: queue, latency, jitter
	Headers [][2]string   // name and value, in order

	held *held
}

// held are the concurrency slots of one request.
type held struct {
	stack *Stack
	slots []releaser
}

// Holds says whether the request occupies something until Release.
func (d Decision) Holds() bool { return d.held != nil }

// Release gives back what the request occupies while it is in flight. The
// server calls it for every decision, refusals included, once the answer is
// out; a second call does nothing.
func (d Decision) Release() {
	if d.held == nil {
		return
	}
	d.held.stack.mu.Lock()
	defer d.held.stack.mu.Unlock()
	for _, s := range d.held.slots {
		s.release()
	}
	d.held.slots = nil
}

// Stack is one or more limiters that must all admit. Parse makes it. It is safe
// for use by several goroutines, and repeats itself exactly when it is given
// the same seed and the same calls.
type Stack struct {
	mu     sync.Mutex
	layers []*layer
	random *rand.Rand // for jitter

	started bool
	origin  time.Time // instant that base stands for
	base    instant
	latest  instant
}

func newStack(configs []*config) *Stack {
	s := &Stack{}
	for i, c := range configs {
		s.layers = append(s.layers, newLayer(c, policyName(i, len(configs))))
	}
	s.Seed(0)
	return s
}

// Seed makes the stack's randomness, which is jitter alone, repeatable.
func (s *Stack) Seed(seed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.random = rand.New(rand.NewPCG(seed, 0x6c696d6974)) // any constant will do
}

// Start says when the server started, which is where windows aligned to the
// process begin. Only the first call counts; without one it is the instant of
// the first decision.
func (s *Stack) Start(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start(at)
}

func (s *Stack) start(at time.Time) {
	if s.started {
		return
	}
	s.started, s.origin = true, at
	s.base = instant(at.UnixNano())
	s.latest = s.base
	for _, l := range s.layers {
		l.epoch = s.base
	}
}

// instant places now on the stack's line, which follows the monotonic clock
// where now carries one, and never runs back.
func (s *Stack) instant(now time.Time) instant {
	const longest = 100 * 365 * 24 * time.Hour // which leaves room for sums
	s.start(now)
	s.latest = max(s.latest, s.base.add(min(now.Sub(s.origin), longest)))
	return s.latest
}

// Decide charges the layers for one request that arrives at now. An instant
// before that of an earlier call counts as the earlier call's.
func (s *Stack) Decide(now time.Time, r Request) Decision {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.instant(now)
	d := Decision{Admit: true, Status: 200}
	var shown *layer // whose headers the answer carries
	var least quota
	for _, l := range s.layers {
		if !l.guards(r.Route) {
			continue
		}
		ruling := l.rule(at, &r)
		if !ruling.admit {
			d.Admit, d.Status, d.Delay, d.Headers = false, ruling.status, 0, nil
			if ruling.tally != nil {
				d.Headers = s.declare(l.writer.refusal(at, l.quota(ruling.tally, at)), r.Route)
			}
			return d
		}
		d.Delay += ruling.hold + l.service(s.random)
		if ruling.tally == nil {
			continue
		}
		if slot, ok := ruling.tally.core.(releaser); ok {
			d.hold(s, slot)
		}
		if l.headers == headersNone {
			continue
		}
		if q := l.quota(ruling.tally, at); shown == nil || q.remaining < least.remaining {
			shown, least = l, q
		}
	}
	if shown != nil {
		d.Headers = s.declare(shown.writer.admission(at, least), r.Route)
	}
	return d
}

// declare names the policies of all layers of a route where headers declare one.
func (s *Stack) declare(headers [][2]string, route string) [][2]string {
	if len(s.layers) < 2 {
		return headers
	}
	for i := range headers {
		if headers[i][0] != policyHeader {
			continue
		}
		var all []string
		for _, l := range s.layers {
			if l.headers == headersIETF && l.guards(route) {
				all = append(all, l.writer.policy)
			}
		}
		headers[i][1] = strings.Join(all, ", ")
	}
	return headers
}

// service is the time that the application behind the layer takes.
func (l *layer) service(random *rand.Rand) time.Duration {
	if l.jitter <= 0 {
		return l.latency
	}
	return l.latency + time.Duration(random.Int64N(int64(l.jitter)+1))
}

func (d *Decision) hold(s *Stack, slot releaser) {
	if d.held == nil {
		d.held = &held{stack: s}
	}
	d.held.slots = append(d.held.slots, slot)
}
