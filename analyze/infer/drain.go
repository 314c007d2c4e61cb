package infer

import (
	"fmt"
	"slices"

	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// drain asks whether there is a limit at all, by asking until refused: so many
// on each route, in rounds.
type drain struct {
	round  int
	route  int // position in the roster
	sent   int // on this route, in this round
	before int // on this route since the run began, when the latest step was made
	asked  int // in that step
	chunk  int
	warmed bool
	// pondered: answers that slow down were looked into and not explained.
	pondered bool
}

func (d *drain) stage() string { return "limit" }

const (
	warmup = 6 // requests that show how long a round trip takes
	// Round trips longer than this, in seconds, make one-by-one sending too slow
	// to outrun a bucket's refill.
	longTrip = 0.005
)

// rounds is what is sent on the first route and on each other one before the
// answer is that none limits a caller who sends one request after another. The
// first round is short, since often only some paths are guarded.
var rounds = [...]struct{ first, other int }{{60, 60}, {240, 60}, {300, 120}}

func (d *drain) next(e *Engine, now float64) (plan.Step, bool) {
	r := e.all
	c := counter{r.base(), r.roster.Routes[d.route]}
	if !d.pondered && r.dragging(c) {
		ponder(e, c, d)
		return plan.Step{}, false
	}
	if r.ever(c, trace.Limited) {
		settle(e, c)
		return plan.Step{}, false
	}
	d.account(r.asked(c))
	most := rounds[d.round].first
	if d.route > 0 {
		most = rounds[d.round].other
	}
	if d.sent >= most && !d.pondered && r.lagging(c) { // what holds it back began just now
		most = d.sent + heldRun
	}
	most = min(most, e.spare()*3/5+d.sent)
	if d.sent >= most || d.sent > 0 && most < warmup {
		switch {
		case d.route+1 < len(r.roster.Routes):
			*d = drain{round: d.round, route: d.route + 1, warmed: d.warmed, pondered: d.pondered}
		case d.round+1 < len(rounds):
			*d = drain{round: d.round + 1, warmed: d.warmed, pondered: d.pondered}
		default:
			e.find(fmt.Sprintf("no rejection in %d requests sent one after another", len(r.samples)))
			e.then(&unlimited{})
			return plan.Step{}, false
		}
		return d.next(e, now)
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
	default:
		n = min(n, queueWatch)
		step.Late = duration(r.usual(c))
	}
	d.before, d.asked = r.asked(c), n
	step.Sends = burst(c, n)
	return step, true
}

// account adds what the latest step sent, which may have ended early.
func (d *drain) account(now int) {
	if n := now - d.before; n > 0 || d.asked == 0 {
		d.sent += min(n, d.asked)
	} else {
		d.sent += d.asked
	}
	d.asked = 0
}

// asked counts the requests of c.
func (r *record) asked(c counter) int {
	n := 0
	for _, x := range r.samples {
		if x.id == c.id && x.route == c.route {
			n++
		}
	}
	return n
}

// queueWatch is how many requests go out between two looks at whether answers
// slow down: a queue would hold a longer series up for long.
const queueWatch = 60

// settle makes c the counter that the assessment is about.
func settle(e *Engine, c counter) {
	others := slices.DeleteFunc(slices.Clone(e.all.roster.Routes), func(r string) bool { return r == c.route })
	e.turnTo(policy{routes: append([]string{c.route}, others...)})
	n, _ := e.log.fromRest(c)
	e.find(fmt.Sprintf("%d requests of %s on %s got through before the first was refused", n, c.id, c.route))
	e.then(&flying{}, &rate{})
}

// rate goes on with the questions about a limit that counts over time, unless
// the refusals were those of a limit on requests in flight.
type rate struct{}

func (rate) stage() string { return "limit" }

func (rate) next(e *Engine, _ float64) (plan.Step, bool) {
	if _, _, _, ok := e.log.slots(); ok {
		return plan.Step{}, false
	}
	e.then(&whose{}, &routes{asked: map[string]int{}}, &narrow{}, &reopen{}, &identify{}, &whose{again: true}, &beyond{}, review{}, &study{})
	return plan.Step{}, false
}

// narrow leaves out the routes that turned out to be guarded differently.
type narrow struct{}

func (narrow) stage() string { return "scope" }

func (narrow) next(e *Engine, _ float64) (plan.Step, bool) {
	if ps := e.all.policies(); len(ps) > 0 {
		e.turnTo(ps[0])
	}
	return plan.Step{}, false
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
