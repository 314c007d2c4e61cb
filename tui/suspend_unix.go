//go:build unix

package tui

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	tea "github.com/charmbracelet/bubbletea"

	_ "apisonde/tui/bg" // before Bubble Tea
)

// suspends tells whether this system stops programs.
const suspends = true

// onSuspend calls f at each stop signal from outside, which would otherwise leave
// the shell a terminal in raw mode, until the returned function is called.
func onSuspend(f func()) (end func()) {
	if signal.Ignored(syscall.SIGTSTP) {
		return func() {}
	}
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGTSTP)
	go func() {
		for {
			select {
			case <-signals:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}

// suspend gives the terminal back, stops the program until it is continued, and
// takes the terminal again. The whole program stands still meanwhile, and what was
// due then is late.
func suspend() tea.Cmd { return tea.Exec(standstill{}, nil) }

// standstill is what happens while the terminal is given back.
type standstill struct{}

// Run implements tea.ExecCommand. The signal is not the one that the terminal
// sends, since the runtime, once asked for that, never stops at it again.
func (standstill) Run() error {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	if err := syscall.Kill(0, syscall.SIGSTOP); err != nil {
		return err
	}
	<-continued
	return nil
}

// SetStdin implements tea.ExecCommand.
func (standstill) SetStdin(io.Reader) {}

// SetStdout implements tea.ExecCommand.
func (standstill) SetStdout(io.Writer) {}

// SetStderr implements tea.ExecCommand.
func (standstill) SetStderr(io.Writer) {}
