// Package ttytest runs a program in a terminal that shows everything and answers
// nothing, for tests.
package ttytest

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/creack/pty"
)

// Terminal is a program and the terminal that it runs in.
type Terminal struct {
	*exec.Cmd
	TTY *os.File // its end that a person sits at

	mu    sync.Mutex
	shown bytes.Buffer
	from  int           // where Await looks from
	ended chan struct{} // closed with the terminal
}

// Start starts c in a terminal of rows and columns, which can show every colour
// unless env, which comes last in the program's environment, says otherwise.
func Start(t *testing.T, c *exec.Cmd, rows, cols uint16, env ...string) *Terminal {
	t.Helper()
	c.Stdin = nil
	c.Env = append(append(c.Env, "TERM=xterm-256color", "COLORTERM=truecolor", "CI="), env...)
	s := &Terminal{Cmd: c, ended: make(chan struct{})}
	tty, err := pty.StartWithSize(c, &pty.Winsize{Rows: rows, Cols: cols})
	if err != nil {
		t.Fatal(err)
	}
	s.TTY = tty
	t.Cleanup(func() { tty.Close() })
	go func() {
		defer close(s.ended)
		_, _ = io.Copy(s, tty)
	}()
	return s
}

// Write takes in what the program shows.
func (s *Terminal) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.Write(p)
}

// Text is all that was shown so far, as it was sent.
func (s *Terminal) Text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.String()
}

// Mark has Await look only at what is shown from here on.
func (s *Terminal) Mark() { s.from = len(s.Text()) }

// Await waits until a text is shown after the latest mark, and fails the test
// after half a minute.
func (s *Terminal) Await(t *testing.T, text string) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(s.Text()[s.from:], text) {
		select {
		case <-deadline.C:
			shown := ansi.Strip(s.Text())
			t.Fatalf("%q does not show %q; at last:\n%s", s.Args[1:], text, shown[max(0, len(shown)-2000):])
		case <-tick.C:
		}
	}
}

// Press types keys, and marks where their effect begins.
func (s *Terminal) Press(t *testing.T, keys string) {
	t.Helper()
	s.Mark()
	if _, err := s.TTY.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// Closed waits until the program and all that it started have let go of the
// terminal.
func (s *Terminal) Closed() { <-s.ended }
