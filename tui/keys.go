package tui

import (
	"github.com/charmbracelet/bubbles/key"

	_ "apisonde/tui/bg" // before Bubble Tea
)

// keys are the bindings of the root, which hold on every screen.
type keys struct {
	views, next, previous         key.Binding
	freeze, save, help, quit, end key.Binding // end is Ctrl-C
	yes, no                       key.Binding // answers to the question of leaving
}

func bind(help, desc string, k ...string) key.Binding {
	return key.NewBinding(key.WithKeys(k...), key.WithHelp(help, desc))
}

func newKeys() keys {
	return keys{
		views:    bind("1-5", "views", "1", "2", "3", "4", "5"),
		next:     bind("tab", "next view", "tab"),
		previous: bind("shift+tab", "previous view", "shift+tab"),
		freeze:   bind("f", "freeze", "f"),
		save:     bind("s", "save report", "s"),
		help:     bind("?", "help", "?"),
		quit:     bind("q", "quit", "q"),
		end:      bind("ctrl+c", "quit", "ctrl+c"),
		yes:      bind("y", "stop, keep all and leave", "y", "Y"),
		no:       bind("n/esc", "go on", "n", "N", "esc"),
	}
}

// now returns the bindings as they are in the model's present state: what does
// nothing is disabled, and Ctrl-C says what it does.
func (m *Model) now() keys {
	k := m.keys
	k.freeze.SetEnabled(m.phase == running)
	k.save.SetEnabled(m.phase == over && m.hooks.SaveReport != nil)
	k.views.SetEnabled(m.phase == running || m.phase == over)
	k.next.SetEnabled(k.views.Enabled())
	k.previous.SetEnabled(k.views.Enabled())
	if m.frozen {
		k.freeze.SetHelp("f", "unfreeze")
	}
	switch {
	case m.phase != running:
		k.end.SetHelp("ctrl+c", "quit")
	case m.stop == sending:
		k.end.SetHelp("ctrl+c", "stop, keep all")
	case m.stop == aborting:
		k.end.SetHelp("ctrl+c", "leave the screen")
	case m.armed():
		k.end.SetHelp("ctrl+c", "abort")
	default:
		k.end.SetHelp("ctrl+c twice", "abort")
	}
	return k
}

// short are the keys of the footer, the most useful first.
func (m *Model) short() []key.Binding {
	k := m.now()
	switch m.phase {
	case asking:
		return append(m.panes[planTab].Keys()[:2:2], k.help)
	case running:
		return []key.Binding{k.views, k.freeze, k.end, k.help, k.quit}
	case over:
	}
	out := []key.Binding{k.views, k.save}
	if p := m.panes[m.tab].Keys(); len(p) > 0 {
		out = append(out, bind("j/k", "scroll"))
	}
	return append(out, k.help, k.quit)
}

// groups are all keys that do something now, for the help.
func (m *Model) groups() []group {
	k := m.now()
	here := group{"On this screen", m.panes[m.tab].Keys()}
	return []group{
		here,
		{"Views", []key.Binding{k.views, k.next, k.previous}},
		{"Run", []key.Binding{k.freeze, k.save, k.end}},
		{"Program", []key.Binding{k.help, k.quit}},
	}
}

// group is one block of the help.
type group struct {
	title string
	keys  []key.Binding
}
