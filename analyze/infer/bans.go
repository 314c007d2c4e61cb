package infer

import (
	"fmt"
	"slices"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// Bar leaves a caller that the server may have banned, and all who share its address
// or its account, out of what is asked from now on. Where the baseline is among
// them, the first caller who is not takes its place and is asked everything anew:
// what a ban refuses says nothing of quotas, and whether the two share a counter
// can no longer be asked. Bar returns false, and changes nothing, where nobody is
// left.
func (e *Engine) Bar(id trace.Identity) bool {
	bans := append(slices.Clone(e.bans), id)
	roster, some := unbarred(e.all.roster, bans)
	if !some {
		return false
	}
	e.bans = bans
	if !barred(bans, e.log.base()) {
		return true
	}
	rest := newRecord(roster)
	rest.rules, rest.refused, rest.egress = e.all.rules, e.all.refused, e.all.egress
	for _, x := range e.all.samples {
		if !barred(bans, x.id) {
			rest.keep(x)
		}
	}
	e.out = e.all
	e.all, e.path, e.log = rest, rest, rest
	e.forget()
	e.tour = []inquiry{&drain{}}
	e.find(fmt.Sprintf("%s may be banned; %s is asked instead", id, rest.base()))
	return true
}

// unbarred is the roster of those whom no ban concerns; false where that is nobody.
func unbarred(r trace.Roster, bans []trace.Identity) (trace.Roster, bool) {
	some := true
	for _, id := range bans {
		var left bool
		r, left = r.Beyond(id)
		some = some && left
	}
	return r, some
}

func barred(bans []trace.Identity, id trace.Identity) bool {
	return slices.ContainsFunc(bans, id.Shares)
}

// parted splits a trace at the ban that concerns its baseline: what was asked until
// then, and what those were asked whom it does not concern. Whether these share the
// baseline's counter is not known, so neither says anything of the other. It returns
// who may have been banned; nobody where there is nothing to part.
func parted(t trace.Trace) (before, rest trace.Trace, who *trace.Identity) {
	var bans []trace.Identity
	end := slices.IndexFunc(t.Observations, func(o trace.Observation) bool {
		if o.Ban {
			bans = append(bans, o.Identity)
		}
		return o.Ban && barred(bans, t.Meta.Roster.Baseline())
	})
	if end < 0 {
		return t, t, nil
	}
	roster, some := unbarred(t.Meta.Roster, bans)
	if !some {
		return t, t, nil
	}
	before, rest = t, t
	before.Observations, rest.Observations = nil, nil
	for i, o := range t.Observations {
		out := barred(bans, o.Identity)
		if out || i <= end { // those of the barred that come later were in flight
			before.Observations = append(before.Observations, o)
		}
		if !out {
			rest.Observations = append(rest.Observations, o)
		}
	}
	rest.Meta.Roster = roster
	return before, rest, &t.Observations[end].Identity
}

// judgeParted judges a trace that a ban parted, by the part that shows a limit: of two the
// later one, which nothing cut short.
func judgeParted(t, before, rest trace.Trace, who trace.Identity) Judgement {
	j, whose := Judge(rest), "of callers who share neither its address nor its account"
	if j.Outcome != verdict.OutcomeLimited {
		j, whose = judge(before), "of what came before that"
	} else {
		j.allow(usedBefore(before, rest))
	}
	r := recordOf(t.Meta)
	for _, o := range t.Observations {
		r.observe(o)
	}
	j.Cost = r.cost()
	j.Warnings = append(j.Warnings, fmt.Sprintf("the server may have banned %s during the run; what is stated is %s", who, whose))
	return j
}

// usedBefore counts the requests of callers who were taken out that may have counted
// as those of the one who took the baseline's place: what it then got through from rest
// was less by as many.
func usedBefore(before, rest trace.Trace) int {
	now := rest.Meta.Roster.Baseline()
	n := 0
	for _, o := range before.Observations {
		id := o.Identity
		if o.Status < 400 && id != now && (id.Vantage == now.Vantage || id.Key != "" && id.Key == now.Key || id.User != "" && id.User == now.User) {
			n++
		}
	}
	return n
}

// allow widens what is stated of limits by n requests that may have been counted.
func (j *Judgement) allow(n int) {
	if n == 0 {
		return
	}
	for i := range j.Limits {
		l := &j.Limits[i]
		for _, f := range []*verdict.Figure{l.Limit, l.Burst} {
			if f != nil {
				f.Hi += float64(n)
			}
		}
		l.Confidence = min(l.Confidence, gappedConfidence)
	}
}
