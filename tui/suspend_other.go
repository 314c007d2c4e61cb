//go:build !unix

package tui

import (
	tea "github.com/charmbracelet/bubbletea"

	_ "apisonde/tui/bg" // before Bubble Tea
)

// suspends tells whether this system stops programs.
const suspends = false

func onSuspend(func()) (end func()) { return func() {} }

func suspend() tea.Cmd { return nil }
