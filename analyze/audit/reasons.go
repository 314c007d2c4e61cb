package audit

import (
	"fmt"

	"apisonde/analyze/header"
	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// reason is why refusals count as a limiter's, and which they are.
type reason struct {
	status int
	why    string
	seqs   []int
}

// reasons groups refusals by what tells that they are a limiter's. Those of 429,
// 418 and 420 say it by their status and need no reason.
func (a *audit) reasons(of func(*exchange) bool) []reason {
	rules, _ := header.ParseRules(a.trace.Meta.LimitedWhen) // the reader of the trace has refused broken ones
	var out []reason
	for _, x := range a.exchanges {
		if x.outcome != trace.Limited || !of(x) {
			continue
		}
		why := whyLimited(x.obs, rules)
		if why == "" {
			continue
		}
		i := 0
		for i < len(out) && (out[i].status != x.obs.Status || out[i].why != why) {
			i++
		}
		if i == len(out) {
			out = append(out, reason{status: x.obs.Status, why: why})
		}
		out[i].seqs = append(out[i].seqs, x.seq)
	}
	return out
}

func whyLimited(o *trace.Observation, rules header.Rules) string {
	kind, why := header.Classify(o.Status, o.Headers, []byte(o.Body.Text))
	switch s := o.Status; {
	case rules.Match(s, o.Headers, []byte(o.Body.Text)):
		return "a rule of --limited-when says so"
	case s == 429 || s == 418 || s == 420:
		return ""
	case kind == header.KindLimited:
		return string(why)
	}
	return "the same caller was let through before"
}

// explain adds to a limit's evidence why refusals that are no plain 429 count.
func (a *audit) explain(i int) {
	l := &a.limits[i]
	for _, r := range a.reasons(func(x *exchange) bool { return a.attributed(x, i) }) {
		what := fmt.Sprintf("refusals with status %d", r.status)
		if r.status == 0 {
			what = "connections closed without an answer"
		}
		l.Evidence = append(l.Evidence[:len(l.Evidence):len(l.Evidence)], verdict.Evidence{
			Claim:        fmt.Sprintf("%s count as rejections (%d): %s", what, len(r.seqs), r.why),
			Observations: few(r.seqs),
		})
	}
}

// others warns of refusals that speak of something else than the caller's own rate:
// a plan that is spent, which no wait cures, or a server that is busy.
func (a *audit) others() {
	type tale struct {
		why   trace.Text
		times int
	}
	var told []tale
	total := 0
	for _, x := range a.exchanges {
		if x.obs.Status < 400 || x.outcome == trace.Admitted {
			continue
		}
		total++
		kind, why := header.Classify(x.obs.Status, x.obs.Headers, []byte(x.obs.Body.Text))
		if kind != header.KindBilling && (kind != header.KindOverload || x.obs.Status == 503 || x.obs.Status == 529) {
			continue
		}
		i := 0
		for i < len(told) && told[i].why != why {
			i++
		}
		if i == len(told) {
			told = append(told, tale{why: why})
		}
		told[i].times++
	}
	for _, t := range told[:min(len(told), fewest)] {
		a.warnings = append(a.warnings, fmt.Sprintf("%d of %d refusals: %s", t.times, total, t.why))
	}
}
