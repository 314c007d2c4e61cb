// Package live shows a run while it goes on: who has sent what, what was admitted
// and limited when, what is being asked and why, which explanations are left and
// how much of the budget.
package live

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"apisonde/probe/trace"
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
	roster        trace.Roster
	color         bool // whether the chart may use colour

	up, down key.Binding
	first    int // of the callers in view
}

// New returns the live screen of a run over roster; color is whether charts may
// use colour.
func New(kit look.Kit, roster trace.Roster, color bool) *Pane {
	return &Pane{
		kit: kit, roster: roster, color: color,
		up:   key.NewBinding(key.WithKeys("k", "up"), key.WithHelp("k/up", "callers above")),
		down: key.NewBinding(key.WithKeys("j", "down"), key.WithHelp("j/down", "callers below")),
	}
}

// SetSize tells the screen's size.
func (p *Pane) SetSize(width, height int) { p.width, p.height = width, height }

// Update takes the frames, or moves through the callers.
func (p *Pane) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case pane.Frame:
		p.frame, p.seen = msg, true
	case tea.KeyMsg:
		switch {
		case key.Matches(msg, p.up):
			p.first--
		case key.Matches(msg, p.down):
			p.first++
		}
		p.first = clamp(p.first, 0, p.last())
	}
	return nil
}

// Keys move through the callers where there are more than fit.
func (p *Pane) Keys() []key.Binding {
	if p.last() == 0 {
		return nil
	}
	return []key.Binding{p.down, p.up}
}

// The width from which sections stand side by side.
const wide = 76

// View lays the sections out: side by side where there is room, else stacked,
// the ones that can wait left out.
func (p *Pane) View() string {
	var lines []string
	switch {
	case !p.seen:
		lines = p.kit.Box(look.Frame{Title: "Live"}, []string{"Nothing has been sent yet."}, p.width, p.height)
	case p.width >= wide:
		lines = p.twoColumns()
	default:
		lines = p.stacked()
	}
	return strings.Join(p.kit.Fit(lines, p.width, p.height), "\n")
}

// The height of the question's box never changes, so that nothing below it jumps:
// the question, two lines of reason or one, and the frame.
const (
	askHeight       = 5
	narrowAskHeight = 4
)

func (p *Pane) ask(h int) []string {
	frame := look.Frame{Title: "Asking", Note: p.stage(), Foot: p.budget(p.width - 8)}
	return p.kit.Box(frame, p.asking(p.width-4, h-2), p.width, h)
}

func (p *Pane) twoColumns() []string {
	out := p.ask(askHeight)
	rest := p.height - askHeight
	left := p.width / 2
	right := p.width - left

	leftColumn := p.requests(left)
	leftColumn = append(leftColumn, p.timeline(left, rest-len(leftColumn))...)

	scope := p.scope(right - 4)
	scopeH := len(scope) + 2
	const leastLog = 4
	fits := p.hypotheses(right-4, rest-scopeH-leastLog-2)
	fitsH := clamp(len(fits)+2, 5, rest-scopeH-leastLog)
	logH := rest - scopeH - fitsH
	rightColumn := p.kit.Box(look.Frame{Title: "What fits so far"}, fits, right, fitsH)
	rightColumn = append(rightColumn, p.kit.Box(look.Frame{Title: "Whose counter"}, scope, right, scopeH)...)
	rightColumn = append(rightColumn, p.kit.Box(look.Frame{Title: "Found"}, p.found(right-4, logH-2), right, logH)...)
	return append(out, look.Beside(leftColumn, rightColumn)...)
}

// stacked shows, one below the other, what matters most: the question, the
// requests, the explanations; then the run over time where there is room.
func (p *Pane) stacked() []string {
	out := p.ask(narrowAskHeight)
	out = append(out, p.requests(p.width)...)
	rest := p.height - len(out)
	fits := p.hypotheses(p.width-4, rest-2)
	fitsH := min(len(fits)+2, rest)
	if rest-fitsH < 4 {
		fitsH = rest
	}
	out = append(out, p.kit.Box(look.Frame{Title: "What fits so far"}, fits, p.width, fitsH)...)
	rest -= fitsH
	switch {
	case rest >= 8:
		out = append(out, p.timeline(p.width, rest)...)
	case rest > 0:
		out = append(out, p.kit.Box(look.Frame{Title: "Found"}, p.found(p.width-4, rest-2), p.width, rest)...)
	}
	return out
}

// callersHeight is that of the box of callers: as high as it needs to be, within
// what the other sections can spare.
func (p *Pane) callersHeight() int {
	need := len(p.frame.Snapshot.Tallies) + 3 // the frame and the heads
	if p.width >= wide {
		return clamp(need, 5, (p.height-askHeight)*2/5)
	}
	rest := p.height - narrowAskHeight
	return clamp(need, 4, max(rest/2, min(5, rest-4)))
}

// last is the first caller in view when moved to the end.
func (p *Pane) last() int { return max(0, len(p.frame.Snapshot.Tallies)-max(0, p.callersHeight()-3)) }

// requests is the table of callers; where they do not all fit, it says so and
// can be moved through.
func (p *Pane) requests(w int) []string {
	all, h := p.frame.Snapshot.Tallies, p.callersHeight()
	first, shown := min(p.first, p.last()), max(0, h-3)
	note := ""
	if len(all) > shown {
		note = fmt.Sprintf("%d%s%d of %d", first+1, p.kit.To, min(first+shown, len(all)), len(all))
	}
	return p.kit.Box(look.Frame{Title: "Requests", Note: note}, p.callers(all[first:], w-4), w, h)
}

func (p *Pane) timeline(w, h int) []string {
	return p.kit.Box(look.Frame{Title: "Admitted and limited over time"}, p.chart(w-4, h-2), w, h)
}

func clamp(n, least, most int) int { return max(least, min(n, most)) }
