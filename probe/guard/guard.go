// Package guard holds the ceilings of a run, sees when a server suffers or
// bans, and decides whether a target may be tested at all.
package guard

import (
	"slices"
	"sync"
	"time"

	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// Answer is what Reserve says.
type Answer int

// The answers.
const (
	Granted   Answer = iota // the request may leave, now; Close must follow
	WaitUntil               // not before the instant in Grant.At: the rate ceiling
	WaitDone                // not before another request is closed: in flight, or possible rejections
	NoMore                  // the run's requests are spent
	TimeOver                // the run's duration is over
	NotThis                 // this identity is barred, its rejections are spent, or what is left of its quota is spared
	Hold                    // not before the instant in Grant.At: the wait that the server stated
)

// Grant is the answer to one Reserve.
type Grant struct {
	Answer Answer
	At     time.Duration // with WaitUntil and Hold: the earliest instant worth asking again
	slot   *slot
	tally  *tally
	lane   *lane
}

// The rate ceiling holds for any second in which requests reach the server, as
// far as that can be told from here. A request counts from when it was granted
// until one second after it was certainly out: after its first answering byte,
// or outslack after it was written, whichever is sooner; and while it is
// unanswered, unknownslack after it was granted.
const (
	second       = time.Second
	outslack     = 50 * time.Millisecond
	unknownslack = 150 * time.Millisecond
)

// slot is one request in the second that the rate ceiling looks at.
type slot struct {
	out     time.Duration // the latest that it left
	dropped bool          // no longer in Guard.recent
}

// Guard counts requests against a budget. Reserve is atomic: however many
// goroutines ask, no ceiling is passed by one. It is safe for concurrent use
// and holds no lock over a wait.
type Guard struct {
	budget plan.Budget
	care   Care

	mu       sync.Mutex
	sent     int
	inflight int
	recent   []*slot // those that the rate ceiling still counts
	ids      map[trace.Identity]*tally
	banned   []trace.Identity
	lanes    map[laneKey]*lane
	lost     int // rejections that every identity may have had unrecorded
	notes    []string
}

type tally struct {
	inflight   int
	rejections int
}

// New returns a Guard for a budget. A ceiling of zero is none.
func New(b plan.Budget, c Care) *Guard {
	return &Guard{budget: b, care: c, ids: map[trace.Identity]*tally{}, lanes: map[laneKey]*lane{}}
}

func (g *Guard) tally(id trace.Identity) *tally {
	t := g.ids[id]
	if t == nil {
		t = &tally{rejections: g.lost}
		g.ids[id] = t
	}
	return t
}

// Reserve asks whether a request of an identity on a route may leave at now, and
// counts it if so. Ceilings that waiting does not cure are looked at first.
func (g *Guard) Reserve(now time.Duration, id trace.Identity, route string) Grant {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.budget
	if b.MaxDuration > 0 && now >= b.MaxDuration {
		return Grant{Answer: TimeOver}
	}
	if b.MaxRequests > 0 && g.sent >= b.MaxRequests {
		return Grant{Answer: NoMore}
	}
	t, l := g.tally(id), g.lane(id, route)
	if g.spent(id) {
		return Grant{Answer: NotThis}
	}
	if no, at := g.spared(now, id, l); no != Granted {
		return Grant{Answer: no, At: at}
	}
	// Every request in flight might be rejected.
	if b.MaxRejections > 0 && t.rejections+t.inflight >= b.MaxRejections {
		return Grant{Answer: WaitDone}
	}
	if b.MaxInflight > 0 && g.inflight >= b.MaxInflight {
		return Grant{Answer: WaitDone}
	}
	var s *slot
	if b.MaxRate > 0 {
		if at, full := g.full(now); full {
			return Grant{Answer: WaitUntil, At: at}
		}
		s = &slot{out: now + unknownslack}
		g.recent = append(g.recent, s)
	}
	g.sent++
	g.inflight++
	t.inflight++
	l.enter(now)
	return Grant{Answer: Granted, slot: s, tally: t, lane: l}
}

// full tells whether the last second holds as many requests as it may, and when
// the first of them leaves it.
func (g *Guard) full(now time.Duration) (time.Duration, bool) {
	kept := g.recent[:0]
	first := time.Duration(1<<63 - 1)
	for _, s := range g.recent {
		if free := s.out + second; free > now {
			kept = append(kept, s)
			first = min(first, free)
		} else {
			s.dropped = true
		}
	}
	clear(g.recent[len(kept):])
	g.recent = kept
	return first, len(kept) >= g.budget.MaxRate
}

// Close ends a granted request: o is what came of it, outcome how it counts, and
// claim what it states. A 429 is a rejection whatever it counts as.
func (g *Guard) Close(gr Grant, o trace.Observation, outcome trace.Outcome, claim Claim) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inflight--
	t := gr.tally
	t.inflight--
	gr.lane.inflight--
	gr.lane.heed(g.care, o, outcome, claim)
	if outcome == trace.Limited || o.Status == 429 {
		t.rejections++
	}
	if gr.slot == nil || o.Written == 0 {
		return
	}
	gr.slot.out = o.Written + outslack
	if o.FirstByte > 0 {
		gr.slot.out = min(gr.slot.out, o.FirstByte)
	}
	if gr.slot.dropped {
		// It left later than was thought possible: it counts again.
		gr.slot.dropped = false
		g.recent = append(g.recent, gr.slot)
	}
}

// Bar stops an identity that the server may have banned, and every other one that
// shares its address or its account.
func (g *Guard) Bar(id trace.Identity) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.banned = append(g.banned, id)
}

// Barred tells whether Bar stopped an identity.
func (g *Guard) Barred(id trace.Identity) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.ContainsFunc(g.banned, id.Shares)
}

// Spent tells whether an identity is barred or its rejections are spent: waiting
// will not let it send again.
func (g *Guard) Spent(id trace.Identity) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.spent(id)
}

func (g *Guard) spent(id trace.Identity) bool {
	if slices.ContainsFunc(g.banned, id.Shares) {
		return true
	}
	t := g.ids[id]
	return t != nil && g.budget.MaxRejections > 0 && t.rejections >= g.budget.MaxRejections
}

// Sent is how many requests were granted.
func (g *Guard) Sent() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sent
}

// Inflight is how many granted requests are not closed.
func (g *Guard) Inflight() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inflight
}

// DefaultBudget is the budget where nothing else was asked for.
func DefaultBudget(loopback bool) plan.Budget {
	if loopback {
		return plan.Budget{MaxRequests: 100_000, MaxDuration: 30 * time.Minute, MaxInflight: 256}
	}
	return plan.Budget{
		MaxRequests: 1000, MaxDuration: 15 * time.Minute, MaxRate: 20, MaxInflight: 20, MaxRejections: 25,
	}
}
