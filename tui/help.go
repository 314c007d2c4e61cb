package tui

import (
	"strings"

	"github.com/charmbracelet/bubbles/key"

	_ "apisonde/tui/bg" // before Bubble Tea
	"apisonde/tui/look"
)

// group is one block of the help.
type group struct {
	title string
	keys  []key.Binding
}

// groups are all keys that do something now, for the help, in more words than
// the footer has room for.
func (m *Model) groups() []group {
	k := m.now()
	k.views.SetHelp("1-5", strings.Join(tabNames[:], ", "))
	if m.frozen {
		k.freeze.SetHelp("f", "show the run as it is now")
	} else {
		k.freeze.SetHelp("f", "hold the display still; sending goes on")
	}
	k.save.SetHelp("s", "save the report as markdown")
	k.suspend.SetHelp("ctrl+z", "give the terminal back to the shell; sending stands still meanwhile")
	if m.phase == running {
		k.quit.SetHelp("q", "stop, keep everything and leave; asks first")
		if m.stop == sending {
			k.end.SetHelp("ctrl+c", "stop sending, keep everything; twice within 2 s aborts")
		}
	}
	return []group{
		{"Run", []key.Binding{k.freeze, k.save, k.end, k.quit, k.suspend}},
		{"Views", []key.Binding{k.views, k.next, k.previous}},
		{"On this view", m.panes[m.tab].Keys()},
	}
}

// helpText lists the keys that do something now, and the signs.
func (m *Model) helpText(w int) []string {
	k := m.kit
	var out []string
	for _, g := range m.groups() {
		var lines []string
		for _, b := range g.keys {
			if b.Enabled() {
				lines = append(lines, look.Hang("  "+k.Accent.Render(k.Pad(b.Help().Key, 12))+" ", b.Help().Desc, w)...)
			}
		}
		if len(lines) > 0 {
			out = append(append(append(out, k.Strong.Render(g.title)), lines...), "")
		}
	}
	out = append(out, k.Strong.Render("Signs"))
	sign := func(glyph, meaning string) {
		out = append(out, k.Clip("  "+k.Pad(glyph, 12)+" "+meaning, w))
	}
	sign(k.Good.Render(k.Admitted), "admitted; settled")
	sign(k.Caution.Render(k.Limited), "limited: refused because a quota is spent")
	sign(k.Bad.Render(k.Ignored), "failed, or refused for another reason; to be minded")
	sign(k.Soft.Render(k.Unsure), "open")
	sign("=", "one counter for all values of the dimension")
	return out
}
