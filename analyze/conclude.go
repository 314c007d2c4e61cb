// Package analyze turns a trace into a verdict.
package analyze

import (
	"fmt"
	"slices"
	"time"

	"apisonde/analyze/advise"
	"apisonde/analyze/audit"
	"apisonde/analyze/infer"
	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// Conclude states everything that t supports. It is a pure function: a live run
// at its end, the replay of its trace and a trace from elsewhere get the same
// verdict.
func Conclude(t trace.Trace, tool verdict.Tool) verdict.Verdict {
	j := infer.Judge(t)
	v := verdict.Verdict{
		Schema:     verdict.Schema,
		Tool:       tool,
		Target:     verdict.Target{Method: t.Meta.Target.Method, URL: t.Meta.Target.URL},
		StartedAt:  t.Meta.Started,
		FinishedAt: t.Meta.Started.Add(finished(t)),
		Outcome:    j.Outcome,
		Cost:       j.Cost,
		TestedUpTo: j.TestedUpTo,
		Limits:     j.Limits,
		Costs:      []verdict.RouteUse{},
		Warnings:   j.Warnings,
		NotTested:  j.NotTested,
	}
	for _, e := range j.Egress {
		out := verdict.Egress{IP: e.Vantage}
		if e.Address != trace.EgressUnknown {
			out.Address = &e.Address
		}
		if e.SameAs != "" {
			out.SameAs = &e.SameAs
		}
		v.Egress = append(v.Egress, out)
	}
	if v.Limits == nil {
		v.Limits = []verdict.Limit{}
	}
	told := audit.Of(t, infer.Outcomes(t), v.Limits)
	v.Headers, v.Limits = told.Headers, told.Limits
	v.Warnings = append(v.Warnings, told.Warnings...)
	v.Advice = advise.For(v.Limits, client(t))
	switch {
	case t.End == nil:
		reason := "interrupted"
		v.StopReason = &reason
		v.Warnings = append(v.Warnings, "the trace is INCOMPLETE: the run did not end in order")
	case t.End.Reason != "":
		reason := t.End.Reason
		v.StopReason = &reason
	}
	v.Warnings = append(v.Warnings, t.Damage...)
	v.Warnings = append(v.Warnings, paused(t)...)
	return v
}

// paused says what the offsets of a resumed run rest on.
func paused(t trace.Trace) []string {
	var out []string
	if n := len(t.Resumptions); n > 0 {
		out = append(out, fmt.Sprintf("the run was resumed (%d parts): times across a pause follow this machine's wall clock, and a change of that clock meanwhile would shift them", n+1))
	}
	for _, r := range t.Resumptions {
		if r.Unplaced {
			out = append(out, fmt.Sprintf("the wall clock ran backwards before the run was resumed at %s: how long that pause was is unknown", r.Started.Format(time.RFC3339)))
		}
	}
	return out
}

// finished is the offset of the last thing that happened.
func finished(t trace.Trace) time.Duration {
	var last time.Duration
	if t.End != nil {
		last = t.End.At
	}
	for _, o := range t.Observations {
		last = max(last, o.Written, o.Done)
	}
	return last
}

// client measures the path that pacing has to allow for.
func client(t trace.Trace) advise.Client {
	var trips []time.Duration
	for _, o := range t.Observations {
		if o.Egress == "" && o.Fault == trace.FaultNone && o.FirstByte > o.Written {
			trips = append(trips, o.FirstByte-o.Written)
		}
	}
	if len(trips) == 0 {
		return advise.Client{}
	}
	slices.Sort(trips)
	high := trips[min(len(trips)-1, len(trips)*999/1000)]
	return advise.Client{RTT: trips[0], Spread: high - trips[0]}
}
