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

// step weighs one event and commits it. Of what was admitted the first window has as much
// as it may have taken; where it is not known whether it could, the second may have some.
func (m *Either) step(x *Event, c *Cost) {
	least, most := m.First.Bounds(x.S, x.E)
	from, to := m.Second.Bounds(x.S, x.E)
	limited := x.Limited
	if m.First.weigh(least+from, most+to, x, c) {
		limited = 0
	}
	first := min(x.Admitted, int(most))
	open := min(to, max(0, float64(first)-least)) // of these
	over := x.Admitted - first
	passed := limited + over // what the second one was asked
	m.First.asked, m.First.first = x.S, x.first()
	before, renews := m.First.counts, m.First.renews(x.S, x.E)
	m.First.commit(x.S, x.E, first, passed)
	if open > 0 && (passed == 0 || renews) { // else it is exhausted
		m.First.fewer(open, &before)
	}
	m.Second.asked, m.Second.first = x.S, x.first()
	if passed > 0 {
		m.Second.commit(x.S, x.E, over, limited)
	}
	if open > 0 {
		m.Second.further(x.S, x.E, open)
	}
}

// Bounds returns the least and the most requests that could be admitted of an unlimited
// burst whose decisions all fall in [s, e].
func (m *Either) Bounds(s, e float64) (lo, hi float64) {
	a, b := m.First.Bounds(s, e)
	c, d := m.Second.Bounds(s, e)
	return a + c, b + d
}

// Commit tells the model what became of the requests in [s, e].
func (m *Either) Commit(s, e float64, admitted, limited int) {
	m.step(&Event{S: s, E: e, Admitted: admitted, Limited: limited}, &Cost{})
}
