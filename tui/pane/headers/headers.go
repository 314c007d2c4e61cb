// Package headers shows what the responses claim about limits, and where the
// behaviour speaks against it.
package headers

import (
	"fmt"
	"strconv"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"apisonde/analyze/verdict"
	"apisonde/report"
	_ "apisonde/tui/bg" // before Bubble Tea
	"apisonde/tui/look"
	"apisonde/tui/pane"
)

// Pane is the headers screen.
type Pane struct {
	pane.Scroll
	kit     look.Kit
	outcome *pane.Outcome
}

// New returns the headers screen without anything to show.
func New(kit look.Kit) *Pane {
	p := &Pane{Scroll: pane.NewScroll(kit, "Headers"), kit: kit}
	p.SetText(p.text)
	return p
}

// Update takes the outcome, or scrolls.
func (p *Pane) Update(msg tea.Msg) tea.Cmd {
	if c, ok := msg.(pane.Concluded); ok {
		p.outcome = &c.Outcome
		p.SetText(p.text)
		return nil
	}
	if _, ok := msg.(pane.Frame); ok {
		return nil
	}
	return p.Scroll.Update(msg)
}

func (p *Pane) text(w int) []string {
	if p.outcome == nil {
		return []string{p.kit.Caution.Render(p.kit.Waiting) + " What the headers claim is shown with the verdict."}
	}
	h := p.outcome.Verdict.Headers
	if len(h.Claims) == 0 && len(h.Conflicts) == 0 {
		return look.Wrap("No response said anything about a limit in its headers. What the verdict states was measured.", w)
	}
	out := look.Wrap(p.opening(h), w)
	if len(h.Dialects) > 0 {
		out = append(out, look.Hang(p.kit.Soft.Render("written as   "), look.Safe(strings.Join(h.Dialects, ", ")), w)...)
	}
	if len(h.Conflicts) > 0 {
		out = append(out, "", p.kit.Accent.Render("Where behaviour disagrees"))
		for _, c := range h.Conflicts {
			out = append(out, p.conflict(c, w)...)
		}
	}
	if len(h.Claims) > 0 {
		out = append(out, "", p.kit.Accent.Render("What the headers claim"))
		out = append(out, p.claims(h.Claims, w)...)
	}
	return out
}

func (p *Pane) opening(h verdict.Headers) string {
	switch n := len(h.Conflicts); n {
	case 0:
		return p.kit.Good.Render(p.kit.Yes) + " Nothing that was measured speaks against the headers."
	case 1:
		return p.kit.Bad.Render(p.kit.No) + " One claim does not hold."
	default:
		return p.kit.Bad.Render(p.kit.No) + fmt.Sprintf(" %d claims do not hold.", n)
	}
}

func (p *Pane) conflict(c verdict.Conflict, w int) []string {
	out := look.Hang(p.kit.Bad.Render(p.kit.No)+" ", p.kit.Strong.Render(look.Safe(c.Header)), w)
	out = append(out, look.Hang("  "+p.kit.Soft.Render("claims    "), look.Safe(c.Claim), w)...)
	out = append(out, look.Hang("  "+p.kit.Soft.Render("measured  "), look.Safe(c.Measurement), w)...)
	if seen := report.Requests(c.Observations); seen != "" {
		out = append(out, look.Hang("  "+p.kit.Soft.Render("seen in   "), seen, w)...)
	}
	return out
}

func (p *Pane) claims(claims []verdict.Claim, w int) []string {
	rows := make([][]string, len(claims))
	for i, c := range claims {
		rows[i] = []string{look.Safe(c.Header), look.Safe(c.Says), figure(c.Limit), figure(c.WindowS), strconv.Itoa(len(c.Observations))}
	}
	return p.kit.Table([]look.Column{{Head: "header"}, {Head: "says", Grow: true}, {Head: "limit", Right: true},
		{Head: "window s", Right: true}, {Head: "seen", Right: true}}, rows, w)
}

func figure(f *float64) string {
	if f == nil {
		return "?"
	}
	return look.Number(*f)
}
