package audit

import (
	"math"
	"slices"
	"strings"

	"apisonde/probe/trace"
)

// counter is the exchanges of one counter of a limit, in the order of sending,
// among those of the whole run.
type counter struct {
	all  []*exchange
	mine map[*exchange]bool
	// open is set where the scope is: then anybody's requests may count here.
	open bool
}

// counters splits the exchanges of limit i by counter. Where the scope is open,
// callers that differ in anything are kept apart: what holds for the requests of
// one of them holds whoever else is counted with them.
func (a *audit) counters(i int) []counter {
	l := &a.limits[i]
	index := map[string]int{}
	var out []counter
	for _, x := range a.exchanges {
		if !a.attributed(x, i) {
			continue
		}
		k := a.project(l.Scope, x)
		n, ok := index[k]
		if !ok {
			n = len(out)
			index[k] = n
			out = append(out, counter{all: a.exchanges, mine: map[*exchange]bool{}, open: l.Scope == nil})
		}
		out[n].mine[x] = true
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

// stays brackets the wait of every refusal of limit i. Where a wait outlasts the
// longest that the inferred limit can ask for, refusals did prolong it, and
// nothing is taken from the limit as inferred. Unless anyConn, both ends are of the
// refusal's own connection.
func (a *audit) stays(i int, anyConn bool) []stay {
	l := &a.limits[i]
	counters := a.counters(i)
	bracket := func(harmless bool, longest float64) (out []stay) {
		for _, c := range counters {
			out = append(out, c.stays(harmless, anyConn, longest)...)
		}
		return out
	}
	longest := longestWait(l)
	out := bracket(refusalsHarmless(l), longest)
	if slices.ContainsFunc(out, func(s stay) bool { return s.atLeast > longest*1.05+timer }) {
		return bracket(false, math.Inf(1))
	}
	return out
}

// stays brackets the wait of every refusal of the counter. The wait is that of a
// caller who does not ask in between: where refusals may count, only the very
// next request tells. Both ends come from the same connection, which reaches the
// same node, unless anyConn. Whoever was let through in between may have used what had come
// back, on another connection and even, should the scope be wrong, in another
// name.
func (c counter) stays(harmless, anyConn bool, longest float64) []stay {
	var out []stay
	conn := func(x *exchange) int {
		if anyConn {
			return 0
		}
		return x.conn
	}
	last := map[int]*exchange{}  // by connection: the last refusal before the counter was used again
	admit := map[int]*exchange{} // by connection: the next admission
	var next *exchange           // the next request that may count here
	for i := len(c.all) - 1; i >= 0; i-- {
		x := c.all[i]
		mine := c.mine[x]
		switch {
		case mine && x.outcome == trace.Admitted:
			admit[conn(x)] = x
			clear(last)
		case mine && x.outcome == trace.Limited:
			s := stay{exchange: x, atMost: longest}
			later := last[conn(x)]
			if !harmless && later != next {
				later = nil
			}
			if later != nil && later.sent > x.answered {
				s.atLeast, s.refused = later.sent-x.answered, later
			}
			if y := admit[conn(x)]; y != nil && y.answered-x.sent < s.atMost {
				s.atMost, s.admitted = y.answered-x.sent, y
			}
			out = append(out, s)
			if last[conn(x)] == nil || !harmless {
				last[conn(x)] = x
			}
		case x.outcome != trace.Limited:
			clear(last) // it may have been counted
		}
		if mine || c.open || x.outcome != trace.Limited {
			next = x
		}
	}
	return out
}
