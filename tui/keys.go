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
	scroll                        key.Binding // for the footer; the panes have their own
	suspend                       key.Binding
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
		scroll:   bind("j/k", "scroll", "j", "k"),
		suspend:  bind("ctrl+z", "suspend", "ctrl+z"),
	}
}

// now returns the bindings as they are in the model's present state: what does
// nothing is disabled, and Ctrl-C says what it does.
func (m *Model) now() keys {
	k := m.keys
	k.freeze.SetEnabled(m.phase == running)
	k.suspend.SetEnabled(suspends)
	k.save.SetEnabled(m.phase == over && m.hooks.SaveReport != nil)
	k.views.SetEnabled(m.begun())
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
	case settingUp:
		return append(m.setup.Keys(), k.end)
	case asking:
		return append(m.plan.Answers(), k.help)
	case running, over:
	}
	out := []key.Binding{k.views}
	if m.phase == running {
		out = append(out, k.end)
	} else {
		out = append(out, k.save)
	}
	out = append(out, k.help, k.quit, k.freeze)
	if len(m.panes[m.tab].Keys()) > 0 {
		out = append(out, k.scroll)
	}
	return out
}
