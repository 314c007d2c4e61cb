package report

import (
	"fmt"
	"slices"
	"strings"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// targetOf names what was assessed.
func targetOf(v verdict.Verdict) string { return v.Target.Method + " " + v.Target.URL }

// headline says what came of the assessment, in one sentence.
func headline(v verdict.Verdict) string {
	switch v.Outcome {
	case verdict.OutcomeLimited:
		if len(v.Limits) == 1 {
			return "One limit was found."
		}
		return fmt.Sprintf("%d limits were found, one behind the other.", len(v.Limits))
	case verdict.OutcomeNoLimit:
		return "No limit was found. " + testedUpTo(v)
	case verdict.OutcomeInconclusive:
		return "The assessment is inconclusive: what was seen does not settle how callers are limited."
	case verdict.OutcomeStopped:
		return "The assessment ended before anything could be concluded."
	}
	return "The outcome is " + visible(v.Outcome) + "."
}

// stopped says why sending ended before the plan did, "" if it did not.
func stopped(v verdict.Verdict) string {
	if v.StopReason == nil || *v.StopReason == "" {
		return ""
	}
	why, ok := map[string]string{
		"budget":          "the ceiling on requests or rejections was reached",
		"duration":        "the time allowed was over",
		"interrupted":     "it was interrupted",
		"server-distress": "the server showed signs of distress, so nothing more was sent",
		"suspected-ban":   "the server seemed to have banned this caller, so nothing more was sent",
		"network":         "the network failed",
		"trace":           "the trace could not be written any further",
	}[*v.StopReason]
	if !ok {
		why = visible(*v.StopReason)
	}
	return "Sending ended before the plan did: " + why + "."
}

// testedUpTo says how far the assessment went, and that nothing is known beyond.
func testedUpTo(v verdict.Verdict) string {
	u := v.TestedUpTo
	var parts []string
	if u.RequestsPerWindow > 0 {
		parts = append(parts, count(u.RequestsPerWindow, "request")+" in one window")
	}
	if u.RatePerS > 0 {
		parts = append(parts, num(u.RatePerS)+" requests per second")
	}
	if u.Concurrency > 0 {
		parts = append(parts, fmt.Sprintf("%d in flight at once", u.Concurrency))
	}
	if u.DurationS > 0 {
		parts = append(parts, "over "+span(roundTenth(u.DurationS)))
	}
	if len(parts) == 0 {
		return "Nothing was sent that would show a further limit."
	}
	return "Tested up to " + strings.Join(parts, ", ") + "; what lies above that is not known."
}

func roundTenth(v float64) float64 {
	if v < 1 {
		return v
	}
	return float64(int64(v*10+0.5)) / 10
}

// algorithmName is the algorithm in words.
func algorithmName(l verdict.Limit) string {
	switch l.Algorithm {
	case verdict.FixedWindow:
		return "fixed window"
	case verdict.SlidingLog:
		return "sliding window, exact"
	case verdict.SlidingCounter:
		return "sliding window, estimated from two counters"
	case verdict.TokenBucket:
		return "token bucket"
	case verdict.LeakyQueue:
		return "leaky queue"
	case verdict.Concurrency:
		return "concurrency limit"
	}
	if l.Algorithm == "" || l.Algorithm == verdict.Unknown {
		return "not recognised"
	}
	return visible(l.Algorithm)
}

func equivalents(l verdict.Limit) string {
	if len(l.Equivalent) == 0 {
		return ""
	}
	return "; the evidence does not exclude: " + prose(or(otherNames(l)))
}

// otherNames are the equivalents in words.
func otherNames(l verdict.Limit) []string {
	list := make([]string, len(l.Equivalent))
	for i, alg := range l.Equivalent {
		list[i] = algorithmName(verdict.Limit{Algorithm: alg})
	}
	return list
}

func source(l verdict.Limit) string {
	switch l.Source {
	case "advertised":
		return "It is taken from headers alone and was not measured."
	case "measured+advertised":
		return "It was measured, and the headers say the same."
	}
	return "It was measured."
}

// properties are the rows of a layer's table: name, value, interval.
func properties(l verdict.Limit) [][]string {
	var rows [][]string
	row := func(name, value, interval string) {
		rows = append(rows, []string{name, value, interval})
	}
	number := func(name string, f *verdict.Figure, unit string, always bool) {
		switch {
		case f != nil:
			row(name, strings.TrimSpace(num(f.Value)+" "+unit), interval(f))
		case always:
			row(name, "not known", "")
		}
	}
	length := func(name string, f *verdict.Figure, always bool) {
		switch {
		case f != nil && f.Lo != f.Hi:
			row(name, span(f.Value), interval(f)+" s")
		case f != nil:
			row(name, span(f.Value), "exact")
		case always:
			row(name, "not known", "")
		}
	}
	windowed := l.Algorithm == verdict.FixedWindow || l.Algorithm == verdict.SlidingLog || l.Algorithm == verdict.SlidingCounter
	if l.Scope != nil {
		row("Counter", prose("one per "+scopeName(l.Scope)), "")
		if len(l.Scope) == 0 {
			rows[0][1] = "one for everybody together"
		}
	} else {
		row("Counter", "open: "+prose(candidates(l)), "")
	}
	row("Algorithm", prose(algorithmName(l))+equivalents(l), "")
	number("Limit", l.Limit, prose(units(l, true)), l.Algorithm != verdict.LeakyQueue)
	if l.Burst == nil || l.Limit == nil || *l.Burst != *l.Limit {
		number("At once, from rest", l.Burst, prose(units(l, true)), l.Algorithm == verdict.TokenBucket)
	}
	length("Window", l.WindowS, windowed)
	number("Sustained rate", l.RatePerS, "per second", l.Algorithm == verdict.TokenBucket || l.Algorithm == verdict.LeakyQueue)
	number("Of these without delay", l.Undelayed, "", false)
	length("Longest delay", l.MaxDelayS, false)
	if l.Alignment != nil {
		row("Window begins", prose(alignmentName(*l.Alignment)), "")
	} else if windowed {
		row("Window begins", "not known", "")
	}
	if l.Routes != nil {
		row("Paths", prose(strings.Join(l.Routes, ", ")), "")
	}
	number("Bits of an IPv6 address that count", l.IPv6Prefix, "", false)
	number("Servers that count apart", l.Nodes, "", false)
	if l.Anonymous != nil {
		row("A caller without key or user", prose(anonymousName(*l.Anonymous)), "")
	}
	return append(rows, rejectionRows(l.Rejection)...)
}

func alignmentName(a string) string {
	if s, ok := map[string]string{
		verdict.AlignClock:        "on the clock",
		verdict.AlignFirstRequest: "with its first request",
		verdict.AlignProcessStart: "one after the other from the server's start",
		verdict.AlignTick:         "in steps of refill",
		verdict.AlignLastRequest:  "anew with every request",
	}[a]; ok {
		return s
	}
	return visible(a)
}

func anonymousName(a string) string {
	if s, ok := map[string]string{
		"unlimited": "is not limited", "shared": "shares one counter with all such callers",
		"ip": "is counted by address", "refused": "is refused",
	}[a]; ok {
		return s
	}
	return visible(a)
}

// rejectionRows say how a layer refuses.
func rejectionRows(r verdict.Rejection) [][]string {
	var rows [][]string
	row := func(name, value, interval string) { rows = append(rows, []string{name, value, interval}) }
	if len(r.Statuses) > 0 {
		list := make([]string, len(r.Statuses))
		for i, s := range r.Statuses {
			list[i] = fmt.Sprint(s)
		}
		row("Refuses with status", strings.Join(list, ", "), "")
	}
	if r.CountsAgainstLimit != nil {
		row("A refused request counts too", yesNo(*r.CountsAgainstLimit), "")
	}
	if r.ChargedByOtherRejections != nil {
		row("Is charged by another layer's refusals", yesNo(*r.ChargedByOtherRejections), "")
	}
	if r.PenaltyS != nil {
		row("Penalty after a refusal", span(r.PenaltyS.Value), interval(r.PenaltyS)+" s")
	}
	if r.PenaltyExtends != nil {
		row("Asking during the penalty prolongs it", yesNo(*r.PenaltyExtends), "")
	}
	if s := retryAfterName(r.RetryAfter); s != "" {
		row("Retry-After", prose(s), "")
	}
	return rows
}

func retryAfterName(r verdict.RetryAfter) string {
	bias := ""
	if r.BiasS != nil && *r.BiasS != 0 {
		amount := *r.BiasS
		if amount < 0 {
			amount = -amount
		}
		bias = " by " + span(amount)
	}
	switch r.Verdict {
	case "exact":
		if r.BiasS == nil { // no request came close enough to the time it names
			return "not contradicted, and not measured how exact it is"
		}
		return "exact: waiting it is enough, and no longer than needed"
	case "early":
		return "too short" + bias + ": waiting it is not enough"
	case "late":
		return "longer than needed" + bias
	case "inconsistent":
		return "inconsistent with the wait that is needed"
	case "absent":
		return "absent"
	}
	return visible(r.Verdict)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// warnings are the verdict's, and what its trace lacks where the verdict does not
// say it.
func warnings(v verdict.Verdict, t trace.Trace) []string {
	list := slices.Clone(v.Warnings)
	for _, s := range t.Damage {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}
