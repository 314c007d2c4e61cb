package guard

import (
	"fmt"
	"math"
	"time"

	"apisonde/probe/trace"
)

// Care is what a run spares a server beside its ceilings. The zero Care spares
// nothing.
type Care struct {
	// Inside is how many requests may go out before a stated wait is over, for
	// each time that a limit refuses; 0: as many as there are.
	Inside int
	// Leave is the share of a stated quota that is not spent, where its window
	// is longer than LongWindow: others may live on it.
	Leave float64
}

// LongWindow is the longest window whose quota may be spent to its end.
const LongWindow = 5 * time.Minute

// DefaultCare is the care where nothing else was asked for.
func DefaultCare(loopback bool) Care {
	if loopback {
		return Care{}
	}
	return Care{Inside: 2, Leave: 0.2}
}

// Claim is what an answer states of a limit, as far as the guard heeds it.
type Claim struct {
	Wait   time.Duration // before asking again; 0 where nothing is stated
	Quotas []Quota
}

// Quota is one counter that an answer speaks of.
type Quota struct {
	Limit     float64
	Remaining float64
	Window    time.Duration // 0: not stated
	Reset     time.Duration // from the answer on; 0: not stated
}

// lane is an identity on a route: what answers state holds for that alone, as
// far as is known.
type lane struct {
	inflight int

	refused time.Duration // when the refusal came that began the wait
	hold    time.Duration // when the stated wait is over
	inside  int           // requests granted before that

	spare float64       // requests that may be spent of a quota, where
	until time.Duration // now is before this
	told  bool          // that the rest is left alone
}

type laneKey struct {
	id    trace.Identity
	route string
}

func (g *Guard) lane(id trace.Identity, route string) *lane {
	k := laneKey{id, route}
	l := g.lanes[k]
	if l == nil {
		l = &lane{}
		g.lanes[k] = l
	}
	return l
}

// spared says whether care keeps a request back, and until when; at the end of
// the run's duration where waiting does not help.
func (g *Guard) spared(now time.Duration, id trace.Identity, l *lane) (Answer, time.Duration) {
	if now < l.until && l.spare < 1 {
		if !l.told {
			l.told = true
			g.notes = append(g.notes, fmt.Sprintf("%s: %.0f %% of a quota that the server states for more than %s are left alone (--leave)", id, 100*g.care.Leave, LongWindow))
		}
		return NotThis, 0
	}
	if g.care.Inside > 0 && now < l.hold && l.inside >= g.care.Inside {
		if most := g.budget.MaxDuration; most > 0 && l.hold >= most {
			return NotThis, 0
		}
		return Hold, l.hold
	}
	return Granted, 0
}

// enter counts a granted request.
func (l *lane) enter(now time.Duration) {
	l.inflight++
	l.spare--
	if now < l.hold {
		l.inside++
	}
}

// heed takes in what an answer states.
func (l *lane) heed(c Care, o trace.Observation, outcome trace.Outcome, claim Claim) {
	at := o.FirstByte
	switch {
	case outcome == trace.Admitted && o.Written >= l.refused:
		l.hold, l.inside = 0, 0
	case (outcome == trace.Limited || o.Status == 429) && claim.Wait > 0:
		if at >= l.hold {
			l.refused, l.inside = at, 0
		}
		l.hold = max(l.hold, at+claim.Wait)
	}
	if c.Leave <= 0 {
		return
	}
	for _, q := range claim.Quotas {
		if max(q.Window, q.Reset) <= LongWindow || q.Limit <= 0 {
			continue
		}
		until := at + q.Reset
		if q.Reset <= 0 {
			until = at + q.Window
		}
		spare := q.Remaining - math.Ceil(c.Leave*q.Limit) - float64(l.inflight)
		if at < l.until {
			// Answers may overtake one another, so within a window less is believed.
			spare, until = min(spare, l.spare), max(until, l.until)
		}
		l.spare, l.until = spare, until
	}
}

// Notes say in words what care kept back.
func (g *Guard) Notes() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.notes...)
}
