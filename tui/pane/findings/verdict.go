package findings

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"apisonde/analyze/verdict"
	"apisonde/tui/look"
)

// verdict is the whole document for people.
func (p *Pane) verdict(w int) []string {
	v := p.outcome.Verdict
	out := p.headline(w)
	for i, l := range v.Limits {
		out = append(out, "")
		if len(v.Limits) > 1 {
			out = append(out, p.kit.Accent.Render(fmt.Sprintf("Layer %d of %d", i+1, len(v.Limits))))
		}
		out = append(out, p.limit(l, w)...)
	}
	out = append(out, p.list("Not tested", p.kit.Soft.Render(p.kit.Unsure), v.NotTested, w)...)
	out = append(out, p.list("Warnings", p.kit.Caution.Render(p.kit.Ignored), v.Warnings, w)...)
	out = append(out, "", p.kit.Accent.Render("What it took"))
	out = append(out, p.cost(w)...)
	return out
}

// headline is the outcome in one sentence, and what went wrong where something
// did.
func (p *Pane) headline(w int) []string {
	v := p.outcome.Verdict
	var out []string
	if p.outcome.Err != nil {
		out = append(out, look.Hang(p.kit.Bad.Render(p.kit.No+" failed")+"  ", look.Safe(p.outcome.Err.Error()), w)...)
	}
	mark, text := p.kit.Caution.Render(p.kit.Unsure+" inconclusive"), "There was a run, and it does not suffice for a conclusion."
	switch v.Outcome {
	case verdict.OutcomeLimited:
		n := "A limit was met."
		if len(v.Limits) > 1 {
			n = fmt.Sprintf("%d limits were met; each must admit a request.", len(v.Limits))
		}
		mark, text = p.kit.Good.Render(p.kit.Yes+" limited"), n
	case verdict.OutcomeNoLimit:
		mark, text = p.kit.Good.Render(p.kit.Yes+" no limit found"), "None was met "+upTo(v.TestedUpTo)+"."
	case verdict.OutcomeStopped:
		mark, text = p.kit.Caution.Render(p.kit.Paused+" stopped"), "It ended before anything could be concluded."
	}
	out = append(out, look.Hang(mark+"  ", text, w)...)
	if v.StopReason != nil {
		out = append(out, look.Hang(strings.Repeat(" ", look.Width(mark)+2), stopText(*v.StopReason), w)...)
	}
	return out
}

func upTo(t verdict.TestedUpTo) string {
	var parts []string
	if t.RequestsPerWindow > 0 {
		parts = append(parts, fmt.Sprintf("up to %d requests in a row", t.RequestsPerWindow))
	}
	if t.RatePerS > 0 {
		parts = append(parts, look.Number(t.RatePerS)+" per second")
	}
	if t.Concurrency > 0 {
		parts = append(parts, fmt.Sprintf("%d at once", t.Concurrency))
	}
	if len(parts) == 0 {
		return "by what was sent"
	}
	return strings.Join(parts, ", ")
}

var stopTexts = map[string]string{
	"budget":          "Sending ended because a ceiling was reached.",
	"duration":        "Sending ended because its time was up.",
	"interrupted":     "Sending was stopped by hand; everything sent is kept.",
	"server-distress": "Sending ended because the server seemed in distress.",
	"suspected-ban":   "Sending ended because a caller seemed to be banned.",
	"network":         "Sending ended because the network failed.",
	"trace":           "Sending ended because the trace could not be written.",
}

func stopText(reason string) string {
	if t, ok := stopTexts[reason]; ok {
		return t
	}
	return "Sending ended early: " + look.Safe(reason) + "."
}

// limit is one layer: the sentence, its figures, how sure it is and why.
func (p *Pane) limit(l verdict.Limit, w int) []string {
	out := look.Wrap(p.kit.Strong.Render(sentence(l)), w)
	out = append(out, "")
	out = append(out, p.figures(l, w)...)
	out = append(out, "")
	out = append(out, p.sure("confidence", l.Confidence, w))
	out = append(out, p.sure("algorithm", l.AlgorithmConfidence, w))
	out = append(out, p.sure("scope", l.ScopeConfidence, w))
	if len(l.Equivalent) > 0 {
		out = append(out, look.Hang(p.label("may also be"), strings.Join(l.Equivalent, ", "), w)...)
	}
	if l.Scope == nil && len(l.ScopeCandidates) > 0 {
		var names []string
		for _, c := range l.ScopeCandidates {
			names = append(names, scopeName(c))
		}
		out = append(out, look.Hang(p.label("counted by"), "open: "+strings.Join(names, "; or "), w)...)
	}
	out = append(out, look.Hang(p.label("refusal"), refusal(l.Rejection), w)...)
	if l.Settle != "" {
		out = append(out, look.Hang(p.label("to settle"), look.Safe(l.Settle), w)...)
	}
	if len(l.Evidence) > 0 {
		out = append(out, "", p.kit.Accent.Render("Why"))
		for _, e := range l.Evidence {
			text := look.Safe(e.Claim)
			if refs := observations(e.Observations); refs != "" {
				text += " " + p.kit.Soft.Render("("+refs+")")
			}
			out = append(out, look.Hang(p.kit.Bullet+" ", text, w)...)
		}
	}
	return out
}

const labelWidth = 12

func (p *Pane) label(s string) string { return p.kit.Soft.Render(p.kit.Pad(s, labelWidth)) + " " }

// figures is the table of what is stated, with the ends of the 95 % intervals.
func (p *Pane) figures(l verdict.Limit, w int) []string {
	var rows [][]string
	add := func(name string, f *verdict.Figure, unit string) {
		if f == nil {
			return
		}
		span := "exact"
		if f.Lo != f.Hi {
			span = look.Number(f.Lo) + " " + p.kit.To + " " + look.Number(f.Hi)
		}
		rows = append(rows, []string{name, look.Number(f.Value) + unit, span})
	}
	unit := ""
	if l.Unit != "" && l.Unit != "requests" {
		unit = " " + l.Unit
	}
	add("limit", l.Limit, unit)
	add("at once", l.Burst, unit)
	add("window", l.WindowS, " s")
	add("rate", l.RatePerS, " per s")
	add("undelayed", l.Undelayed, "")
	add("longest delay", l.MaxDelayS, " s")
	add("nodes", l.Nodes, "")
	add("penalty", l.Rejection.PenaltyS, " s")
	if len(rows) == 0 {
		return []string{p.kit.Soft.Render("no figure can be stated")}
	}
	return p.kit.Table([]look.Column{{Head: "figure"}, {Head: "value", Right: true}, {Head: "95 % interval", Right: true}}, rows, w)
}

func (p *Pane) sure(label string, c float64, w int) string {
	bar := p.kit.Bar(c, max(4, min(20, w-labelWidth-8)))
	if c >= 0.95 {
		bar = p.kit.Good.Render(bar)
	} else {
		bar = p.kit.Caution.Render(bar)
	}
	return p.kit.Clip(p.label(label)+bar+" "+look.Percent(c), w)
}

// refusal is how the layer refuses.
func refusal(r verdict.Rejection) string {
	var parts []string
	if len(r.Statuses) > 0 {
		var s []string
		for _, c := range r.Statuses {
			s = append(s, strconv.Itoa(c))
		}
		parts = append(parts, "status "+strings.Join(s, ", "))
	}
	if r.CountsAgainstLimit != nil {
		if *r.CountsAgainstLimit {
			parts = append(parts, "refused requests count too")
		} else {
			parts = append(parts, "refused requests do not count")
		}
	}
	switch r.RetryAfter.Verdict {
	case "exact":
		parts = append(parts, "Retry-After is right")
	case "early":
		parts = append(parts, "Retry-After is too short")
	case "late":
		parts = append(parts, "Retry-After is longer than needed")
	case "inconsistent":
		parts = append(parts, "Retry-After contradicts itself")
	case "absent":
		parts = append(parts, "no Retry-After")
	}
	if len(parts) == 0 {
		return "not seen"
	}
	return strings.Join(parts, "; ")
}

// observations names requests by number, the first few of many.
func observations(seqs []int) string {
	const most = 4
	var s []string
	for _, n := range seqs[:min(most, len(seqs))] {
		s = append(s, strconv.Itoa(n))
	}
	switch {
	case len(seqs) == 0:
		return ""
	case len(seqs) == 1:
		return "request " + s[0]
	case len(seqs) > most:
		return fmt.Sprintf("requests %s and %d more", strings.Join(s, ", "), len(seqs)-most)
	}
	return "requests " + strings.Join(s, ", ")
}

func (p *Pane) list(title, mark string, items []string, w int) []string {
	if len(items) == 0 {
		return nil
	}
	out := []string{"", p.kit.Accent.Render(title)}
	for _, s := range items {
		out = append(out, look.Hang(mark+" ", look.Safe(s), w)...)
	}
	return out
}

// cost is what was spent, how far it reached and where the trace lies.
func (p *Pane) cost(w int) []string {
	v := p.outcome.Verdict
	c := v.Cost
	out := look.Wrap(fmt.Sprintf("%d requests in %s: %d admitted, %d limited, %d ignored", c.Requests,
		look.Span(time.Duration(c.WallS*float64(time.Second))), c.Admitted, c.Limited, c.Ignored), w)
	if v.Outcome == verdict.OutcomeLimited {
		out = append(out, look.Wrap("No further limit was met "+upTo(v.TestedUpTo)+".", w)...)
	}
	if p.outcome.TracePath != "" {
		out = append(out, look.Hang(p.label("trace"), look.Safe(p.outcome.TracePath), w)...)
	}
	return out
}
