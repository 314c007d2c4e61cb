package infer

import (
	"fmt"
	"slices"

	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// drain asks whether there is a limit at all, by asking until refused.
type drain struct {
	route  int // position in the roster
	sent   int
	chunk  int
	warmed bool
}

func (d *drain) stage() string { return "limit" }

const (
	warmup = 6 // requests that show how long a round trip takes
	// Round trips longer than this, in seconds, make one-by-one sending too slow
	// to outrun a bucket's refill.
	longTrip = 0.005
	// What is sent on the first route and on the others before the answer is
	// that none limits a caller who sends one request after another.
	firstDrain = 600
	otherDrain = 250
)

func (d *drain) next(e *Engine, _ float64) (plan.Step, bool) {
	r := e.log
	c := counter{r.base(), r.roster.Routes[d.route]}
	if d.limited(r, c) {
		d.settle(e, c)
		return plan.Step{}, false
	}
	most := firstDrain
	if d.route > 0 {
		most = otherDrain
	}
	most = min(most, e.spare()*3/5)
	if d.sent >= most || d.sent > 0 && most < warmup {
		if d.route+1 < len(r.roster.Routes) {
			*d = drain{route: d.route + 1}
			return d.next(e, 0)
		}
		e.find(fmt.Sprintf("no rejection in %d requests sent one after another", len(r.samples)))
		e.then(&unlimited{})
		return plan.Step{}, false
	}
	step := plan.Step{
		Question:         "is there a limit, and how many does it admit at once?",
		Reason:           "requests as fast as they are answered, until two are refused",
		Width:            1,
		StopAfterLimited: 2,
	}
	n := most - d.sent
	switch {
	case !d.warmed:
		d.warmed, n = true, min(n, warmup)
	case medianTrip(r.samples) > longTrip:
		d.chunk = max(4, 2*d.chunk)
		n = min(n, d.chunk)
		step.Width = n
		step.Reason = "bursts that grow until two are refused, since answers take too long to outrun a refill one by one"
	}
	d.sent += n
	step.Sends = burst(c, n)
	return step, true
}

// limited says whether c was refused since the drain began.
func (d *drain) limited(r *record, c counter) bool {
	for i := len(r.samples) - 1; i >= 0; i-- {
		x := r.samples[i]
		if x.id == c.id && x.route == c.route && x.outcome == trace.Limited {
			return true
		}
	}
	return false
}

// settle makes c the counter that the assessment is about.
func (d *drain) settle(e *Engine, c counter) {
	routes := slices.Clone(e.log.roster.Routes)
	if i := slices.Index(routes, c.route); i > 0 {
		routes[0], routes[i] = routes[i], routes[0]
		e.log.roster.Routes = routes
	}
	n, _ := e.log.spent()
	e.find(fmt.Sprintf("%d requests of %s on %s got through before the first was refused", n, c.id, c.route))
	e.then(&whose{}, &reopen{}, &identify{})
}

func medianTrip(samples []sample) float64 {
	var ts []float64
	for _, s := range samples {
		if s.outcome != trace.Ignored {
			ts = append(ts, s.rtt)
		}
	}
	if len(ts) == 0 {
		return 0
	}
	slices.Sort(ts)
	return ts[len(ts)/2]
}
