package infer

import (
	"math"
	"slices"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// Judgement is what a trace supports: the part of a verdict that inference
// owns.
type Judgement struct {
	Outcome    string
	Cost       verdict.Cost
	TestedUpTo verdict.TestedUpTo
	Limits     []verdict.Limit
	Warnings   []string
	NotTested  []string
	Egress     []trace.Egress
}

// Judge states what t supports. It is a function of the trace alone: a live
// run, its replay and a trace from elsewhere get the same answer.
func Judge(t trace.Trace) Judgement {
	if before, rest, who := parted(t); who != nil {
		return judgeParted(t, before, rest, *who)
	}
	return judge(t)
}

func judge(t trace.Trace) Judgement {
	r := recordOf(t.Meta)
	for _, o := range t.Observations {
		r.observe(o)
	}
	policies := r.policies()
	delaying, delays := r.delaying(t)
	j := Judgement{Cost: r.cost(), TestedUpTo: r.testedUpTo(), NotTested: r.notTested(), Warnings: r.warnings(), Egress: r.egress.List()}
	switch {
	case delays:
		j.Outcome = verdict.OutcomeLimited
		if n := r.inDoubt(); n > 0 { // each may have had a place in the line
			if delaying.Burst != nil {
				delaying.Burst.Hi += float64(n)
			}
			delaying.Confidence = min(delaying.Confidence, gappedConfidence)
		}
		j.Limits = []verdict.Limit{delaying}
	case len(policies) > 0 && j.Cost.Admitted == 0:
		j.Outcome = verdict.OutcomeInconclusive
		j.Warnings = append(j.Warnings, "every request was refused from the first on: let the quota recover, then probe again")
	case len(policies) > 0:
		j.Outcome = verdict.OutcomeLimited
		for _, x := range r.explanations(policies, t.Meta.Seed) {
			for _, l := range x.limits(t) {
				if x.policy.others {
					l.Routes = x.policy.routes
				}
				j.Limits = append(j.Limits, l)
			}
		}
		if r.holdsBack() {
			for i := range j.Limits {
				doubt(&j.Limits[i], "many answers were held back as well, which a limit that only refuses does not do: bursts of growing size from rest would show a queue")
			}
		}
		order(j.Limits)
		r.statePrefix(&j)
		if slices.ContainsFunc(j.Limits, func(l verdict.Limit) bool { return surelyBy(l, trace.DimForwarded) }) {
			j.Warnings = append(j.Warnings, "the API believes X-Forwarded-For from anyone: whoever claims another address there gets a quota of their own; it should believe that header from its own proxies alone")
		}
	case j.Cost.Admitted == 0:
		j.Outcome = verdict.OutcomeStopped
	case r.lateness().above > 0:
		j.Outcome = verdict.OutcomeInconclusive
		j.Warnings = append(j.Warnings, "answers were held back at times, and neither a queue nor a window that slows down explains when")
	case r.searched():
		j.Outcome = verdict.OutcomeNoLimit
	default:
		j.Outcome = verdict.OutcomeInconclusive
		j.Warnings = append(j.Warnings, "the run ended before enough was sent to say that there is no limit")
	}
	return j
}

// order sorts layers as the contract says: by rate, then limit, then scope; null
// rates last.
func order(ls []verdict.Limit) {
	value := func(f *verdict.Figure) float64 {
		if f == nil {
			return math.Inf(1)
		}
		return f.Value
	}
	slices.SortStableFunc(ls, func(a, b verdict.Limit) int {
		if c := cmpFloat(value(a.RatePerS), value(b.RatePerS)); c != 0 {
			return c
		}
		if c := cmpFloat(value(a.Limit), value(b.Limit)); c != 0 {
			return c
		}
		return slices.Compare(a.Scope, b.Scope)
	})
}

func (r *record) ever(c counter, o trace.Outcome) bool {
	return slices.ContainsFunc(r.samples, func(x sample) bool { return x.id == c.id && x.route == c.route && x.outcome == o })
}

func (r *record) cost() verdict.Cost {
	c := verdict.Cost{Requests: len(r.samples) + r.checks, Ignored: r.checks, Bytes: r.bytes}
	end := 0.0
	for _, x := range r.samples {
		switch x.outcome {
		case trace.Admitted:
			c.Admitted++
		case trace.Limited:
			c.Limited++
		default:
			c.Ignored++
		}
		end = max(end, x.sent+max(0, x.rtt))
	}
	c.WallS = end
	return c
}

// holdsBack says whether many of the baseline's admitted requests were answered
// late, in a way that nothing known explains.
func (r *record) holdsBack() bool {
	late := r.lateness()
	if late.above == 0 {
		return false
	}
	held, all := 0, 0
	for _, x := range r.samples {
		if x.id != r.base() || x.outcome != trace.Admitted {
			continue
		}
		all++
		if x.rtt > late.above {
			held++
		}
	}
	return held >= heldRun && held*5 >= all
}
