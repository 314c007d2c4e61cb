package model

// A rejection starts a block that ends somewhere in [b0, b1]; while it lasts
// nothing is admitted, and nothing reaches the core. The count below it goes on,
// begins anew after the block, or is forgotten whenever nobody asked for as long.

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
	if Aftermath(m.C) == CountExpires && e >= m.q0+m.P {
		rested := Model{V: m.V, Params: m.Params}
		rested.Reset()
		l, h := rested.coreBounds(s, e)
		if hi = max(hi, h); s >= m.q1+m.P {
			lo = l
		}
	}
	if s < m.b1 {
		lo = 0
	}
	return lo, hi
}

func (m *Model) blockedCommit(s, e float64, admitted, limited int) {
	if Aftermath(m.C) == CountExpires && s >= m.q1+m.P {
		m.clear()
	}
	nA, nR := float64(admitted), float64(limited)
	p := m.penalty()
	switch {
	case admitted == 0 && limited > 0 && s < m.b1: // perhaps blocked still
		if e >= m.b0 { // or the core was asked
			m.high = max(m.high, m.window(e))
		}
		if m.V.OnReject != RejectBlocks {
			m.b0, m.b1 = s+p, e+p
			break
		}
		sure := e < m.b0
		m.b0 = max(m.b0, min(s, m.b1))
		if lo, _ := m.coreBounds(s, e); !sure && lo < 1 { // or a violation anew
			m.b1 = max(m.b1, e+p)
		}
	case admitted > 0 && limited > 0 && s < m.b1:
		// The end of the block lies inside, so the rejections may be its last.
		lo, _ := m.coreBounds(s, e)
		m.take(s, e, nA, 0)
		m.b0, m.b1 = never, never
		if nA+1 > lo { // or of a violation
			m.b1 = e + p
			if Aftermath(m.C) != CountGoesOn { // all of a fresh count is spent: that is hardly chance
				m.b0 = s + p
			}
		}
	default:
		m.take(s, e, nA, nR)
		m.b0, m.b1 = never, never
		if limited > 0 {
			m.b0, m.b1 = s+p, e+p
		}
	}
	if m.b0 > never && Aftermath(m.C) != CountGoesOn {
		m.clear()
	}
	m.q0, m.q1 = s, e
}

// clear forgets the count, not the block.
func (m *Model) clear() {
	b0, b1 := m.b0, m.b1
	m.Reset()
	m.b0, m.b1 = b0, b1
}
