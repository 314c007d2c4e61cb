// Package advice shows what a client should set, each setting with its reason.
package advice

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"apisonde/report"
	_ "apisonde/tui/bg" // before Bubble Tea
	"apisonde/tui/look"
	"apisonde/tui/pane"
)

// Pane is the advice screen.
type Pane struct {
	pane.Scroll
	kit     look.Kit
	outcome *pane.Outcome
}

// New returns the advice screen without advice.
func New(kit look.Kit) *Pane {
	p := &Pane{Scroll: pane.NewScroll(kit, "Advice"), kit: kit}
	p.SetText(p.text)
	return p
}

// Update takes the outcome, or scrolls.
func (p *Pane) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case pane.Concluded:
		p.outcome = &msg.Outcome
		p.SetText(p.text)
		return nil
	case pane.Frame:
		return nil
	}
	return p.Scroll.Update(msg)
}

func (p *Pane) text(w int) []string {
	if p.outcome == nil {
		return []string{p.kit.Caution.Render(p.kit.Waiting) + " Advice comes with the verdict."}
	}
	v := p.outcome.Verdict
	out := look.Wrap(p.kit.Strong.Render(report.Advice(v)), w)
	if v.Advice == nil {
		return out
	}
	titles := map[string]string{"pace": "Pace", "backoff": "Backoff, for what is refused all the same"}
	settings := report.Settings(*v.Advice)
	widths := widest(settings)
	group := ""
	for _, s := range settings {
		if g, _, _ := strings.Cut(s.Key, "."); g != group {
			group = g
			title := titles[g]
			if title == "" {
				title = g
			}
			out = append(out, "", p.kit.Accent.Render(title))
		}
		out = append(out, p.setting(s, widths, w)...)
	}
	out = append(out, "", p.kit.Accent.Render("What to expect"))
	return append(out, look.Wrap("A client that follows this should expect "+report.Expectation(v.Advice.Expected)+".", w)...)
}

// widest are the cells that the names and values of all settings take.
func widest(settings []report.Setting) (w [2]int) {
	for _, s := range settings {
		w[0], w[1] = max(w[0], look.Width(short(s.Key))), max(w[1], look.Width(s.Value))
	}
	return w
}

// short is the setting's name within its group.
func short(key string) string {
	_, s, ok := strings.Cut(key, ".")
	if !ok {
		return key
	}
	return s
}

// The reason stands behind its setting where there is this much room, else below.
const besideFrom = 110

// setting draws a name, its value and the reason.
func (p *Pane) setting(s report.Setting, widths [2]int, w int) []string {
	head := "  " + p.kit.Pad(short(s.Key), widths[0]) + "  " + p.kit.Strong.Render(p.kit.Pad(look.Safe(s.Value), widths[1]))
	if s.Because == "" {
		return []string{p.kit.Clip(strings.TrimRight(head, " "), w)}
	}
	if w >= besideFrom {
		return p.soften(look.Hang(head+"  ", look.Safe(s.Because), w))
	}
	below := look.Hang("      ", look.Safe(s.Because), w)
	return p.soften(append([]string{p.kit.Clip(head, w)}, below...))
}

// soften dims all lines but the first.
func (p *Pane) soften(lines []string) []string {
	for i := 1; i < len(lines); i++ {
		lines[i] = p.kit.Soft.Render(lines[i])
	}
	return lines
}
