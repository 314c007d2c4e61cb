package infer

import (
	"slices"

	"apisonde/probe/trace"
)

// Between two rejected controls further apart than this, a bucket may have
// refilled a token for somebody.
const sandwichSpan = 0.5

// contrasts reads from the samples what every caller other than the baseline
// showed while the baseline was exhausted. It needs no memory of what was
// asked, so a trace gives the same answer as the run that made it.
func (r *record) contrasts() []contrast {
	base := r.baseline()
	index := map[counter]int{}
	var out []contrast
	spent := 0 // the baseline's admissions before its first rejection
	known := false
	used := map[trace.Dim]map[string]int{} // admissions by value
	for _, d := range dims {
		used[d] = map[string]int{}
	}
	since := map[counter]int{} // admissions since the baseline was exhausted
	var before *sample         // the baseline's last answer
	type open struct {
		at   int
		sent float64
	}
	var pending []open // variants admitted since then
	samples := r.inOrder()
	alone := r.solitary(samples)
	quiet := 0.0 // end of the last answer
	ahead := 0   // samples whose admissions are in used
	for i := range samples {
		x := &samples[i]
		if x.outcome != trace.Admitted && x.outcome != trace.Limited || alone[i] {
			continue
		}
		if r.recovery > 0 && x.sent-quiet > 1.02*r.recovery { // everybody is rested again
			spent, known, before, pending = 0, false, nil, pending[:0]
			for _, d := range dims {
				clear(used[d])
			}
			clear(since)
		}
		for ; ahead < len(samples) && samples[ahead].sent < x.sent+x.rtt; ahead++ { // those in flight with it may have come before
			if y := &samples[ahead]; y.outcome == trace.Admitted {
				for _, d := range dims {
					used[d][y.id.Value(d, y.route)]++
				}
			}
		}
		quiet = x.sent + x.rtt
		c := counter{x.id, x.route}
		if c == base {
			if x.outcome == trace.Limited {
				known = true
				for _, p := range pending {
					if before != nil && x.sent-before.sent < r.span {
						out[p.at].own++
					}
				}
			} else if !known {
				spent++
			}
			if x.outcome == trace.Admitted {
				for _, p := range pending {
					out[p.at].unclear++
				}
			}
			pending = pending[:0]
			before = x
		} else if before != nil && before.outcome == trace.Limited && x.sent-before.sent < r.span {
			at, ok := index[c]
			if !ok {
				at = len(out)
				index[c] = at
				out = append(out, contrast{changes: changes(base, c), id: x.id, route: x.route})
			}
			if x.outcome == trace.Admitted {
				pending = append(pending, open{at, x.sent})
			} else if r.rested(used, base, c, spent) || r.outlasted(used, base, c, spent, since[c]) {
				out[at].shared++
			}
		}
		if x.outcome == trace.Admitted && known {
			since[c]++
		}
	}
	return out
}

// inOrder are the samples in the order of sending. Those sent together are decided
// in any order, so that one is as good as another.
func (r *record) inOrder() []sample {
	xs := slices.Clone(r.samples)
	slices.SortStableFunc(xs, func(a, b sample) int {
		if c := cmpFloat(a.sent, b.sent); c != 0 {
			return c
		}
		return a.seq - b.seq
	})
	return xs
}

// rested says whether c, had it a counter of its own, could not be exhausted by
// what was sent so far: fewer requests than the limit carried any of the values
// in which it differs from the baseline.
func (r *record) rested(used map[trace.Dim]map[string]int, base, c counter, limit int) bool {
	for _, d := range dims {
		v := c.id.Value(d, c.route)
		if v != base.id.Value(d, base.route) && used[d][v] >= limit {
			return false
		}
	}
	return true
}

// outlasted says whether c got more through than the limit before the baseline was
// exhausted, and hardly anything after: had it a counter of its own, that would
// have another limit, and have reached it at the very same moment.
func (r *record) outlasted(used map[trace.Dim]map[string]int, base, c counter, limit, since int) bool {
	for _, d := range dims {
		v := c.id.Value(d, c.route)
		if v != base.id.Value(d, base.route) && used[d][v]-since <= limit+max(2, limit/10) {
			return false
		}
	}
	return since <= 2
}

func changes(base, c counter) scope {
	var s scope
	for _, d := range dims {
		if c.id.Value(d, c.route) != base.id.Value(d, base.route) {
			s |= scopeOf(d)
		}
	}
	return s
}
