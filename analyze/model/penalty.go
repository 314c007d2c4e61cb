package model

// A rejection starts a block that ends somewhere in [b0, b1]; while it lasts
// nothing is admitted. The counter below it goes on.

func (m *Model) penalty() float64 {
	if m.V.OnReject == RejectRestarts {
		return m.W
	}
	return m.P
}

func (m *Model) blockedBounds(s, e, lo, hi float64) (float64, float64) {
	if e < m.b0 {
		return 0, 0
	}
	if s < m.b1 {
		lo = 0
	}
	return lo, hi
}

func (m *Model) blockedCommit(s, e float64, admitted, limited int) {
	nA, nR := float64(admitted), float64(limited)
	p := m.penalty()
	extends := m.V.OnReject != RejectBlocks
	switch {
	case admitted == 0 && limited > 0 && s < m.b1: // perhaps blocked still
		if extends {
			m.b0, m.b1 = s+p, e+p
			return
		}
		sure := e < m.b0
		m.b0 = max(m.b0, min(s, m.b1))
		if lo, _ := m.coreBounds(s, e); !sure && lo < 1 { // or a violation anew
			m.b1 = max(m.b1, e+p)
		}
	case admitted > 0 && limited > 0 && s < m.b1:
		// The end of the block lies inside, so the rejections may be its last.
		m.b0, m.b1 = never, never
		full := 0.0
		if nA >= m.L {
			full = 1
			m.b0, m.b1 = s+p, e+p
		}
		m.coreCommit(s, e, nA, full)
	default:
		m.coreCommit(s, e, nA, nR)
		if limited > 0 {
			m.b0, m.b1 = s+p, e+p
		}
	}
}
