package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/bubbles/key"
	"github.com/charmbracelet/lipgloss"

	"apisonde/analyze/verdict"
	_ "apisonde/tui/bg" // before Bubble Tea
	"apisonde/tui/look"
)

// The least size in which screens are drawn; below it there is one line.
const (
	leastWidth  = 60
	leastHeight = 16
)

func (m *Model) tooSmall() bool { return m.width < leastWidth || m.height < leastHeight }

// begun is whether a run was started: before, there is nothing to turn to.
func (m *Model) begun() bool { return m.phase == running || m.phase == over }

// bodyHeight is what the title, the tabs and the footer leave to a pane.
func (m *Model) bodyHeight() int {
	if !m.begun() {
		return max(0, m.height-2) // no tabs yet
	}
	return max(0, m.height-3)
}

// View draws the screen, exactly as large as the terminal.
func (m *Model) View() string {
	switch {
	case m.gone || m.width <= 0 || m.height <= 0:
		return ""
	case m.tooSmall():
		return m.kit.Clip(m.oneLine(), m.width)
	case m.kit.ASCII:
		return look.Only7(m.screen())
	}
	return m.screen()
}

func (m *Model) screen() string {
	lines := []string{m.title()}
	if m.begun() {
		lines = append(lines, m.tabBar())
	}
	body := m.panes[m.tab].View()
	switch {
	case m.showHelp:
		body = m.keyList.View()
	case m.phase == settingUp:
		body = m.setup.View()
	}
	lines = append(lines, strings.Split(body, "\n")...)
	lines = m.kit.Fit(lines, m.width, m.height-1)
	return strings.Join(append(lines, m.kit.Pad(m.footer(), m.width)), "\n")
}

// oneLine is what a terminal too small for a screen shows.
func (m *Model) oneLine() string {
	size := fmt.Sprintf("%dx%d is too small, %dx%d is needed", m.width, m.height, leastWidth, leastHeight)
	if !m.begun() {
		return size + "; nothing sent"
	}
	_, state := m.state()
	return fmt.Sprintf("%s; %s, %d sent", size, state, m.frame.Snapshot.Sent)
}

func (m *Model) title() string {
	mark, state := m.state()
	left := " " + m.kit.Accent.Render("apisonde")
	if m.phase != settingUp {
		left += "  " + look.Safe(m.opts.Plan.Target.Method+" "+m.opts.Plan.Target.URL)
	}
	return m.kit.Spread(left, mark.Render(state)+" ", m.width)
}

// state is how the run stands, in a glyph and words.
func (m *Model) state() (lipgloss.Style, string) {
	k, s := m.kit, m.frame.Snapshot
	at := look.Clock(s.Elapsed)
	switch {
	case !m.begun():
		return k.Caution, k.Paused + " nothing sent"
	case m.phase == over:
		return m.ending()
	case s.Over:
		return k.Accent, k.Waiting + " concluding " + at
	case m.stop == aborting:
		return k.Bad, k.No + " aborting " + at
	case m.stop == stopping:
		return k.Caution, k.Paused + " stopping " + at
	case m.frozen:
		return k.Caution, k.Paused + " frozen at " + at
	case s.Step.Start-s.Elapsed > 300*time.Millisecond && s.Inflight == 0:
		return k.Accent, k.Waiting + " waiting " + at
	}
	return k.Accent, k.Active + " measuring " + at
}

func (m *Model) ending() (lipgloss.Style, string) {
	k := m.kit
	switch m.outcome.Verdict.Outcome {
	case verdict.OutcomeLimited:
		return k.Good, k.Yes + " limited"
	case verdict.OutcomeNoLimit:
		return k.Good, k.Yes + " no limit found"
	case verdict.OutcomeInconclusive:
		return k.Caution, k.Unsure + " inconclusive"
	case verdict.OutcomeStopped:
		return k.Caution, k.Paused + " stopped"
	}
	return k.Bad, k.No + " failed"
}

// tabBar names the views; brackets mark the one in view, so that it does not
// rest on colour.
func (m *Model) tabBar() string {
	var b strings.Builder
	for i, name := range tabNames {
		label := fmt.Sprintf("%d %s", i+1, name)
		if i == m.tab {
			b.WriteString(m.kit.Accent.Render("[" + label + "]"))
		} else {
			b.WriteString(m.kit.Soft.Render(" " + label + " "))
		}
		b.WriteString(" ")
	}
	return " " + b.String()
}

// footer is the one line below: a question, what is going on, a notice, or the
// keys that do something now.
func (m *Model) footer() string {
	k := m.kit
	press := func(s string) string { return k.Accent.Render(s) }
	inflight := m.frame.Snapshot.Inflight
	switch {
	case m.askLeave:
		return " " + k.Strong.Render("Still measuring.") + "  " + press("y") + " stop, keep all and leave   " + press("esc") + " go on"
	case m.phase == running && m.stop == aborting:
		return " " + k.Bad.Render(k.No+" Aborting.") + " What was sent is kept.   " + press("ctrl+c") + " leave the screen"
	case m.phase == running && m.stop == stopping:
		hint := press("ctrl+c") + " twice aborts."
		if m.armed() {
			hint = press("ctrl+c") + " again within 2 s aborts."
		}
		return " " + k.Caution.Render(k.Paused+" Stopping") + fmt.Sprintf(", %d in flight.  ", inflight) + hint + "  Everything is kept."
	case m.showHelp:
		back := []key.Binding{bind("?/esc", "back", "?")}
		if len(m.keyList.Keys()) > 0 {
			back = append(back, m.keys.scroll)
		}
		return " " + m.help.ShortHelpView(back)
	case m.notice != "" && m.clock().Before(m.noticeUntil):
		return " " + k.Strong.Render(m.notice)
	}
	return " " + m.help.ShortHelpView(m.short())
}
