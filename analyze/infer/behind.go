package infer

import (
	"math"
	"slices"

	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// behind asks whose counter the outer one of two limits is, while the baseline is
// refused by it. The inner limit lets only so many through at once, and while it rests
// the outer one lets some in again.
type behind struct {
	again   bool // the first look left something open
	ready   bool
	rounds  int
	drains  int
	asked   bool // the latest step was a round
	drained bool // it exhausted the baseline
	more    int  // requests by which what came back while the inner limit rested was underrated
	told    int  // answers so far that say whose the counter is
	barren  int  // rounds in a row that added none
}

func (q *behind) stage() string { return "scope" }

// mostBehind bounds the rounds, and mostBarren how many in a row may tell nothing.
const mostBehind, mostBarren = 8, 3

func (q *behind) next(e *Engine, now float64) (plan.Step, bool) {
	gap, rest, room := e.pace()
	ask := e.log.unsettled(q.again, q.rounds > 0)
	if room == 0 || len(ask) == 0 || q.rounds >= mostBehind || q.idle(e.log) {
		return plan.Step{}, false
	}
	if q.again && !q.ready {
		q.ready = true
		return e.exhaust(now)
	}
	if q.asked && e.log.overran() {
		q.more = 2*q.more + 1
		q.barren--
	}
	q.asked = false
	if e.log.last(e.log.baseline()) != trace.Limited { // it has had time to recover
		return q.drain(e, now+rest)
	}
	q.drained, q.asked = false, true
	q.rounds++
	step := q.round(e, ask, now, gap, rest, room)
	return step, len(step.Sends) <= e.spare() && seconds(step.Start) < seconds(e.cfg.Budget.MaxDuration)
}

// drain exhausts the baseline at the pace that the inner limit allows.
func (q *behind) drain(e *Engine, start float64) (plan.Step, bool) {
	if q.drained && !e.path.refusedLately() { // it was asked for twice what it takes, so what refused before was no second limit
		e.rejoin()
		return plan.Step{}, false
	}
	n, limited := e.log.fromRest(e.log.baseline())
	if !limited { // others met it first
		_, n = e.split.outer.post.recovery()
	}
	if q.drains == mostDrains || n == 0 || 2*n+3 >= e.spare() || start > seconds(e.cfg.Budget.MaxDuration) {
		return plan.Step{}, false
	}
	q.drains++
	q.drained = true
	return e.drained(2*n, start), true
}

// round asks others between two controls. Those that share the baseline's counter
// with the inner limit too take of the room that it has.
func (q *behind) round(e *Engine, ask []contrast, now, gap, rest float64, room int) plan.Step {
	inner, base := e.split.inner, e.log.baseline()
	var others, sharing []contrast
	for _, c := range ask {
		if len(inner.scopes) == 1 && inner.part.project(c.id, c.route) != inner.part.project(base.id, base.route) {
			others = append(others, c)
		} else {
			sharing = append(sharing, c)
		}
	}
	back := min(e.path.returning(e.log.onset()), 1/gap) // a second, of what is asked at that pace
	lead := int(back*rest + leadMargin)
	lead += min(q.more, max(1, room-3-lead))
	wait, fits := rest, room-2-lead
	if fits < 1 { // the outer one does not stay exhausted for so long: a few gaps are enough for a few
		n := min(int(math.Ceil(3/(1-min(back*gap, mostBack)))), room)
		lead, fits = max(0, n-3), 1
		wait = float64(n) * gap
	}
	sends := burst(base, lead+1)
	for _, c := range slices.Concat(others, sharing[:min(max(1, fits), len(sharing))]) {
		sends = append(sends, plan.Send{Identity: c.id, Route: c.route})
	}
	return plan.Step{
		Question: "whose counter is it?",
		Reason:   "while the baseline is refused, a caller that differs in one thing is let through only if that thing has a counter of its own",
		Start:    duration(now + wait),
		Sends:    append(sends, burst(base, 1)...),
		Width:    1,
	}
}

// mostBack bounds how much of a request is taken to come back to the outer limit in a
// gap in which the inner one lets one through.
const mostBack = 0.75

// leadMargin rounds what comes back up, unless it is hardly more than so many.
const leadMargin = 0.9

// returning is how many requests a second come back to the baseline while it asks on:
// what was let through between two refusals of one step, from a given step on. Those sent
// together have no order, and tell nothing.
func (r *record) returning(from int) float64 {
	base := r.baseline()
	n, span := 0, 0.0
	var last *sample // refused
	pending := 0     // let through since
	for _, x := range r.inOrder() {
		if (counter{x.id, x.route}) != base || x.step < from {
			continue
		}
		switch x.outcome {
		case trace.Admitted:
			pending++
		case trace.Limited:
			if last != nil && last.step == x.step && x.sent > last.sent {
				n, span = n+pending, span+x.sent-last.sent
			}
			last, pending = &x, 0
		}
	}
	if n == 0 {
		return 0
	}
	return float64(n) / span
}

// onset is the step of the first refusal.
func (r *record) onset() int {
	i := slices.IndexFunc(r.samples, func(x sample) bool { return x.outcome == trace.Limited })
	return r.samples[max(i, 0)].step
}

// overran says whether in the latest step the baseline was let through by all that it
// sent ahead of the others.
func (r *record) overran() bool {
	for _, x := range r.latest() {
		if (counter{x.id, x.route}) != r.baseline() || x.outcome == trace.Limited {
			return x.outcome == trace.Admitted
		}
	}
	return true
}

// idle says whether the latest rounds told nothing.
func (q *behind) idle(r *record) bool {
	told := 0
	for _, c := range r.contrasts() {
		told += c.own + c.shared
	}
	switch {
	case told > q.told:
		q.barren = 0
	case q.asked:
		q.barren++
	}
	q.told = told
	return q.barren == mostBarren
}

// latest are the samples of the latest step.
func (r *record) latest() []sample {
	last := r.samples[len(r.samples)-1].step
	return slices.DeleteFunc(slices.Clone(r.samples), func(x sample) bool { return x.step != last })
}

// refusedLately says whether anything was refused in the latest step.
func (r *record) refusedLately() bool {
	return slices.ContainsFunc(r.latest(), func(x sample) bool { return x.outcome == trace.Limited })
}
