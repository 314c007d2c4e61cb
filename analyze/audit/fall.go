package audit

import (
	"fmt"

	"apisonde/analyze/header"
	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// leastFalls is how often a remaining count must be seen to fall before it says
// what a request costs.
const leastFalls = 5

// fall is by how much the remaining count falls from one admission of a caller to
// the next, where nobody else was asking in between; 0 where that is not seen often
// enough. A window that begins anew makes no fall.
func (a *audit) fall(g *statement) float64 {
	left := map[*exchange]header.Num{}
	for i, x := range g.seen {
		if x.outcome == trace.Admitted {
			left[x] = g.quotas[i].Remaining
		}
	}
	var falls []float64
	for i := 1; i < len(a.exchanges); i++ {
		x, y := a.exchanges[i-1], a.exchanges[i]
		before, after := left[x], left[y]
		if before.Known && after.Known && x.id == y.id && x.route == y.route && x.conn == y.conn && x.answered <= y.sent && after.Value < before.Value {
			falls = append(falls, before.Value-after.Value)
		}
	}
	if len(falls) < leastFalls {
		return 0
	}
	return median(falls)
}

// costly warns of a remaining count that falls by more than one a request, and says
// by how much; 1 where it falls by one, or does not tell. Slots in flight are no
// count of requests.
func (a *audit) costly(l *verdict.Limit, g *statement) float64 {
	by := a.fall(g)
	if by <= 1 || !g.requests() || l.RatePerS == nil {
		return 1
	}
	a.warnings = append(a.warnings, fmt.Sprintf("%s falls by %s a request: the service counts this request as so many",
		g.first.sibling(g.header, "remaining"), number(by)))
	return by
}

// disagree warns where two sets of headers state the same limit and differ in what
// is left of it: two counters, or one of them wrong. Neither is a lie by itself.
func (a *audit) disagree() {
	const often = 3
	type pair struct{ one, other string }
	times := map[pair]int{}
	for _, x := range a.exchanges {
		for i, p := range x.doc.Quotas {
			for _, q := range x.doc.Quotas[i+1:] {
				if p.Header == q.Header || !alike(p, q) || max(p.Remaining.Value-q.Remaining.Value, q.Remaining.Value-p.Remaining.Value) < 2 {
					continue
				}
				k := pair{x.sibling(p.Header, "remaining"), x.sibling(q.Header, "remaining")}
				if times[k]++; times[k] == often {
					a.warnings = append(a.warnings, fmt.Sprintf("%s and %s state the same limit of %s and differ in what is left (%s and %s in request %d): two counters, or one of them is wrong",
						k.one, k.other, p.Limit, p.Remaining, q.Remaining, x.seq))
				}
			}
		}
	}
}

// alike says whether two quotas of one response may be the same, told twice.
func alike(p, q header.Quota) bool {
	return p.Limit.Known && p.Limit == q.Limit && p.Unit == q.Unit && p.Remaining.Known && q.Remaining.Known &&
		(!p.WindowS.Known || !q.WindowS.Known || p.WindowS == q.WindowS)
}

// growing says whether the stated end of a refusal moves away while a caller asks,
// by more than the rounding of waits: most refusals of a bout state a later one than
// the refusal before.
func (a *audit) growing() bool {
	ends := map[trace.Identity]float64{}
	later, bouts := 0, 0
	for _, x := range a.exchanges {
		switch {
		case x.outcome == trace.Admitted:
			delete(ends, x.id)
		case x.outcome == trace.Limited && x.doc.RetryAfterS.Known:
			end := x.sent + x.doc.RetryAfterS.Value
			if before, asked := ends[x.id]; asked {
				bouts++
				if end > before+whole+timer {
					later++
				}
			}
			ends[x.id] = end
		}
	}
	return later >= leastFalls && later*3 >= bouts*2
}
