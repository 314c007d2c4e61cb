package infer

import (
	"fmt"

	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// reopen asks when an exhausted counter lets the next request through: single
// requests at growing gaps, then two more at once, which tell a window that
// starts anew from a bucket that got one token.
type reopen struct {
	polled bool
	topped bool
}

func (q *reopen) stage() string { return "window" }

func (q *reopen) next(e *Engine, now float64) (plan.Step, bool) {
	c := e.log.baseline()
	switch {
	case !q.polled:
		q.polled = true
		sends := q.polls(e, c, now)
		return plan.Step{
			Question:          "when does it let the next request through?",
			Reason:            "single requests at growing gaps after the refusal",
			Sends:             sends,
			Width:             1,
			StopAfterAdmitted: 1,
		}, len(sends) > 0
	case !q.topped && e.log.last(c) == trace.Admitted:
		q.topped = true
		return plan.Step{
			Question:         "does it let one through, or many?",
			Reason:           "two more at once: a window that starts anew takes them, a bucket that got a token does not",
			Sends:            e.spaced(burst(c, 2)),
			Width:            1,
			StopAfterLimited: 2,
		}, true
	}
	if q.topped {
		e.find(fmt.Sprintf("it let requests through again %s s after the refusal", plain(e.log.reopenedAfter())))
	} else {
		e.find("it let nothing through again within this run")
	}
	return plan.Step{}, false
}

// polls are single requests at growing gaps. Where rejections are rationed they
// start later and grow faster.
func (q *reopen) polls(e *Engine, c counter, now float64) []plan.Send {
	gap, growth := 0.03, 1.6
	if e.cfg.Budget.MaxRejections > 0 {
		gap, growth = 0.2, 2
	}
	_, rest, _ := e.pace()
	gap = max(gap, rest)
	n := min(e.rejectionsLeft(c.id)/2, e.spare()/2)
	left := e.left(now)
	p := poller{gap: gap, growth: growth, due: e.claims.opens(c) - now}
	var out []plan.Send
	for at := gap; at < left && len(out) < n; at = p.next(at) {
		out = append(out, plan.Send{At: duration(at), Identity: c.id, Route: c.route})
	}
	return out
}

// poller spaces polls of a refused counter; everything is in seconds from the
// refusal.
type poller struct {
	gap    float64 // the first, and twice the least between two
	growth float64
	due    float64 // when headers say that it lets requests through again; not positive: nothing is said
}

// claimedGrain is how much sooner, in seconds, than headers say a wait may end: most
// state whole seconds, rounded up.
const claimedGrain = 1.0

// next is when to ask again. Gaps grow, but for the second in which the wait is said
// to end, and from there they grow anew. Before it fewer do: they only tell whether
// single requests get through sooner.
func (p poller) next(at float64) float64 {
	least, most := at+p.gap/2, at+max(longestGap, at/3)
	step := max(p.gap, claimedGrain/4)
	from := p.due - claimedGrain - step/2
	switch {
	case p.due > 0 && at >= p.due+step/2:
		return max(min(p.due+(at-p.due)*p.growth, most), least)
	case p.due > 0 && at >= from:
		return at + step
	case from > 0:
		return max(min(at*p.growth*p.growth, from), least)
	}
	return max(min(at*p.growth, most), least)
}

// longestGap bounds, in seconds, by how much a poll may miss the reopening. After
// long in vain the gaps grow again: each poll may prolong a ban.
const longestGap = 12

// last is the latest outcome of c: a refusal where one of the requests that were under
// way at once was refused.
func (r *record) last(c counter) trace.Outcome {
	latest := trace.Ignored
	since := 0.0
	for i := len(r.samples) - 1; i >= 0; i-- {
		x := r.samples[i]
		if x.id != c.id || x.route != c.route || x.outcome == trace.Ignored {
			continue
		}
		switch {
		case latest == trace.Ignored:
			latest, since = x.outcome, x.sent
		case x.sent+x.rtt <= since:
			return latest
		}
		if x.outcome == trace.Limited {
			return trace.Limited
		}
	}
	return latest
}

// reopenedAfter is the seconds from the baseline's first rejection to the next
// admission of a request that was sent when that was known, 0 if there was none.
func (r *record) reopenedAfter() float64 {
	var first *sample
	for i := range r.samples {
		x := &r.samples[i]
		if x.id != r.base() || x.route != r.roster.Routes[0] {
			continue
		}
		switch {
		case x.outcome == trace.Limited && first == nil:
			first = x
		case x.outcome == trace.Admitted && first != nil && x.sent >= first.sent+first.rtt:
			return x.sent - first.sent
		}
	}
	return 0
}
