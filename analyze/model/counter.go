package model

import "math"

// counterBounds: the estimate is the last window's count weighted by the share
// of it that the sliding window still covers, plus this window's count.
func (m *Model) counterBounds(s, e float64) (lo, hi float64) {
	if m.lost() {
		return 0, m.L * (2 + math.Floor((e-s)/m.W))
	}
	from, to := m.place(s), m.place(e)
	first, last := int64(math.Floor(from)), int64(math.Floor(to))
	_, most := m.estimate(from, first)
	least, _ := m.estimate(to, last)
	lo, hi = m.room(most), m.room(least)
	if m.V.Anchor == AnchorIdle && last > m.low+1 { // perhaps it begins anew
		hi = max(hi, m.L)
	}
	if first = max(first, m.index); last <= first {
		return lo, hi
	}
	// What is admitted before a boundary counts for less after it.
	old, weight := 0.0, 0.0
	if first == m.index {
		old = m.c0
	}
	if last == first+1 {
		weight = 1 - (to - float64(last))
	}
	before := m.room(old)
	return lo, max(hi, before+m.room((old+before)*weight)+m.L*float64(last-first-1))
}

// lost says whether the grid may have begun anew at any time: then nothing is known
// until a rest surely ends it.
func (m *Model) lost() bool { return m.V.Anchor == AnchorIdle && m.slop >= m.W }

// room is how many requests are admitted at once at an estimate.
func (m *Model) room(estimate float64) float64 {
	var n float64
	switch Rounding(m.K) {
	case RoundNearest:
		n = math.Floor(m.L - estimate + 0.5)
	case RoundFits:
		n = math.Floor(m.L - estimate + 1e-9)
	default:
		n = math.Ceil(m.L - estimate - 1e-9)
	}
	return max(0, n)
}

// estimate returns the least and the most that the counter may show at a place in
// window k.
func (m *Model) estimate(at float64, k int64) (lo, hi float64) {
	switch {
	case k <= m.index:
		p := max(0, at-float64(m.index))
		return m.p0*(1-p) + m.c0, m.p1*(1-p) + m.c1
	case k == m.index+1:
		p := at - float64(k)
		return m.c0 * (1 - p), m.c1 * (1 - p)
	}
	return 0, 0
}

func (m *Model) counterCommit(s, e, admitted, limited float64) {
	n := admitted
	if m.V.OnReject == RejectCounted {
		n += limited
	}
	sure, perhaps := m.window(s), m.window(e)
	first, last := max(sure, m.index), max(perhaps, m.index)
	m.advance(first)
	m.low, m.high = max(m.low, sure), max(m.high, perhaps)
	switch {
	case sure < m.index && last == first: // perhaps the window before still ran
		m.p1 += n
		m.c1 += n
		return
	case last == first:
		m.c0 += n
		m.c1 += n
		return
	}
	if n == 0 {
		return
	}
	// A boundary lies inside: either side may have got them.
	if m.p0, m.p1 = m.c0, m.c1+n; last > first+1 {
		m.p0, m.p1 = 0, n
	}
	m.index, m.c0, m.c1 = last, 0, n
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
