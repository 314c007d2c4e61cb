package infer

import (
	"slices"

	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// whose asks whether other callers share the baseline's exhausted counter.
type whose struct {
	rounds int
	// again: the first look left something open, since a small limit lets too
	// few requests through to tell a shared counter from one that is exhausted
	// itself. Now that it is known when everybody is rested, look once more.
	again  bool
	ready  bool
	drains int
	fresh  bool // the baseline has just been exhausted
}

func (w *whose) stage() string { return "scope" }

// Own counters are asked for twice: an admission between two rejections may
// have been a token that came just then.
const scopeRounds = 4

// mostDrains bounds how often the baseline is exhausted anew for it.
const mostDrains = 4

func (w *whose) next(e *Engine, now float64) (plan.Step, bool) {
	ask, anew := e.log.unsettled(w.again, w.rounds > 0), 0
	far := medianTrip(e.log.samples) > longTrip
	if w.rounds > 0 && (!far || len(ask) == 0 && e.log.keeps()) { // over new connections one by one
		anew = e.log.unrenewed()
	}
	if len(ask) == 0 && anew == 0 || w.rounds >= scopeRounds {
		return plan.Step{}, false
	}
	if w.again && !w.ready {
		w.ready = true
		return e.exhaust(now)
	}
	if e.log.last(e.log.baseline()) != trace.Limited && w.drains < mostDrains { // it has had time to recover
		if w.fresh { // it was asked for twice what it takes, and refused nothing
			return plan.Step{}, false
		}
		w.drains++
		w.fresh = true
		n, limited := e.log.fromRest(e.log.baseline())
		most := 2 * n
		if e.swift(n) {
			most = int(drainMargin * float64(n))
		}
		return e.drained(most, 0), limited && most+3 < e.spare() // else nobody knows how many it takes
	}
	w.rounds++
	w.fresh = false
	base := e.log.baseline()
	control := plan.Send{Identity: base.id, Route: base.route}
	sends := []plan.Send{control}
	if anew > 0 { // first, since the others spend what another server would have
		c := control
		c.NewConn = true
		sends = append(append(sends, slices.Repeat([]plan.Send{c}, anew)...), control)
	}
	for _, c := range ask {
		sends = append(sends, plan.Send{Identity: c.id, Route: c.route}, control)
	}
	if w.rounds > 1 { // a token may have come meanwhile
		sends = append([]plan.Send{control}, sends...)
	}
	if len(sends) > e.spare() {
		return plan.Step{}, false
	}
	step := plan.Step{
		Question: "whose counter is it?",
		Reason:   "while the baseline is refused, a caller that differs in one thing is let through only if that thing has a counter of its own",
		Sends:    sends,
		Width:    1,
	}
	if far && anew == 0 {
		w.together(e.log, &step)
	}
	return step, true
}

// together sends a round at once, behind so many requests of the baseline that they
// take what has come back since it was refused: one by one, each would give the
// counter a round trip to recover in.
func (w *whose) together(r *record, step *plan.Step) {
	t := measureTiming(r.samples)
	for i := range step.Sends {
		step.Sends[i].At = duration(t.longest + t.slack)
	}
	lead := leastLead
	if w.rounds > 1 {
		lead += 2 * r.leaked()
	}
	step.Sends = append(burst(r.baseline(), min(lead, mostLead)), step.Sends...)
	step.Width = len(step.Sends)
}

// leastLead and mostLead bound the requests that go ahead of such a round.
const leastLead, mostLead = 2, 12

// leaked counts the baseline's admissions in the latest step.
func (r *record) leaked() int {
	n := 0
	for _, x := range r.latest() {
		if (counter{x.id, x.route}) == r.baseline() && x.outcome == trace.Admitted {
			n++
		}
	}
	return n
}

// exhaust waits until every counter is rested and exhausts the baseline's.
func (e *Engine) exhaust(now float64) (plan.Step, bool) {
	rest, size := e.recovery()
	e.log.recovery = rest
	if e.either == nil {
		for _, q := range e.post.typical(6) { // what is known in the end may be a little longer
			rest = max(rest, q.v.Recovery(q.p))
		}
	}
	start := now + 1.1*rest + 0.05
	if rest <= 0 || start > seconds(e.cfg.Budget.MaxDuration) || size+3 > e.spare() {
		return plan.Step{}, false
	}
	return e.drained(size, start), true
}

// drained exhausts the baseline, which takes about size requests.
func (e *Engine) drained(size int, start float64) plan.Step {
	step := plan.Step{
		Question:         "whose counter is it?",
		Reason:           "everybody is rested by now; exhaust the baseline alone and ask the others again",
		Start:            duration(start),
		Sends:            e.spaced(burst(e.log.baseline(), size+3)),
		Width:            1,
		StopAfterLimited: 2,
	}
	if e.swift(size) {
		step.Width = min(len(step.Sends), e.inflight())
	}
	return step
}

// unsettled lists the contrasts that are not settled. again: they were looked for once
// before, when once was enough. asked: the single ones were asked for.
func (r *record) unsettled(again, asked bool) []contrast {
	if r.spread() { // what lets others through is their connection
		return nil
	}
	seen := map[counter]contrast{}
	for _, c := range r.contrasts() {
		seen[counter{c.id, c.route}] = c
	}
	settled := func(c contrast) bool {
		s := seen[counter{c.id, c.route}]
		return s.own > s.shared && (s.own >= 2 || again) || s.shared > s.own
	}
	var ask, kept []contrast
	for _, c := range singles(r.roster) {
		if !settled(c) {
			ask = append(ask, c)
		}
		if s := seen[counter{c.id, c.route}]; s.vote() <= 0 {
			kept = append(kept, c)
		}
	}
	// Two counters that are exhausted together hide behind each other: a change
	// of all that looked shared shows it.
	if asked && len(kept) > 1 {
		if u := union(r.roster, kept); !settled(u) {
			ask = append(ask, u)
		}
	}
	return ask
}
