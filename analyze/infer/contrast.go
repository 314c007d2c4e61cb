package infer

import (
	"apisonde/probe/plan"
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
	var before *sample // the baseline's last answer
	type open struct {
		at   int
		sent float64
	}
	var pending []open // variants admitted since then
	for i := range r.samples {
		x := &r.samples[i]
		if x.outcome != trace.Admitted && x.outcome != trace.Limited {
			continue
		}
		c := counter{x.id, x.route}
		if c == base {
			if x.outcome == trace.Limited {
				known = true
				for _, p := range pending {
					if before != nil && x.sent-before.sent < sandwichSpan {
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
		} else if before != nil && before.outcome == trace.Limited && x.sent-before.sent < sandwichSpan {
			at, ok := index[c]
			if !ok {
				at = len(out)
				index[c] = at
				out = append(out, contrast{changes: changes(base, c), id: x.id, route: x.route})
			}
			if x.outcome == trace.Admitted {
				pending = append(pending, open{at, x.sent})
			} else if r.rested(used, base, c, spent) {
				out[at].shared++
			}
		}
		if x.outcome == trace.Admitted {
			for _, d := range dims {
				used[d][x.id.Value(d, x.route)]++
			}
		}
	}
	return out
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

func changes(base, c counter) scope {
	var s scope
	for _, d := range dims {
		if c.id.Value(d, c.route) != base.id.Value(d, base.route) {
			s |= scopeOf(d)
		}
	}
	return s
}

// whose asks whether other callers share the baseline's exhausted counter.
type whose struct {
	rounds int
}

func (w *whose) stage() string { return "scope" }

// Own counters are asked for twice: an admission between two rejections may
// have been a token that came just then.
const scopeRounds = 4

func (w *whose) next(e *Engine, now float64) (plan.Step, bool) {
	ask := w.open(e)
	if len(ask) == 0 || w.rounds >= scopeRounds {
		return plan.Step{}, false
	}
	w.rounds++
	base := e.log.baseline()
	control := plan.Send{Identity: base.id, Route: base.route}
	sends := []plan.Send{control}
	for _, c := range ask {
		sends = append(sends, plan.Send{Identity: c.id, Route: c.route}, control)
	}
	if w.rounds > 1 { // a token may have come meanwhile
		sends = append([]plan.Send{control}, sends...)
	}
	if len(sends) > e.spare() {
		return plan.Step{}, false
	}
	return plan.Step{
		Question: "whose counter is it?",
		Reason:   "while the baseline is refused, a caller that differs in one thing is let through only if that thing has a counter of its own",
		Sends:    sends,
		Width:    1,
	}, true
}

// open lists the contrasts that are not settled.
func (w *whose) open(e *Engine) []contrast {
	seen := map[counter]contrast{}
	for _, c := range e.log.contrasts() {
		seen[counter{c.id, c.route}] = c
	}
	settled := func(c contrast) bool {
		s := seen[counter{c.id, c.route}]
		return s.own >= 2 && s.own > s.shared || s.shared >= 1 && s.shared > s.own
	}
	var ask, kept []contrast
	for _, c := range singles(e.log.roster) {
		if !settled(c) {
			ask = append(ask, c)
		}
		if s := seen[counter{c.id, c.route}]; s.vote() <= 0 {
			kept = append(kept, c)
		}
	}
	// Two counters that are exhausted together hide behind each other: a change
	// of all that looked shared shows it.
	if w.rounds > 0 && len(kept) > 1 {
		if u := union(e.log.roster, kept); !settled(u) {
			ask = append(ask, u)
		}
	}
	return ask
}
