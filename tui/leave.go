package tui

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	_ "apisonde/tui/bg" // before Bubble Tea
)

// Leaving a run must never cost its data: every way out stops sending first, and
// ends the screen only when the outcome is there.

// interrupt is Ctrl-C. While a run goes on, the first stops sending and keeps
// everything, a second within abortWithin aborts; a third leaves the screen, and
// Run waits for the outcome without it. Where nothing goes on it quits.
func (m *Model) interrupt() tea.Cmd {
	if m.phase != running {
		return m.exit()
	}
	again := m.armed()
	m.interrupted = m.clock()
	m.askLeave, m.showHelp = false, false
	switch {
	case m.stop == aborting:
		return m.exit()
	case m.stop == stopping && again:
		m.stop, m.leaving = aborting, true
		m.hooks.Abort()
	case m.stop == sending:
		m.halt()
	}
	return nil
}

// armed is whether a Ctrl-C now would be the second of two.
func (m *Model) armed() bool {
	return !m.interrupted.IsZero() && m.clock().Sub(m.interrupted) <= abortWithin
}

// halt stops sending, once.
func (m *Model) halt() {
	if m.stop == sending {
		m.stop, m.frozen = stopping, false
		m.hooks.Stop()
		m.pull()
	}
}

// quit is the q key: at once where nothing is lost, else after a question.
func (m *Model) quit() tea.Cmd {
	switch {
	case m.phase != running:
		return m.exit()
	case m.stop == sending:
		m.askLeave = true
	default:
		m.leaving = true
	}
	return nil
}

func (m *Model) answerLeave(msg tea.KeyMsg) tea.Cmd {
	switch {
	case key.Matches(msg, m.keys.yes):
		m.askLeave, m.leaving = false, true
		m.halt()
	case key.Matches(msg, m.keys.no), key.Matches(msg, m.keys.quit):
		m.askLeave = false
	}
	return nil
}

// end is what a signal to the program comes to.
func (m *Model) end() tea.Cmd {
	if m.phase != running {
		return m.exit()
	}
	m.leaving = true
	m.halt()
	return nil
}

// exit ends the screen. Its last view is empty: terminals that were resized in the
// meantime may move what is left of it to the main screen.
func (m *Model) exit() tea.Cmd {
	m.gone = true
	return tea.Quit
}
