package model

// Either is two windows of which either admits: the second takes what the first refuses,
// as rate-limiter-flexible's BurstyRateLimiter does. From rest it admits what both do, and
// in the long run as many.
type Either struct{ First, Second Model }

// NewEither returns a rested one of the variant's windows.
func NewEither(v *Variant, first, second Params) Either {
	return Either{New(v, first), New(v, second)}
}

// Run adds up the cost of one counter's events, from rest. It gives up once the total
// passes limit, and then Total is above it. Events of which nothing is known are left out.
func (m *Either) Run(events []Event, limit float64) Cost {
	m.First.Reset()
	m.Second.Reset()
	var c Cost
	for i := range events {
		if events[i].Unknown > 0 {
			continue
		}
		m.step(&events[i], &c)
		if c.Total > limit {
			break
		}
	}
	return c
}

// step weighs one event and commits it.
func (m *Either) step(x *Event, c *Cost) {
	_, most := m.First.Bounds(x.S, x.E)
	lo, hi := m.Bounds(x.S, x.E)
	limited := x.Limited
	if m.First.weigh(lo, hi, x, c) {
		limited = 0
	}
	first := min(x.Admitted, int(most))
	over := x.Admitted - first
	passed := limited + over // what the second one was asked
	m.First.asked, m.First.first = x.S, x.first()
	m.First.commit(x.S, x.E, first, passed)
	if passed > 0 {
		m.Second.asked, m.Second.first = x.S, x.first()
		m.Second.commit(x.S, x.E, over, limited)
	}
}

// Bounds returns the least and the most requests that could be admitted of an unlimited
// burst whose decisions all fall in [s, e].
func (m *Either) Bounds(s, e float64) (lo, hi float64) {
	a, b := m.First.Bounds(s, e)
	c, d := m.Second.Bounds(s, e)
	return a + c, b + d
}
