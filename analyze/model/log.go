package model

import "math"

// logBounds: a request is admitted while fewer than L were logged in the last
// W seconds.
func (m *Model) logBounds(s, e float64) (lo, hi float64) {
	var most, least float64
	for _, b := range m.log {
		if b.e > s-m.W {
			most += b.n
		}
		if b.s > e-m.W {
			least += b.n
		}
	}
	lo, hi = max(0, m.L-most), max(0, m.L-least)
	if e-s > m.W {
		hi += m.L * math.Floor((e-s)/m.W)
	}
	return lo, hi
}

func (m *Model) logCommit(s, e, admitted, limited float64) {
	n := admitted
	if m.V.OnReject == RejectCounted {
		n += limited
	}
	kept := m.log[:0]
	for _, b := range m.log {
		if b.e > s-m.W-1 {
			kept = append(kept, b)
		}
	}
	m.log = kept
	if admitted > 1 && m.first < e {
		m.log = append(m.log, batch{s, m.first, 1})
		n--
	}
	if n > 0 {
		m.log = append(m.log, batch{s, e, n})
	}
}
