package model

import "math"

// Buckets keep level and time jointly. Let S(t) be the supply up to t: t/W for
// a steady refill, K tokens a tick otherwise. While the bucket is not full its
// level is x + S(t) with a constant x, which every admission lowers by exactly
// one, however uncertain its instant; only a full bucket ties x to an instant
// again. So an interval for x does not widen with every event, and the rate
// gets sharper with the span of the trace.

func (m *Model) supply(t float64) float64 {
	if m.V.Core == CoreTick {
		return m.K * float64(m.window(t))
	}
	return t / m.W
}

func (m *Model) bucketBounds(s, e float64) (lo, hi float64) {
	if m.V.Whole && m.begun {
		return m.wholeBounds(s, e)
	}
	ss, se := m.supply(s), m.supply(e)
	lo = min(m.L, m.x0+ss)
	hi = min(m.L+se-ss, m.x1+se)
	return max(0, math.Floor(lo+1e-9)), max(0, math.Floor(hi+1e-9))
}

func (m *Model) bucketCommit(s, e, admitted, limited float64) {
	if m.V.Whole {
		m.wholeCommit(s, e, admitted, limited)
		return
	}
	ss, se := m.supply(s), m.supply(e)
	m.x0 = min(m.x0, m.L-se)
	m.x1 = min(m.x1, m.L-ss)
	if admitted > 0 { // the last of them still found a token
		m.x0 = max(m.x0, admitted-se)
	}
	m.x0 -= admitted
	m.x1 = max(m.x0, m.x1-admitted)
	if limited > 0 { // one found less than a token
		least := 1 - 1e-9
		if m.V.Core == CoreTick {
			least = 0 // whole tokens: less than one is none
		}
		m.x1 = max(m.x0, min(m.x1, least-ss))
		m.x0 = min(m.x0, m.x1)
	}
}

// wholeBounds: tokens since the last admission are credited whole. Level [c0,
// c1] at the last admission, which was somewhere in [a0, a1].
func (m *Model) wholeBounds(s, e float64) (lo, hi float64) {
	lo = min(m.L, m.c0+math.Floor(max(0, s-m.a1)/m.W))
	hi = min(m.L+math.Floor((e-s)/m.W+1e-9), m.c1+math.Floor(max(0, e-m.a0)/m.W+1e-9))
	return lo, hi
}

func (m *Model) wholeCommit(s, e, admitted, limited float64) {
	lo, hi := m.L, m.L
	if m.begun {
		lo, hi = m.wholeBounds(s, e)
	}
	switch {
	case admitted > 0:
		m.c0, m.c1 = max(0, lo-admitted), max(0, hi-admitted)
		if limited > 0 {
			m.c0, m.c1 = 0, math.Floor((e-s)/m.W)
		}
		m.a0, m.a1 = s, e
	case !m.begun:
		m.c0, m.c1, m.a0, m.a1 = m.L, m.L, s, e
	}
}
