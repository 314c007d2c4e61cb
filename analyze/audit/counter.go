package audit

import (
	"strings"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// counter is the exchanges of one counter of a limit, in the order of sending.
type counter []*exchange

// counters splits the exchanges of limit i by counter. Where the scope is open,
// callers that differ in anything are kept apart: what holds for the requests of
// one of them holds whoever else is counted with them.
func (a *audit) counters(i int) []counter {
	index := map[string]int{}
	var out []counter
	for _, x := range a.exchanges {
		if !a.attributed(x, i) {
			continue
		}
		k := a.project(a.limits[i].Scope, x)
		n, ok := index[k]
		if !ok {
			n = len(out)
			index[k] = n
			out = append(out, nil)
		}
		out[n] = append(out[n], x)
	}
	return out
}

// attributed says whether limit i, and no other, guards the route of x.
func (a *audit) attributed(x *exchange, i int) bool {
	n, mine := 0, false
	for j := range a.limits {
		if guards(&a.limits[j], x.route) {
			n++
			mine = mine || j == i
		}
	}
	return mine && n == 1
}

// project is the counter of x under a scope of the verdict.
func (a *audit) project(scope []string, x *exchange) string {
	if scope == nil {
		return x.id.String() + "\x00" + x.route
	}
	var b strings.Builder
	for _, name := range scope {
		switch name {
		case "user":
			b.WriteString(x.id.User + "\x00" + x.id.Owner)
			if x.id.User == "" && x.id.Owner == "" {
				b.WriteString("\x00" + x.id.Key)
			}
		default:
			b.WriteString(x.id.Value(trace.Dim(name), x.route))
		}
		b.WriteByte(0)
	}
	return b.String()
}

// stay is a refusal with what the trace tells of the wait that it took, in
// seconds: more than atLeast, and no more than atMost.
type stay struct {
	*exchange
	atLeast, atMost float64
	// refused is the later refusal that shows atLeast, and admitted the
	// admission that shows atMost; nil where none does.
	refused, admitted *exchange
}

// stays brackets the wait of every refusal of the counter. The wait is that of a
// caller who does not ask in between: where refusals may count, only the very
// next request tells. Both ends come from the same connection, which reaches the
// same node; an admission of any connection may have used what had come back.
func (c counter) stays(l *verdict.Limit) []stay {
	harmless := refusalsHarmless(l)
	longest := longestWait(l)
	var out []stay
	last := map[int]*exchange{}  // by connection: the last refusal before the counter was used again
	admit := map[int]*exchange{} // by connection: the next admission
	var next *exchange
	for i := len(c) - 1; i >= 0; i-- {
		x := c[i]
		switch x.outcome {
		case trace.Admitted:
			admit[x.conn] = x
			clear(last)
		case trace.Limited:
			s := stay{exchange: x, atMost: longest}
			later := last[x.conn]
			if !harmless {
				later = nil
				if next != nil && next.outcome == trace.Limited && next.conn == x.conn {
					later = next
				}
			}
			if later != nil && later.sent > x.answered {
				s.atLeast, s.refused = later.sent-x.answered, later
			}
			if y := admit[x.conn]; y != nil && y.answered-x.sent < s.atMost {
				s.atMost, s.admitted = y.answered-x.sent, y
			}
			out = append(out, s)
			if last[x.conn] == nil {
				last[x.conn] = x
			}
		default:
			clear(last) // it may have been counted
		}
		next = x
	}
	return out
}
