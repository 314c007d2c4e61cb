package model

import "math"

// Cost weighs a trace against the model: a negative log-likelihood with a floor
// of zero for a trace that the model explains exactly.
//
// An outcome outside the bounds costs by how far outside it is. An outcome
// inside wide bounds costs too, since a model that allows anything predicts
// nothing: without that term a bucket with an absurd refill explains everything.
type Cost struct {
	Total     float64
	Violation float64 // the part that outcomes outside the bounds cost
}

// Run adds up the cost of one counter's events, from rest. It gives up once the
// total passes limit, and then Total is above it.
func (m *Model) Run(events []Event, limit float64) Cost {
	m.Reset()
	var c Cost
	for i := range events {
		if events[i].Unknown > 0 {
			return m.runFates(events[i:], c, limit)
		}
		m.Step(&events[i], &c)
		if c.Total > limit {
			return c
		}
	}
	return c
}

// Step weighs one event and commits it.
func (m *Model) Step(x *Event, c *Cost) {
	s, e := m.local(x.S, x.E)
	lo, hi := m.bounds(s, e)
	limited := x.Limited
	if m.weigh(lo, hi, x, c) {
		limited = 0
	}
	m.asked, m.first = m.grain(x.S), m.grain(x.first())
	m.commit(s, e, x.Admitted, limited)
}

// Weigh is what an event costs, in nats, without the model being told of it.
func (m *Model) Weigh(x *Event) float64 {
	var c Cost
	lo, hi := m.Bounds(x.S, x.E)
	m.weigh(lo, hi, x, &c)
	return c.Total
}

// weigh adds what an event costs of which between lo and hi can have been admitted.
// One stray refusal among many may be an error of another kind: explain it away at a
// price, and learn nothing from it.
func (m *Model) weigh(lo, hi float64, x *Event, c *Cost) (stray bool) {
	n := float64(x.Admitted)
	c.Total += m.vagueness(lo, hi, n, n+float64(x.Limited))
	var off float64
	if n > hi {
		off = n - hi
	}
	if x.Limited > 0 && n < lo {
		off = lo - n
		stray = x.Limited <= 1+(x.Admitted+x.Limited)/100
	}
	if off > 0 {
		violation := m.distance(off)
		if stray {
			violation = min(StrayCost, violation)
		}
		c.Total += violation
		c.Violation += violation
	}
	return stray
}

// first is when the first admission was decided, at the latest.
func (x *Event) first() float64 {
	if x.First > x.S {
		return x.First
	}
	return x.E
}

// StrayCost is what explaining away one refusal costs, in nats: errors of other kinds
// are met less often than once in some hundred requests, e^-6.
const StrayCost = 6

// distance is the cost of an outcome off requests outside the bounds.
func (m *Model) distance(off float64) float64 {
	return 4 + min(6, 1.5*off/(1+0.02*m.L))
}

// vagueness is the cost of leaving the outcome open. A straddled boundary shows
// one of its ends most of the time; a ramp is concentrated in the middle.
func (m *Model) vagueness(lo, hi, admitted, sent float64) float64 {
	hi, lo = min(hi, sent), min(lo, sent)
	if hi <= lo {
		return 0
	}
	switch m.V.Core {
	case CoreBucket, CoreCounter:
		return 0.7 * math.Log(1+hi-lo)
	}
	if admitted == lo || admitted == hi || hi-lo < 2 {
		return 0.62
	}
	return 1.4 + 0.8*math.Log(hi-lo)
}
