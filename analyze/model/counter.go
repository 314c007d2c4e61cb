package model

import "math"

// counterBounds: the estimate is the last window's count weighted by the share
// of it that the sliding window still covers, plus this window's count.
func (m *Model) counterBounds(s, e float64) (lo, hi float64) {
	_, most := m.estimate(s)
	least, _ := m.estimate(e)
	switch Rounding(m.K) {
	case RoundNearest:
		lo, hi = math.Floor(m.L-most+0.5), math.Floor(m.L-least+0.5)
	case RoundFits:
		lo, hi = math.Floor(m.L-most+1e-9), math.Floor(m.L-least+1e-9)
	default:
		lo, hi = math.Ceil(m.L-most-1e-9), math.Ceil(m.L-least-1e-9)
	}
	return max(0, lo), max(0, hi)
}

// estimate returns the least and the most that the counter may show at t.
func (m *Model) estimate(t float64) (lo, hi float64) {
	k := m.window(t)
	switch {
	case k <= m.index:
		p := max(0, (t-m.origin)/m.W-float64(m.index))
		return m.p0*(1-p) + m.c0, m.p1*(1-p) + m.c1
	case k == m.index+1:
		p := (t-m.origin)/m.W - float64(k)
		return m.c0 * (1 - p), m.c1 * (1 - p)
	}
	return 0, 0
}

func (m *Model) counterCommit(s, e, admitted, limited float64) {
	n := admitted
	if m.V.OnReject == RejectCounted {
		n += limited
	}
	first, last := max(m.window(s), m.index), max(m.window(e), m.index)
	m.advance(first)
	if last == first {
		m.c0 += n
		m.c1 += n
		return
	}
	if n == 0 {
		return
	}
	// The boundary lies inside: either side may have got them.
	m.index = first + 1
	m.p0, m.p1 = m.c0, m.c1+n
	m.c0, m.c1 = 0, n
}

func (m *Model) advance(to int64) {
	switch {
	case to == m.index+1:
		m.p0, m.p1, m.c0, m.c1 = m.c0, m.c1, 0, 0
	case to > m.index+1:
		m.p0, m.p1, m.c0, m.c1 = 0, 0, 0, 0
	}
	m.index = to
}
