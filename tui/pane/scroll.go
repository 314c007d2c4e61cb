package pane

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	"github.com/charmbracelet/bubbles/viewport"
	tea "github.com/charmbracelet/bubbletea"

	_ "apisonde/tui/bg" // before Bubble Tea
	"apisonde/tui/look"
)

// Scroll is a boxed text that may be longer than its box. The text is a function
// of the width, so that it is wrapped anew when the terminal changes.
type Scroll struct {
	kit    look.Kit
	title  string
	text   func(width int) []string
	view   viewport.Model
	keys   scrollKeys
	width  int
	height int
}

type scrollKeys struct{ up, down, pageUp, pageDown, top, bottom key.Binding }

func newScrollKeys() scrollKeys {
	bind := func(help, desc string, keys ...string) key.Binding {
		return key.NewBinding(key.WithKeys(keys...), key.WithHelp(help, desc))
	}
	return scrollKeys{
		up:       bind("k/up", "line up", "k", "up"),
		down:     bind("j/down", "line down", "j", "down"),
		pageUp:   bind("pgup", "page up", "pgup", "b", "ctrl+u"),
		pageDown: bind("pgdn", "page down", "pgdown", " ", "ctrl+d"),
		top:      bind("g", "to the top", "g", "home"),
		bottom:   bind("G", "to the end", "G", "end"),
	}
}

// NewScroll returns a scrolled text without content.
func NewScroll(kit look.Kit, title string) Scroll {
	s := Scroll{kit: kit, title: title, keys: newScrollKeys(), view: viewport.New(0, 0)}
	s.view.KeyMap = viewport.KeyMap{Up: s.keys.up, Down: s.keys.down, PageUp: s.keys.pageUp, PageDown: s.keys.pageDown}
	s.view.MouseWheelEnabled = false
	return s
}

// SetText replaces the text and keeps the place in it.
func (s *Scroll) SetText(text func(width int) []string) {
	s.text = text
	s.lay()
}

// SetSize tells the box's outer size.
func (s *Scroll) SetSize(width, height int) {
	s.width, s.height = width, height
	s.view.Width, s.view.Height = max(0, width-4), max(0, height-2)
	s.lay()
}

func (s *Scroll) lay() {
	if s.text == nil || s.view.Width == 0 {
		return
	}
	s.view.SetContent(strings.Join(s.text(s.view.Width), "\n"))
	s.view.SetYOffset(s.view.YOffset) // not past the end of a text grown shorter
}

// Update moves through the text.
func (s *Scroll) Update(msg tea.Msg) tea.Cmd {
	if k, ok := msg.(tea.KeyMsg); ok {
		switch {
		case key.Matches(k, s.keys.top):
			s.view.GotoTop()
			return nil
		case key.Matches(k, s.keys.bottom):
			s.view.GotoBottom()
			return nil
		}
	}
	var cmd tea.Cmd
	s.view, cmd = s.view.Update(msg)
	return cmd
}

// View draws the box with the visible part of the text.
func (s *Scroll) View() string {
	note := ""
	if below := s.view.TotalLineCount() - s.view.YOffset - s.view.Height; below > 0 {
		note = fmt.Sprintf("%s %d more", s.kit.More, below)
	} else if s.view.YOffset > 0 {
		note = "end"
	}
	var lines []string
	if s.view.Width > 0 && s.view.Height > 0 {
		lines = strings.Split(s.view.View(), "\n")
	}
	return strings.Join(s.kit.Box(look.Frame{Title: s.title, Note: note}, lines, s.width, s.height), "\n")
}

// Keys are those that move, where there is somewhere to move to.
func (s *Scroll) Keys() []key.Binding {
	if s.view.TotalLineCount() <= s.view.Height {
		return nil
	}
	return []key.Binding{s.keys.down, s.keys.up, s.keys.pageDown, s.keys.pageUp, s.keys.top, s.keys.bottom}
}
