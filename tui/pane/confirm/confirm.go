// Package confirm shows the plan of a run: what would be sent at worst, under
// whose names, and what would stay unseen. It asks before anything is sent, and
// shows the same afterwards without the question.
package confirm

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	_ "apisonde/tui/bg" // before Bubble Tea
	"apisonde/tui/look"
	"apisonde/tui/pane"
)

// Row is one fact of the plan: "most requests", "1,000".
type Row struct{ Label, Value string }

// Table is a block of the plan in columns, as the worst-case counts of every
// identity on every route.
type Table struct {
	Title string
	Head  []string
	Text  int // so many of the first columns are text, the others figures
	Rows  [][]string
}

// Sheet is everything that the plan shows, computed by the caller.
type Sheet struct {
	Rows   []Row
	Tables []Table
	Unseen []string // what cannot be found out under these ceilings
}

// Answer is what the question was answered with.
type Answer int

// The answers. Back is to the screen that the plan was made on, where there is one.
const (
	Leave Answer = iota
	Start
	Back
)

// Pane is the plan screen.
type Pane struct {
	pane.Scroll
	kit    look.Kit
	sheet  Sheet
	asking bool
	yes    key.Binding
	no     key.Binding
	back   key.Binding // disabled where there is nothing to go back to
}

// New returns the plan screen; ask is whether it asks for consent, back whether
// there is a screen to go back to.
func New(kit look.Kit, sheet Sheet, ask, back bool) *Pane {
	p := &Pane{
		Scroll: pane.NewScroll(kit, "Plan"),
		kit:    kit, sheet: sheet, asking: ask,
		yes: key.NewBinding(key.WithKeys("y", "Y"), key.WithHelp("y", "start sending")),
		no:  key.NewBinding(key.WithKeys("n", "q", "esc"), key.WithHelp("q/esc", "leave, nothing sent")),

		back: key.NewBinding(key.WithKeys("esc"), key.WithHelp("esc", "back"), key.WithDisabled()),
	}
	if back {
		p.back.SetEnabled(true)
		p.no = key.NewBinding(key.WithKeys("n", "q"), key.WithHelp("q", "leave, nothing sent"))
	}
	p.SetText(p.text)
	return p
}

// Settle takes the question away: the run has begun.
func (p *Pane) Settle() {
	p.asking = false
	p.SetText(p.text)
}

// Answers are the keys that answer the question.
func (p *Pane) Answers() []key.Binding { return []key.Binding{p.yes, p.no, p.back} }

// Update answers the question, or scrolls.
func (p *Pane) Update(msg tea.Msg) tea.Cmd {
	if k, ok := msg.(tea.KeyMsg); ok && p.asking {
		switch {
		case key.Matches(k, p.yes):
			return answer(Start)
		case key.Matches(k, p.no):
			return answer(Leave)
		case key.Matches(k, p.back):
			return answer(Back)
		}
	}
	return p.Scroll.Update(msg)
}

func answer(a Answer) tea.Cmd {
	return func() tea.Msg { return a }
}

// Keys are the answers while the question stands, and those that move.
func (p *Pane) Keys() []key.Binding {
	if !p.asking {
		return p.Scroll.Keys()
	}
	return append(p.Answers(), p.Scroll.Keys()...)
}

func (p *Pane) text(w int) []string {
	var out []string
	if p.asking {
		out = append(out,
			p.kit.Strong.Render("Nothing has been sent yet. May this be sent?")+"  "+
				p.kit.Accent.Render("y")+" start   "+p.kit.Accent.Render("q")+" leave", "")
	}
	label := 0
	for _, r := range p.sheet.Rows {
		label = max(label, look.Width(r.Label))
	}
	for _, r := range p.sheet.Rows {
		prefix := p.kit.Soft.Render(p.kit.Pad(r.Label, label)) + "  "
		out = append(out, look.Hang(prefix, r.Value, w)...)
	}
	for _, t := range p.sheet.Tables {
		out = append(out, "", p.kit.Accent.Render(t.Title))
		cols := make([]look.Column, len(t.Head))
		for i, h := range t.Head {
			cols[i] = look.Column{Head: h, Right: i >= t.Text}
		}
		out = append(out, p.kit.Table(cols, t.Rows, w)...)
	}
	if len(p.sheet.Unseen) > 0 {
		out = append(out, "", p.kit.Accent.Render("What stays unseen"))
		for _, n := range p.sheet.Unseen {
			out = append(out, look.Hang(p.kit.Bullet+" ", n, w)...)
		}
	}
	return out
}
