package model

import "math"

// periodicBounds: windows on a grid. The count of window index lies in
// [c0, c1]; windows after it are untouched.
func (m *Model) periodicBounds(s, e float64) (lo, hi float64) {
	first, last := m.window(s), m.window(e)
	c0, c1 := m.c0, m.c1
	if first > m.index {
		c0, c1 = 0, 0
	}
	lo, hi = m.L-c1, m.L-c0
	if last > first && last > m.index {
		hi += m.L * float64(last-max(first, m.index))
	}
	if first < m.index { // or the window before, of which nothing is known any more
		lo, hi = 0, hi+m.L
	}
	return max(0, lo), max(0, hi)
}

func (m *Model) periodicCommit(s, e, admitted, limited float64) {
	if m.window(s) < m.index { // the window before may have taken them, and refused
		if m.c1 = min(m.L, m.c1+admitted); limited > 0 {
			m.c1 = m.L
		}
		if last := m.window(e); last > m.index {
			m.index, m.c0 = last, 0
		}
		return
	}
	first, last := m.window(s), m.window(e)
	c0, c1 := m.c0, m.c1
	if first > m.index {
		c0, c1 = 0, 0
	}
	switch {
	case admitted == 0 && limited > 0:
		// A rejection needs a full window, and only the first can be full.
		m.index, m.c0, m.c1 = first, m.L, m.L
	case first == last && limited > 0:
		m.index, m.c0, m.c1 = first, m.L, m.L
	case first == last:
		m.index, m.c0, m.c1 = first, min(m.L, c0+admitted), min(m.L, c1+admitted)
	default:
		// The boundary lies inside: the last window got what the earlier ones
		// could not take, at the least.
		m.index = last
		room := m.L - c0 + m.L*float64(last-first-1)
		m.c0, m.c1 = max(0, min(m.L, admitted-room)), min(m.L, admitted)
	}
}

// openedBounds: windows that a request opens. The current one began somewhere
// in [a0, a1] and counts [c0, c1].
func (m *Model) openedBounds(s, e float64) (lo, hi float64) {
	if !m.begun || s >= m.a1+m.W {
		return m.L, m.L * (1 + math.Floor((e-s)/m.W))
	}
	lo, hi = max(0, m.L-m.c1), max(0, m.L-m.c0)
	if e < m.a0+m.W {
		return lo, hi
	}
	return lo, hi + m.L*(1+math.Floor((e-max(s, m.a0+m.W))/m.W))
}

func (m *Model) openedCommit(s, e, admitted, limited float64) {
	running := m.begun && s < m.a1+m.W
	m.openedCount(s, e, admitted, limited)
	renewed := m.V.Anchor == AnchorLastAdmitted && admitted > 0 ||
		m.V.Anchor == AnchorLastAny && (admitted > 0 || running)
	if renewed {
		m.a0, m.a1 = s, e
	}
}

func (m *Model) openedCount(s, e, admitted, limited float64) {
	if !m.begun || s >= m.a1+m.W { // surely a new window
		m.a0, m.a1 = s, m.first
		m.c0, m.c1 = min(admitted, m.L), min(admitted, m.L)
		if limited > 0 && admitted <= m.L {
			m.c0, m.c1 = m.L, m.L
		}
		if admitted > m.L { // so long an event that more than one window fits
			m.c0, m.c1 = 0, m.L
			m.a0 = s + m.W
		}
		return
	}
	if e < m.a0+m.W { // surely the same window
		m.c0, m.c1 = min(m.L, m.c0+admitted), min(m.L, m.c1+admitted)
		if limited > 0 {
			m.c0, m.c1 = m.L, m.L
		}
		return
	}
	switch {
	case admitted == 0 && limited > 0:
		// Rejected, so the old window still ran: it cannot have begun too early.
		m.a0 = min(m.a1, max(m.a0, s-m.W))
		m.c0, m.c1 = m.L, m.L
	case admitted == 0:
	case m.c0 >= m.L: // the old window was full: this is a new one
		m.a0, m.a1 = max(s, m.a0+m.W), e
		m.c0, m.c1 = min(admitted, m.L), min(admitted, m.L)
	case admitted <= m.L-m.c0 && limited == 0: // either window may have taken them, or each some
		m.c0 = 1
		m.c1 = min(m.L, m.c1+admitted)
		m.a1 = e
	default:
		old, fits := m.a0, admitted <= m.L-m.c0
		m.c0, m.c1 = max(0, min(m.L, admitted-(m.L-m.c0))), min(m.L, admitted)
		m.a0, m.a1 = max(s, m.a0+m.W), e
		if fits { // or the old window took them all, and refused the rest
			m.a0, m.c1 = min(m.a0, max(old, s-m.W)), m.L
		}
	}
}

// renews says whether a window of those that begin anew may end in [s, e].
func (m *Model) renews(s, e float64) bool {
	if m.V.Anchor == AnchorOpen {
		return m.begun && s < m.a1+m.W && e >= m.a0+m.W
	}
	return m.window(s) != m.window(e)
}

// fewer allows for n of the latest requests not to have been counted, in windows that
// begin anew: before is what was known until then.
func (m *Model) fewer(n float64, before *counts) {
	m.c0 = max(0, m.c0-n)
	if m.V.Anchor == AnchorOpen && before.begun { // the window before may go on
		m.c0, m.c1, m.a0 = min(m.c0, before.c0), m.L, min(m.a0, before.a0)
	}
}

// further allows for n more requests to have been counted in [s, e], in such windows.
func (m *Model) further(s, e, n float64) {
	before := m.counts
	m.commit(s, e, int(n), 0)
	if m.V.Anchor != AnchorOpen || before.begun && e < before.a0+m.W {
		m.c0 = max(0, m.c0-n)
		return
	}
	m.fewer(n, &before)
	m.a0 = never // it may not have been opened
}
