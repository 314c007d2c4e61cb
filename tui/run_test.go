//go:build unix

package tui

import (
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"apisonde/probe"
)

// terminal is a pseudo-terminal that answers no query.
type terminal struct {
	*testing.T
	master, slave *os.File
	mu            sync.Mutex
	got           strings.Builder
	more          chan struct{} // a token for every read
}

func openTerminal(t *testing.T) *terminal {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	term := &terminal{T: t, master: master, slave: slave, more: make(chan struct{}, 1)}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			term.mu.Lock()
			term.got.Write(buf[:n])
			term.mu.Unlock()
			select {
			case term.more <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	// The slave stays open: a screen that failed does not wait for its reader, which
	// may still look at it.
	t.Cleanup(func() { _ = master.Close() })
	return term
}

func (t *terminal) output() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.got.String()
}

// waitFor returns when the terminal was sent s.
func (t *terminal) waitFor(s string) {
	t.Helper()
	late := time.After(10 * time.Second)
	for !strings.Contains(t.output(), s) {
		select {
		case <-t.more:
		case <-late:
			t.Fatalf("the terminal was never sent %q; it got\n%q", s, t.output())
		}
	}
}

func (t *terminal) typed(s string) {
	t.Helper()
	if _, err := io.WriteString(t.master, s); err != nil {
		t.Fatal(err)
	}
}

type ran struct {
	outcome Outcome
	ran     bool
	err     error
}

func TestRunOnATerminal(t *testing.T) {
	term := openTerminal(t)
	end, over := make(chan Outcome, 1), make(chan ran, 1)
	hooks := Hooks{Start: func(context.Context) (Source, <-chan Outcome) { return &fixed{at: 2 * time.Second}, end }}
	go func() {
		o, ok, err := Run(context.Background(), term.slave, term.slave, testOptions(), hooks)
		over <- ran{o, ok, err}
	}()
	term.waitFor("May this be sent?")
	term.typed("y")
	term.waitFor("measuring")
	end <- conclusion()
	term.waitFor("One limit was found.")
	term.typed("q")
	got := <-over
	if got.err != nil || !got.ran || got.outcome.TracePath != conclusion().TracePath {
		t.Errorf("Run returned %v, %v, %q", got.err, got.ran, got.outcome.TracePath)
	}
	if out := term.output(); strings.Contains(out, "\x1b]11;?") || strings.Contains(out, "\x1b[6n") {
		t.Errorf("the terminal was asked something: %q", out)
	}
	term.waitFor("\x1b[?1049l") // the alternate screen is left
}

// broken is a source whose picture cannot be drawn.
type broken struct{ fixed }

func (*broken) Snapshot() probe.Snapshot { panic("no picture") }

// A screen that fails must not cost the run its data, nor leave it sending.
func TestAScreenThatFailsStopsTheRunAndWaitsForIt(t *testing.T) {
	quiet(t)
	term := openTerminal(t)
	end, over := make(chan Outcome, 1), make(chan ran, 1)
	hooks := Hooks{
		Start: func(context.Context) (Source, <-chan Outcome) { return &broken{}, end },
		Stop:  func() { end <- conclusion() },
	}
	o := testOptions()
	o.SkipConfirm = true
	go func() {
		o, ok, err := Run(context.Background(), term.slave, term.slave, o, hooks)
		over <- ran{o, ok, err}
	}()
	got := <-over
	if got.err == nil || !got.ran || got.outcome.TracePath != conclusion().TracePath {
		t.Errorf("Run returned %v, %v, %q", got.err, got.ran, got.outcome.TracePath)
	}
	term.waitFor("\x1b[?1049l")
	term.waitFor("\x1b[?25h") // the cursor is back
}

// quiet keeps the stack that Bubble Tea prints out of the test's output.
func quiet(t *testing.T) {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	out, errs := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = null, null
	t.Cleanup(func() { os.Stdout, os.Stderr = out, errs; _ = null.Close() })
}
