// Package live shows a run while it goes on: who has sent what, what was admitted
// and limited when, what is being asked and why, which explanations are left and
// how much of the budget.
package live

import (
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	_ "apisonde/tui/bg" // before Bubble Tea
	"apisonde/tui/look"
	"apisonde/tui/pane"
)

// Pane is the live screen.
type Pane struct {
	kit           look.Kit
	width, height int
	frame         pane.Frame
	seen          bool // a frame has come
	color         bool // whether the chart may use colour
}

// New returns the live screen; color is whether charts may use colour.
func New(kit look.Kit, color bool) *Pane { return &Pane{kit: kit, color: color} }

// SetSize tells the screen's size.
func (p *Pane) SetSize(width, height int) { p.width, p.height = width, height }

// Update takes the frames.
func (p *Pane) Update(msg tea.Msg) tea.Cmd {
	if f, ok := msg.(pane.Frame); ok {
		p.frame, p.seen = f, true
	}
	return nil
}

// Keys are none: there is nothing to move in.
func (p *Pane) Keys() []key.Binding { return nil }

// The width from which sections stand side by side.
const wide = 76

// View lays the sections out: side by side where there is room, else stacked,
// the ones that can wait left out.
func (p *Pane) View() string {
	var lines []string
	switch {
	case !p.seen:
		lines = p.kit.Box("Live", "", []string{"", "Nothing has been sent yet."}, p.width, p.height)
	case p.width >= wide:
		lines = p.twoColumns()
	default:
		lines = p.stacked()
	}
	return strings.Join(p.kit.Fit(lines, p.width, p.height), "\n")
}

func (p *Pane) twoColumns() []string {
	left := p.width * 53 / 100
	right := p.width - left

	askH := 5
	out := look.Beside(
		p.kit.Box("Asking", p.stage(), p.asking(left-4, askH-2), left, askH),
		p.kit.Box("Budget left", "", p.budget(right-4), right, askH),
	)
	rest := p.height - askH
	if rest < 6 {
		return out
	}

	callers := p.callers(left - 4)
	callersH := min(len(callers)+2, max(5, rest*2/5))
	chartH := rest - callersH
	leftColumn := p.kit.Box("Requests", p.unseenCallers(callersH-2), callers, left, callersH)
	leftColumn = append(leftColumn, p.kit.Box("Admitted and limited over time", "", p.chart(left-4, chartH-2), left, chartH)...)

	scope := p.scope(right - 4)
	scopeH := len(scope) + 2
	fits := p.hypotheses(right - 4)
	fitsH := min(len(fits)+2, max(5, (rest-scopeH)*3/5))
	logH := rest - scopeH - fitsH
	if logH < 3 {
		fitsH += logH
		logH = 0
	}
	rightColumn := p.kit.Box("What fits so far", "", fits, right, fitsH)
	rightColumn = append(rightColumn, p.kit.Box("Whose counter", "", scope, right, scopeH)...)
	if logH > 0 {
		rightColumn = append(rightColumn, p.kit.Box("Found", "", p.found(right-4, logH-2), right, logH)...)
	}
	return append(out, look.Beside(leftColumn, rightColumn)...)
}

// stacked shows, one below the other, what matters most: the question, the
// requests, the explanations; then the chart where there is room.
func (p *Pane) stacked() []string {
	w := p.width
	out := p.kit.Box("Asking", p.stage(), p.asking(w-4, 2), w, 4)
	rest := p.height - len(out)
	callers := p.callers(w - 4)
	callersH := max(min(len(callers)+2, rest/2), 4)
	out = append(out, p.kit.Box("Requests", p.unseenCallers(callersH-2), callers, w, callersH)...)
	rest -= callersH
	fits := p.hypotheses(w - 4)
	fitsH := min(len(fits)+2, rest)
	if rest-fitsH < 4 {
		fitsH = rest
	}
	out = append(out, p.kit.Box("What fits so far", "", fits, w, fitsH)...)
	rest -= fitsH
	if rest >= 8 {
		out = append(out, p.kit.Box("Admitted and limited over time", "", p.chart(w-4, rest-2), w, rest)...)
	} else if rest >= 4 {
		out = append(out, p.kit.Box("Found", "", p.found(w-4, rest-2), w, rest)...)
	}
	return out
}
