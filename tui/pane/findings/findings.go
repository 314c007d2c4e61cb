// Package findings shows the verdict: what limits the caller in words, the
// figures with their intervals, how sure each is and what it rests on. Until
// there is one, it shows what was established so far.
package findings

import (
	tea "github.com/charmbracelet/bubbletea"

	_ "apisonde/tui/bg" // before Bubble Tea
	"apisonde/tui/look"
	"apisonde/tui/pane"
)

// Pane is the verdict screen.
type Pane struct {
	pane.Scroll
	kit     look.Kit
	frame   pane.Frame
	outcome *pane.Outcome
}

// New returns the verdict screen without a verdict.
func New(kit look.Kit) *Pane {
	p := &Pane{Scroll: pane.NewScroll(kit, "Verdict"), kit: kit}
	p.SetText(p.soFar)
	return p
}

// Update takes the frames of the run and its outcome, or scrolls.
func (p *Pane) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case pane.Frame:
		if p.outcome == nil {
			p.frame = msg
			p.SetText(p.soFar)
		}
		return nil
	case pane.Concluded:
		p.outcome = &msg.Outcome
		p.SetText(p.verdict)
		return nil
	}
	return p.Scroll.Update(msg)
}

// soFar is what a run in progress has established; none of it is a verdict.
func (p *Pane) soFar(w int) []string {
	b := p.frame.Belief
	if b == nil {
		return []string{"", "No verdict yet: nothing has been asked."}
	}
	out := []string{p.kit.Caution.Render(p.kit.Waiting) + " " + p.kit.Strong.Render("No verdict yet.") + " What follows may still change.", ""}
	if b.Headline != "" {
		out = append(out, look.Hang(p.kit.Soft.Render("best so far  "), b.Headline, w)...)
	}
	if len(b.Findings) > 0 {
		out = append(out, "", p.kit.Accent.Render("Found"))
		for _, f := range b.Findings {
			out = append(out, look.Hang(p.kit.Good.Render(p.kit.Yes)+" ", look.Safe(f), w)...)
		}
	}
	return out
}
