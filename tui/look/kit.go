// Package look is how the screens look: glyphs, styles, boxes, tables and bars.
// It draws text and knows nothing of what the text says.
//
// Colours are the terminal's own sixteen, never the only sign of anything, and
// no style is needed to read a screen: without colours every glyph and word
// stands.
package look

import (
	"github.com/charmbracelet/lipgloss"

	"apisonde/probe/trace"
)

// Kit is what a pane draws with. It is a value: panes keep a copy.
type Kit struct {
	Glyphs
	Styles
}

// New returns a kit that draws with Unicode box characters and marks, or with
// ASCII alone.
func New(ascii bool) Kit {
	g := unicodeGlyphs
	if ascii {
		g = asciiGlyphs
	}
	return Kit{Glyphs: g, Styles: newStyles()}
}

// Glyphs are the characters that carry meaning or draw lines, each one cell wide
// except where named otherwise.
type Glyphs struct {
	ASCII bool // whether only ASCII may be drawn

	Admitted, Limited, Ignored string // how a request counted
	Active, Waiting, Paused    string // how a run stands
	Yes, No, Unsure            string // how a question stands
	Bullet, Arrow, More        string
	Full, Empty                string // cells of a bar
	Dash, Ellipsis, To         string // To joins the ends of an interval
	Secret                     string // stands for one hidden character
	Cursor                     string // stands between two characters being edited

	topLeft, topRight, bottomLeft, bottomRight, across, down string
}

var unicodeGlyphs = Glyphs{
	Admitted: "✓", Limited: "✗", Ignored: "!",
	Active: "●", Waiting: "◌", Paused: "‖",
	Yes: "✓", No: "✗", Unsure: "?",
	Bullet: "•", Arrow: "→", More: "↓",
	Full: "█", Empty: "░",
	Dash: "–", Ellipsis: "…", To: "–",
	Secret: "•", Cursor: "▏",
	topLeft: "╭", topRight: "╮", bottomLeft: "╰", bottomRight: "╯", across: "─", down: "│",
}

var asciiGlyphs = Glyphs{
	ASCII:    true,
	Admitted: "+", Limited: "x", Ignored: "!",
	Active: "*", Waiting: "o", Paused: "=",
	Yes: "+", No: "x", Unsure: "?",
	Bullet: "*", Arrow: ">", More: "v",
	Full: "#", Empty: ".",
	Dash: "-", Ellipsis: "~", To: "-",
	Secret: "*", Cursor: "|",
	topLeft: "+", topRight: "+", bottomLeft: "+", bottomRight: "+", across: "-", down: "|",
}

// Styles are the ways text is set apart.
type Styles struct {
	Plain   lipgloss.Style
	Strong  lipgloss.Style // what a glance should find first
	Soft    lipgloss.Style // labels, reasons, what can wait
	Accent  lipgloss.Style // the tool's own voice: active tab, keys, titles
	Line    lipgloss.Style // borders
	Good    lipgloss.Style // admitted, settled
	Caution lipgloss.Style // limited, to be weighed
	Bad     lipgloss.Style // failed, contradicted
}

func newStyles() Styles {
	s := lipgloss.NewStyle()
	ansi := func(c string) lipgloss.Style { return s.Foreground(lipgloss.Color(c)) }
	return Styles{
		Plain:   s,
		Strong:  s.Bold(true),
		Soft:    s.Faint(true),
		Accent:  ansi("6").Bold(true),
		Line:    s.Faint(true),
		Good:    ansi("2"),
		Caution: ansi("3"),
		Bad:     ansi("1").Bold(true),
	}
}

// Outcome is the glyph and style of a counted request.
func (k Kit) Outcome(o trace.Outcome) (string, lipgloss.Style) {
	switch o {
	case trace.Admitted:
		return k.Admitted, k.Good
	case trace.Limited:
		return k.Limited, k.Caution
	case trace.Ignored, trace.Refused:
	}
	return k.Ignored, k.Bad
}
