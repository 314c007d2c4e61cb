package live

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"

	"apisonde/probe/trace"
	"apisonde/report/chart"
	"apisonde/tui/look"
)

// stage is what the inference is finding out.
func (p *Pane) stage() string {
	s := p.frame.Snapshot
	if p.frame.Belief == nil || p.frame.Belief.Stage == "" {
		return ""
	}
	if s.StepNo == 0 {
		return p.frame.Belief.Stage
	}
	return fmt.Sprintf("%s, step %d", p.frame.Belief.Stage, s.StepNo)
}

// asking is the question of the step in progress, and its reason.
func (p *Pane) asking(w, h int) []string {
	s := p.frame.Snapshot
	switch {
	case s.Over:
		return []string{"Nothing any more: sending is over, and the verdict comes from all of it."}
	case p.frame.Stopping:
		return []string{"Nothing any more: what is in flight is waited for."}
	}
	q, why := s.Step.Question, s.Step.Reason
	if s.StepNo == 0 && q == "" {
		q, why = "does every caller get an answer?", "one request each, before anything else"
	}
	lines := look.Wrap(p.kit.Strong.Render(q), w)
	if wait := s.Step.Start - s.Elapsed; wait > 300*time.Millisecond {
		why = fmt.Sprintf("sends again in %s; %s", look.Span(wait), why)
	}
	if why != "" && len(lines) < h {
		reason := look.Wrap(why, w)
		if room := h - len(lines); len(reason) > room {
			reason[room-1] = p.kit.Clip(strings.Join(reason[room-1:], " "), w)
			reason = reason[:room]
		}
		for _, l := range reason {
			lines = append(lines, p.kit.Soft.Render(l))
		}
	}
	return lines
}

// budget is what is left under each ceiling, on one line of at most w cells; what
// does not fit is left out from the end.
func (p *Pane) budget(w int) string {
	s := p.frame.Snapshot
	b := s.Budget
	limited := map[trace.Identity]int{}
	most := 0
	for _, t := range s.Tallies {
		limited[t.Identity] += t.Limited
		most = max(most, limited[t.Identity])
	}
	parts := []string{
		p.ceiling("requests", float64(s.Sent), float64(b.MaxRequests), look.Count(b.MaxRequests-s.Sent)),
		p.ceiling("time", float64(s.Elapsed), float64(b.MaxDuration), look.Clock(b.MaxDuration-s.Elapsed)),
	}
	if b.MaxRejections > 0 {
		parts = append(parts, p.ceiling("refusals", float64(most), float64(b.MaxRejections), look.Count(b.MaxRejections-most)))
	}
	out := p.kit.Soft.Render("left:")
	for _, part := range parts {
		if look.Width(out)+2+look.Width(part) > w {
			break
		}
		out += "  " + part
	}
	return out
}

// ceiling is a bar of what is left of one, the figure, and its name.
func (p *Pane) ceiling(name string, used, all float64, left string) string {
	share := 1.0
	if all > 0 {
		share = max(0, 1-used/all)
	}
	return p.level(share, p.kit.Bar(share, 6)) + " " + left + " " + p.kit.Soft.Render(name)
}

// level colours what is left of a ceiling.
func (p *Pane) level(left float64, s string) string {
	switch {
	case left < 0.1:
		return p.kit.Bad.Render(s)
	case left < 0.3:
		return p.kit.Caution.Render(s)
	}
	return p.kit.Good.Render(s)
}

// chart is the run over time, and below it the latest answers one by one.
func (p *Pane) chart(w, h int) []string {
	s := p.frame.Snapshot
	var out []string
	if strip := p.latest(w); strip != "" && h >= 6 {
		out = append(out, strip)
	}
	admitted, limited := make([]float64, len(s.Bins)), make([]float64, len(s.Bins))
	for i, b := range s.Bins {
		admitted[i], limited[i] = float64(b.Admitted), float64(b.Limited)
	}
	if len(s.Bins) == 0 {
		return out
	}
	opts := []chart.Option{chart.Span(time.Duration(len(s.Bins)) * s.BinWidth), chart.Unit("per " + look.Span(s.BinWidth))}
	if p.color {
		opts = append(opts, chart.Color())
	}
	if p.kit.ASCII {
		opts = append(opts, chart.ASCII())
	}
	// A column for each interval until they fill the width: a picture that is
	// stretched over it from the first second on would shrink with every frame.
	const axis, least = 6, 24
	picture := chart.Run(admitted, limited, min(w, max(least, len(s.Bins)+axis)), h-len(out), opts...)
	if picture == "" {
		return out
	}
	return append(strings.Split(picture, "\n"), out...)
}

// latest is one mark for each of the latest answers.
func (p *Pane) latest(w int) string {
	const label = "latest "
	recent := p.frame.Snapshot.Recent
	if room := w - len(label); len(recent) > room {
		recent = recent[len(recent)-max(0, room):]
	}
	if len(recent) == 0 {
		return ""
	}
	var b strings.Builder
	for _, o := range recent {
		glyph, style := p.mark(o)
		b.WriteString(style.Render(glyph))
	}
	return p.kit.Soft.Render(label) + b.String()
}

func (p *Pane) mark(o trace.Observation) (string, lipgloss.Style) {
	switch {
	case o.Fault != trace.FaultNone, o.Status >= 500:
		return p.kit.Outcome(trace.Ignored)
	case o.Status >= 400:
		return p.kit.Outcome(trace.Limited)
	}
	return p.kit.Outcome(trace.Admitted)
}

// hypotheses are the leading explanations in at most h lines, two for each: its
// name, then its probability as a bar and a figure, and its own figures.
func (p *Pane) hypotheses(w, h int) []string {
	b := p.frame.Belief
	if b == nil || len(b.Hypotheses) == 0 {
		if b != nil && b.Headline != "" {
			return look.Wrap(sentenceCase(look.Safe(b.Headline)), w)
		}
		return []string{p.kit.Soft.Render("too early to say")}
	}
	barW := clamp(w/3, 6, 20)
	var out []string
	for i, x := range b.Hypotheses {
		if len(out)+2 > max(2, h) {
			break
		}
		name, style := p.kit.Clip(look.Safe(x.Name), w), p.kit.Plain
		if i == 0 {
			name, style = p.kit.Strong.Render(name), p.kit.Accent
		}
		out = append(out, name, p.kit.Clip(style.Render(p.kit.Bar(x.Probability, barW))+" "+
			p.kit.PadLeft(look.Percent(x.Probability), 4)+"  "+p.kit.Soft.Render(look.Safe(x.Figures)), w))
	}
	return out
}

// scope is what is known of each dimension: does its every value have a counter
// of its own? Those that cannot be told apart share a line.
func (p *Pane) scope(w int) []string {
	if p.frame.Belief == nil || len(p.frame.Belief.Scope) == 0 {
		return []string{p.kit.Soft.Render("not asked yet")}
	}
	var out, untested []string
	for _, s := range p.frame.Belief.Scope {
		glyph := p.kit.Soft.Render(p.kit.Unsure)
		switch s.State {
		case "not tested":
			untested = append(untested, s.Dim)
			continue
		case "own counter each":
			glyph = p.kit.Good.Render(p.kit.Yes)
		case "shared":
			glyph = p.kit.Plain.Render("=")
		case "asking":
			glyph = p.kit.Accent.Render(p.kit.Active)
		}
		out = append(out, p.kit.Clip(glyph+" "+p.kit.Pad(s.Dim, 9)+" "+s.State, w))
	}
	if len(untested) > 0 {
		out = append(out, p.kit.Clip(p.kit.Soft.Render(p.kit.Unsure+" not tested: "+strings.Join(untested, ", ")), w))
	}
	return out
}

// found is the log of what was established, the latest at the bottom: as many
// whole entries as there is room for.
func (p *Pane) found(w, h int) []string {
	if p.frame.Belief == nil || len(p.frame.Belief.Findings) == 0 {
		return []string{p.kit.Soft.Render("nothing settled yet")}
	}
	var out []string
	for _, f := range slices.Backward(p.frame.Belief.Findings) {
		entry := look.Hang(p.kit.Good.Render(p.kit.Yes)+" ", look.Safe(f), w)
		if len(out)+len(entry) > h && len(out) > 0 {
			break
		}
		out = append(entry, out...)
	}
	if len(out) > h && h > 0 {
		out[h-1] = p.kit.Clip(out[h-1]+p.kit.Ellipsis, w)
	}
	return out
}

// sentenceCase begins a clause with a capital.
func sentenceCase(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
