// Package model holds the candidate limiters that the inference reasons with:
// interval-valued simulators that say how many requests a limiter could have
// admitted when it is only known to within an interval when each one reached
// it. Time is an argument, in seconds from the start of the run.
//
// A simulator is teacher-forced: after every event it is told what really
// happened, and its state narrows to what can explain it. States over-
// approximate, so the true limiter with its true parameters never contradicts a
// clean trace (soundness), while a wrong one does sooner or later.
package model

import "math"

// Event is a run of requests of one caller whose decisions all fell in [S, E]
// seconds. With both Admitted and Limited above zero their order is unknown.
//
// An event with Unknown above zero is so many requests of which it is not known
// whether they reached the limiter, and nothing else.
type Event struct {
	S, E              float64
	First             float64 // when the first of those admitted was decided, at the latest; not after S: E
	Admitted, Limited int
	Unknown           int
}

// Params are the quantities of a limiter. A variant uses some of them.
type Params struct {
	// L is the limit: requests per window, or the size of the bucket.
	L float64
	// W is the window in seconds; for a bucket the seconds per token; for a
	// bucket filled in ticks the seconds per tick.
	W float64
	// Phase is an instant at which a periodic window or tick begins; for a
	// whole-second clock the instant of a full second, in [0, 1).
	Phase float64
	// P is the penalty in seconds after a rejection.
	P float64
	// K is the tokens per tick; for a sliding counter the rounding (Rounding).
	K float64
	// C is what a block does to the count below it (Aftermath).
	C float64
}

// Model is one variant with parameters and a state for one counter.
type Model struct {
	V *Variant
	Params
	state
	asked float64 // start of the event that is being told
	first float64 // when its first admission was decided, at the latest
	fates *fates  // scratch space, made when it is needed
}

// state is what a model knows of one counter. Which fields matter depends on
// the variant's core; one flat struct keeps copies cheap, and the search makes
// millions of them.
type state struct {
	counts
	log []batch // sliding log
}

// counts is the part of a state that can be compared.
type counts struct {
	begun  bool    // the core was asked something
	origin float64 // phase in force: Params.Phase, or the anchor found in the trace
	slop   float64 // how much later than origin the anchor may lie

	index int64 // periodic window that c counts
	// The windows in which the latest request may lie, on grids that a rest ends.
	low, high int64
	c0, c1    float64 // count in the current window
	p0, p1    float64 // count in the window before (sliding counter)
	a0, a1    float64 // start of the current window (windows that a request opens)
	x0, x1    float64 // bucket: level less supply so far (see bucket.go)
	b0, b1    float64 // end of the block in force (penalties)
	q0, q1    float64 // the latest request (counts that silence clears)
}

// batch is so many logged requests somewhere in [s, e].
type batch struct{ s, e, n float64 }

const never = -math.MaxFloat64

// New returns a rested model.
func New(v *Variant, p Params) Model {
	m := Model{V: v, Params: p}
	m.Reset()
	return m
}

// Reset makes the counter rested: nothing was ever asked of it.
func (m *Model) Reset() {
	log := m.log[:0]
	m.state = state{counts{origin: m.Phase, index: math.MinInt64 / 2, low: math.MinInt64 / 2, high: math.MinInt64 / 2, b0: never, b1: never, q0: never, q1: never}, log}
	m.x0, m.x1 = math.Inf(1), math.Inf(1)
}

// CopyTo makes d equal to m without sharing memory.
func (m *Model) CopyTo(d *Model) {
	log, own := append(d.log[:0], m.log...), d.fates
	*d = *m
	d.log, d.fates = log, own
}

// Bounds returns the least and the most requests that the limiter could admit
// of an unlimited burst whose decisions all fall in [s, e].
func (m *Model) Bounds(s, e float64) (lo, hi float64) {
	return m.bounds(m.local(s, e))
}

// bounds is Bounds in the limiter's own time.
func (m *Model) bounds(s, e float64) (lo, hi float64) {
	lo, hi = m.coreBounds(s, e)
	if m.V.Blocks() {
		return m.blockedBounds(s, e, lo, hi)
	}
	return lo, hi
}

// Commit tells the model what became of the requests in [s, e].
func (m *Model) Commit(s, e float64, admitted, limited int) {
	m.asked, m.first = m.grain(s), m.grain(e)
	s, e = m.local(s, e)
	m.commit(s, e, admitted, limited)
}

// commit is Commit in the limiter's own time, once asked and first are set.
func (m *Model) commit(s, e float64, admitted, limited int) {
	if m.V.Blocks() {
		m.blockedCommit(s, e, admitted, limited)
	} else {
		m.take(s, e, float64(admitted), float64(limited))
	}
}

// take tells the core what became of requests that reached it.
func (m *Model) take(s, e, admitted, limited float64) {
	m.coreCommit(m.anchor(s, e), e, admitted, limited)
	m.begun = true
}

// local turns instants into the limiter's own: floored to its clock's grain,
// and allowing for an anchor that is only known to within its slop.
func (m *Model) local(s, e float64) (float64, float64) {
	s, e = m.grain(s), m.grain(e)
	if m.begun && m.V.Anchored() {
		s = max(m.origin, s-m.slop)
	}
	return s, e
}

// grain is an instant as the limiter's clock shows it: one of whole seconds counts
// them, so that windows end exactly.
func (m *Model) grain(t float64) float64 {
	if m.V.Seconds {
		return math.Floor(t - m.Phase)
	}
	return t
}

// anchor sets the phase of a grid that the counter's first event starts, anew
// after a long rest where the variant says so.
func (m *Model) anchor(s, e float64) float64 {
	if !m.V.Anchored() {
		return s
	}
	idle := m.V.Anchor == AnchorIdle && m.begun
	switch {
	case !m.begun, idle && m.window(s) > m.high+1:
		m.origin, m.slop = m.asked, m.first-m.asked
		m.index, m.low, m.high = 0, 0, 0
		m.c0, m.c1, m.p0, m.p1 = 0, 0, 0, 0
	case idle && m.window(e) > m.low+1: // perhaps: then a window began at any time
		m.origin, m.slop = m.asked-m.W, e-m.asked+m.W
		m.index, m.low, m.high = 0, 0, 0
		m.p0, m.p1, m.c0, m.c1 = 0, max(m.p1, m.c1), 0, max(m.p1, m.c1)
	}
	return max(s, m.origin)
}

// window is the index of the periodic window that holds t.
func (m *Model) window(t float64) int64 { return int64(math.Floor(m.place(t))) }

// place is t in windows since the grid's origin.
func (m *Model) place(t float64) float64 { return (t - m.origin) / m.W }

func (m *Model) coreBounds(s, e float64) (lo, hi float64) {
	switch m.V.Core {
	case CoreWindow:
		if m.V.Opened() {
			return m.openedBounds(s, e)
		}
		return m.periodicBounds(s, e)
	case CoreLog:
		return m.logBounds(s, e)
	case CoreCounter:
		return m.counterBounds(s, e)
	}
	return m.bucketBounds(s, e)
}

func (m *Model) coreCommit(s, e, admitted, limited float64) {
	switch m.V.Core {
	case CoreWindow:
		if m.V.Opened() {
			m.openedCommit(s, e, admitted, limited)
			return
		}
		m.periodicCommit(s, e, admitted, limited)
	case CoreLog:
		m.logCommit(s, e, admitted, limited)
	case CoreCounter:
		m.counterCommit(s, e, admitted, limited)
	default:
		m.bucketCommit(s, e, admitted, limited)
	}
}
