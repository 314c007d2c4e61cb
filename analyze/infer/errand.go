package infer

import (
	"apisonde/analyze/model"
	"apisonde/probe/plan"
)

// errand is a program on its way: what is left of it, and whose counter it asks.
type errand struct {
	c      counter
	phases []phase
	why    string
}

// resume makes a step of the program's next phase; false when none is left.
func (x *errand) resume(e *Engine, now float64) (plan.Step, bool) {
	if len(x.phases) == 0 {
		return plan.Step{}, false
	}
	ph := x.phases[0]
	x.phases = x.phases[1:]
	n := min(ph.n, e.spare())
	step := plan.Step{Question: x.why + "?", Reason: e.leading(), Sends: burst(x.c, n), Width: 1}
	switch {
	case ph.comb == nil && n > 3 && e.swift(n):
		step.Width = min(n, e.inflight())
	case ph.comb == nil:
		e.spaced(step.Sends)
	default:
		for i := range step.Sends {
			step.Sends[i].At = duration(ph.comb[i])
		}
		step.StopAfterAdmitted = 1
	}
	if start := now + ph.wait; ph.wait > e.lead {
		step.Start = duration(start)
	}
	if !ph.hammer && ph.comb == nil {
		step.StopAfterLimited = 2
	}
	return step, n > 0
}

// eventsOf is what each of the counters was asked, and answered.
func (r *record) eventsOf(counters []counter) [][]model.Event {
	out := make([][]model.Event, len(counters))
	part := r.partition()
	t := measureTiming(r.samples)
	for _, xs := range r.split(part) {
		if len(xs) == 0 {
			continue
		}
		key := part.project(xs[0].id, xs[0].route)
		for i, c := range counters {
			if part.project(c.id, c.route) == key {
				out[i] = events(xs, t)
			}
		}
	}
	return out
}
