package live

import (
	"fmt"
	"strconv"
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
	if s.Over {
		return []string{"Nothing any more: sending is over."}
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

// budget is what is left under each ceiling.
func (p *Pane) budget(w int) []string {
	s := p.frame.Snapshot
	b := s.Budget
	most := 0
	perCaller := map[trace.Identity]int{}
	for _, t := range s.Tallies {
		perCaller[t.Identity] += t.Limited
		most = max(most, perCaller[t.Identity])
	}
	row := func(label string, used, all float64, text string) string {
		left := 1.0
		if all > 0 {
			left = max(0, 1-used/all)
		}
		barW := max(4, min(12, w-22))
		head := p.kit.Soft.Render(p.kit.Pad(label, 10)) + " "
		return head + p.level(left, p.kit.Bar(left, barW)) + " " + text
	}
	out := []string{
		row("requests", float64(s.Sent), float64(b.MaxRequests), count(b.MaxRequests-s.Sent)),
		row("time", float64(s.Elapsed), float64(b.MaxDuration), look.Clock(b.MaxDuration-s.Elapsed)),
	}
	if b.MaxRejections > 0 {
		out = append(out, row("rejections", float64(most), float64(b.MaxRejections), count(b.MaxRejections-most)+" each"))
	} else {
		out = append(out, p.kit.Soft.Render(p.kit.Pad("in flight", 10))+" "+strconv.Itoa(s.Inflight)+" of "+count(b.MaxInflight))
	}
	return out
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

// callers is the table of identities.
func (p *Pane) callers(w int) []string {
	routes := map[string]bool{}
	for _, t := range p.frame.Snapshot.Tallies {
		routes[t.Route] = true
	}
	cols := []look.Column{{Head: "caller", Grow: true}, {Head: "sent", Right: true}, {Head: "admitted", Right: true},
		{Head: "limited", Right: true}, {Head: "last"}}
	var rows [][]string
	for _, t := range p.frame.Snapshot.Tallies {
		name := t.Identity.String()
		if len(routes) > 1 {
			name += " " + t.Route
		}
		limited := strconv.Itoa(t.Limited)
		if t.Limited > 0 {
			limited = p.kit.Caution.Render(limited)
		}
		rows = append(rows, []string{name, strconv.Itoa(t.Sent), p.kit.Good.Render(strconv.Itoa(t.Admitted)), limited, p.status(t.Last)})
	}
	return p.kit.Table(cols, rows, w)
}

// unseenCallers says how many callers do not fit into rows lines, one of which
// is the head.
func (p *Pane) unseenCallers(rows int) string {
	if over := len(p.frame.Snapshot.Tallies) - (rows - 1); over > 0 {
		return fmt.Sprintf("%d more", over)
	}
	return ""
}

// status is the latest status, with a mark, so that it does not rest on colour.
func (p *Pane) status(code int) string {
	switch {
	case code == 0:
		return p.kit.Soft.Render(p.kit.Dash)
	case code < 400:
		return p.kit.Good.Render(p.kit.Admitted) + " " + strconv.Itoa(code)
	case code < 500:
		return p.kit.Caution.Render(p.kit.Limited) + " " + strconv.Itoa(code)
	}
	return p.kit.Bad.Render(p.kit.Ignored) + " " + strconv.Itoa(code)
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
	opts := []chart.Option{chart.Span(time.Duration(len(s.Bins)) * s.BinWidth), chart.Unit("per " + look.Span(s.BinWidth))}
	if p.color {
		opts = append(opts, chart.Color())
	}
	if p.kit.ASCII {
		opts = append(opts, chart.ASCII())
	}
	picture := chart.Run(admitted, limited, w, h-len(out), opts...)
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

// hypotheses are the leading explanations, each with its probability as a bar
// and a figure.
func (p *Pane) hypotheses(w int) []string {
	b := p.frame.Belief
	if b == nil || len(b.Hypotheses) == 0 {
		if b != nil && b.Headline != "" {
			return look.Wrap(b.Headline, w)
		}
		return []string{p.kit.Soft.Render("too early to say")}
	}
	const barW, figureW = 8, 5
	nameW := w - barW - figureW - 1
	var out []string
	for i, h := range b.Hypotheses {
		name := h.Name
		if i == 0 {
			name = p.kit.Strong.Render(p.kit.Clip(name, nameW))
		}
		bar := p.kit.Bar(h.Probability, barW)
		if i == 0 {
			bar = p.kit.Accent.Render(bar)
		}
		out = append(out, p.kit.Pad(name, nameW)+" "+bar+p.kit.PadLeft(look.Percent(h.Probability), figureW))
		if i == 0 && h.Figures != "" {
			out = append(out, p.kit.Soft.Render(p.kit.Clip("  "+h.Figures, w)))
		}
	}
	return out
}

// scope is what is known of each dimension: does its value have a counter of
// its own?
func (p *Pane) scope(w int) []string {
	if p.frame.Belief == nil || len(p.frame.Belief.Scope) == 0 {
		return []string{p.kit.Soft.Render("not asked yet")}
	}
	var out []string
	for _, s := range p.frame.Belief.Scope {
		glyph := p.kit.Soft.Render(p.kit.Unsure)
		state := s.State
		switch s.State {
		case "own counter each":
			glyph = p.kit.Good.Render(p.kit.Yes)
		case "shared":
			glyph = p.kit.Plain.Render("=")
		case "asking":
			glyph = p.kit.Accent.Render(p.kit.Active)
		default:
			if s.Values < 2 {
				state += p.kit.Soft.Render(", " + plural(s.Values, "value"))
			}
		}
		out = append(out, p.kit.Clip(glyph+" "+p.kit.Pad(s.Dim, 9)+" "+state, w))
	}
	return out
}

// found is the log of what was established, the latest at the bottom.
func (p *Pane) found(w, h int) []string {
	if p.frame.Belief == nil || len(p.frame.Belief.Findings) == 0 {
		return []string{p.kit.Soft.Render("nothing settled yet")}
	}
	var out []string
	for _, f := range p.frame.Belief.Findings {
		out = append(out, look.Hang(p.kit.Good.Render(p.kit.Yes)+" ", f, w)...)
	}
	if over := len(out) - h; over > 0 {
		out = out[over:]
	}
	return out
}

func plural(n int, what string) string {
	switch n {
	case 0:
		return "no " + what
	case 1:
		return "one " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// count groups thousands: 99,937.
func count(n int) string {
	s := strconv.Itoa(max(0, n))
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
