package tui

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	_ "apisonde/tui/bg" // before Bubble Tea
)

// build makes a plan of the form beside the loop.
func (m *Model) build(f Form) tea.Cmd {
	build := m.hooks.Build
	return func() tea.Msg {
		o, err := build(f)
		return builtMsg{o, err}
	}
}

// built shows the plan, or what is wrong with the form.
func (m *Model) built(msg builtMsg) tea.Cmd {
	m.setup.Fail(msg.err)
	if msg.err != nil || m.phase != settingUp {
		return nil
	}
	o := msg.opts
	o.Setup, o.NoColor, o.ASCII = m.opts.Setup, m.opts.NoColor, m.opts.ASCII
	m.adopt(o)
	if o.SkipConfirm {
		return func() tea.Msg { return startMsg{} }
	}
	return nil
}

// press handles a key: questions first, then what holds everywhere, then the pane
// in view.
func (m *Model) press(msg tea.KeyMsg) tea.Cmd {
	k := m.now()
	switch {
	case key.Matches(msg, k.end):
		return m.interrupt()
	case key.Matches(msg, k.suspend):
		return suspend()
	case m.phase == settingUp:
		return m.setup.Update(msg) // every other key is text
	case m.askLeave:
		return m.answerLeave(msg)
	case m.showHelp:
		if key.Matches(msg, k.help, k.quit) || msg.Type == tea.KeyEsc || msg.Type == tea.KeyEnter {
			m.showHelp = false
			return nil
		}
		return m.keyList.Update(msg)
	case key.Matches(msg, k.help):
		m.showHelp = true
		m.keyList.SetText(m.helpText)
		return nil
	case m.phase == asking:
		if m.tooSmall() && msg.String() != "q" {
			return nil // no consent to a plan that cannot be read
		}
		return m.plan.Update(msg)
	case key.Matches(msg, k.quit):
		return m.quit()
	case key.Matches(msg, k.views):
		m.tab = int(msg.Runes[0] - '1')
	case key.Matches(msg, k.next):
		m.tab = (m.tab + 1) % tabs
	case key.Matches(msg, k.previous):
		m.tab = (m.tab + tabs - 1) % tabs
	case key.Matches(msg, k.freeze):
		m.frozen = !m.frozen
	case key.Matches(msg, k.save):
		return m.save()
	default:
		return m.panes[m.tab].Update(msg)
	}
	return nil
}

// save writes the report beside the loop.
func (m *Model) save() tea.Cmd {
	outcome, path, save := m.outcome, m.opts.ReportPath, m.hooks.SaveReport
	m.say("saving the report" + m.kit.Ellipsis)
	return func() tea.Msg {
		p, err := save(outcome, path)
		return savedMsg{p, err}
	}
}
