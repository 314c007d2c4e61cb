package findings

import (
	"fmt"
	"strconv"
	"strings"

	"apisonde/analyze/verdict"
	"apisonde/report"
	"apisonde/tui/look"
)

// verdict is the whole document for people, what they look for first at the top.
func (p *Pane) verdict(w int) []string {
	v := p.outcome.Verdict
	out := p.opening(w)
	for i, l := range v.Limits {
		lead := ""
		if len(v.Limits) > 1 {
			lead = p.kit.Accent.Render(fmt.Sprintf("Layer %d of %d", i+1, len(v.Limits))) + "  "
		}
		out = append(out, "")
		out = append(out, p.limit(l, lead, w)...)
	}
	out = append(out, p.list("Not tested", p.kit.Soft.Render(p.kit.Unsure), v.NotTested, w)...)
	out = append(out, p.list("Warnings", p.kit.Caution.Render(p.kit.Ignored), v.Warnings, w)...)
	out = append(out, "", p.kit.Accent.Render("What it took"))
	out = append(out, look.Wrap(sentenceCase(report.Cost(v)), w)...)
	if v.Outcome != verdict.OutcomeNoLimit { // its headline says it
		out = append(out, look.Wrap(report.TestedUpTo(v), w)...)
	}
	if p.outcome.TracePath != "" {
		out = append(out, look.Hang(p.label("trace"), look.Safe(p.outcome.TracePath), w)...)
	}
	return out
}

// opening is the outcome in one sentence, why sending ended early, and what went
// wrong where something did.
func (p *Pane) opening(w int) []string {
	v := p.outcome.Verdict
	var out []string
	if p.outcome.Err != nil {
		out = append(out, look.Hang(p.kit.Bad.Render(p.kit.No)+" ", look.Safe(p.outcome.Err.Error()), w)...)
		if v.Outcome == "" {
			return append(out, "", "There is no verdict.")
		}
	}
	mark := p.kit.Caution.Render(p.kit.Unsure)
	switch v.Outcome {
	case verdict.OutcomeLimited, verdict.OutcomeNoLimit:
		mark = p.kit.Good.Render(p.kit.Yes)
	case verdict.OutcomeStopped:
		mark = p.kit.Caution.Render(p.kit.Paused)
	}
	out = append(out, look.Hang(mark+" ", p.kit.Strong.Render(report.Headline(v)), w)...)
	if s := report.Stopped(v); s != "" {
		out = append(out, look.Hang(p.kit.Caution.Render(p.kit.Ignored)+" ", s, w)...)
	}
	return out
}

// limit is one layer: the sentence, how sure it is, its figures and why.
func (p *Pane) limit(l verdict.Limit, lead string, w int) []string {
	out := look.Wrap(lead+p.kit.Strong.Render(report.Sentence(l)), w)
	out = append(out, "")
	out = append(out, p.sure(l, w)...)
	out = append(out, "")
	out = append(out, p.figures(l, w)...)
	fact := func(label, text string) {
		if text != "" {
			out = append(out, look.Hang(p.label(label), text, w)...)
		}
	}
	out = append(out, "")
	fact("algorithm", report.Algorithm(l))
	fact("may also be", report.Equivalents(l))
	fact("refuses with", refusal(l.Rejection))
	fact("Retry-After", report.RetryAfter(l.Rejection.RetryAfter))
	if hint := report.ToTell(l); hint != "" {
		fact("to tell whose", "add "+hint)
	}
	fact("to settle", look.Safe(l.Settle))
	if len(l.Evidence) > 0 {
		out = append(out, "", p.kit.Accent.Render("Why"))
		for _, e := range l.Evidence {
			text := look.Safe(e.Claim)
			if refs := report.Requests(e.Observations); refs != "" {
				text += " " + p.kit.Soft.Render("("+refs+")")
			}
			out = append(out, look.Hang(p.kit.Bullet+" ", text, w)...)
		}
	}
	return out
}

const labelWidth = 13

func (p *Pane) label(s string) string { return p.kit.Soft.Render(p.kit.Pad(s, labelWidth)) + " " }

// sure is how sure the layer is as a whole, with a bar, and its parts.
func (p *Pane) sure(l verdict.Limit, w int) []string {
	style := p.kit.Caution
	if l.Confidence >= 0.95 {
		style = p.kit.Good
	}
	line := p.label("sure") + style.Render(p.kit.Bar(l.Confidence, 10)) + " " + report.Sure(l.Confidence)
	parts := p.kit.Soft.Render("algorithm " + report.Probability(l.AlgorithmConfidence) + ", scope " + report.Probability(l.ScopeConfidence))
	if look.Width(line)+3+look.Width(parts) <= w {
		return []string{line + "   " + parts}
	}
	return []string{p.kit.Clip(line, w), p.kit.Clip(p.label("")+parts, w)}
}

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
		rows = append(rows, []string{p.kit.Soft.Render(p.kit.Pad(name, labelWidth-1)), look.Number(f.Value) + unit, span})
	}
	unit := ""
	if l.Unit != "" && l.Unit != "requests" {
		unit = " " + look.Safe(l.Unit)
	}
	add("limit", l.Limit, unit)
	add("at once", l.Burst, unit)
	add("window", l.WindowS, " s")
	add("rate", l.RatePerS, " per s")
	add("undelayed", l.Undelayed, "")
	add("longest delay", l.MaxDelayS, " s")
	add("servers", l.Nodes, "")
	add("IPv6 bits", l.IPv6Prefix, "")
	add("penalty", l.Rejection.PenaltyS, " s")
	if len(rows) == 0 {
		return []string{p.label("figures") + "none can be stated"}
	}
	return p.kit.Table([]look.Column{{}, {Head: "value", Right: true}, {Head: "95 % interval", Right: true}}, rows, w)
}

// refusal is how the layer refuses.
func refusal(r verdict.Rejection) string {
	var parts []string
	if len(r.Statuses) > 0 {
		s := make([]string, len(r.Statuses))
		for i, c := range r.Statuses {
			s[i] = strconv.Itoa(c)
		}
		parts = append(parts, strings.Join(s, ", "))
	}
	if r.CountsAgainstLimit != nil {
		if *r.CountsAgainstLimit {
			parts = append(parts, "a refused request counts too")
		} else {
			parts = append(parts, "a refused request does not count")
		}
	}
	return strings.Join(parts, "; ")
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

// sentenceCase makes a clause a sentence.
func sentenceCase(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}
