package cli

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/creack/pty"
)

// query matches what asks a terminal for an answer: colours, cursor, attributes,
// modes, capabilities.
var query = regexp.MustCompile(`\x1b\](?:4;\d+|1\d);\?|\x1b\[[>=?]?[0-9;]*(?:n|c|x|t|\$p)|\x1bP(?:\+q|\$q)|\x1bZ|\x05`)

const altScreen = "\x1b[?1049h"

// silent is a program in a terminal that shows everything and answers nothing.
type silent struct {
	*exec.Cmd
	tty   *os.File
	mu    sync.Mutex
	shown bytes.Buffer
	from  int           // where await looks from: the latest press
	ended chan struct{} // closed with the terminal
	begun time.Time
}

func inTerminal(t *testing.T, args ...string) *silent {
	t.Helper()
	s := &silent{Cmd: program(t, args...), ended: make(chan struct{}), begun: time.Now()}
	s.Env = append(s.Env, "TERM=xterm-256color", "COLORTERM=truecolor", "CI=")
	tty, err := pty.StartWithSize(s.Cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	s.tty = tty
	t.Cleanup(func() { tty.Close() })
	go func() {
		defer close(s.ended)
		_, _ = io.Copy(s, tty)
	}()
	return s
}

func (s *silent) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.Write(p)
}

func (s *silent) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.String()
}

// await waits until the terminal shows a text, after the latest press.
func (s *silent) await(t *testing.T, text string) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(s.text()[s.from:], text) {
		select {
		case <-deadline.C:
			shown := ansi.Strip(s.text())
			t.Fatalf("%q does not show %q; at last:\n%s", s.Args[1:], text, shown[max(0, len(shown)-2000):])
		case <-tick.C:
		}
	}
}

func (s *silent) press(t *testing.T, keys string) {
	t.Helper()
	s.from = len(s.text())
	if _, err := s.tty.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// exit waits for the program's end.
func (s *silent) exit(t *testing.T) int {
	t.Helper()
	<-s.ended
	_ = s.Wait() // an exit code other than 0 is an error too
	return s.ProcessState.ExitCode()
}

// patience is how long a command may take that has nothing to wait for. A wait for
// a terminal's answer takes five seconds.
const patience = 3 * time.Second

// No command asks the terminal anything, or waits for its answer.
func TestSilentTerminal(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range []struct {
		args string
		code int
	}{
		{"--help", 0},
		{"nonsense", 2},
		{"version", 0},
		{"demo --limiter nonsense", 2},
		{"demo --limiter none --max-requests 5 --output plain", 3},
		{"probe http://127.0.0.1:1/ --yes", 1},
		{"probe http://127.0.0.1:1/ --nonsense", 2},
		{"plan http://127.0.0.1:1/", 0},
		{"tui http://127.0.0.1:1/ --nonsense", 2},
		{"inspect nowhere", 2},
		{"analyze nowhere", 2},
		{"report nowhere", 2},
		{"lab --listen nowhere --limiter none", 2},
		{"selftest --trials 0", 2},
	} {
		seen[strings.Split(c.args, " ")[0]] = true
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			s := inTerminal(t, strings.Fields(c.args)...)
			if code := s.exit(t); code != c.code {
				t.Errorf("exit %d, want %d:\n%s", code, c.code, s.text())
			}
			if took := time.Since(s.begun); took > patience {
				t.Errorf("it took %s", took)
			}
			if q := query.FindString(s.text()); q != "" {
				t.Errorf("it asks the terminal %q", q)
			}
		})
	}
	for _, cmd := range commands(&streams{}) {
		if !seen[cmd.Name] {
			t.Errorf("%s is not run", cmd.Name)
		}
		t.Run(cmd.Name+" --help", func(t *testing.T) {
			t.Parallel()
			s := inTerminal(t, cmd.Name, "--help")
			if code := s.exit(t); code != exitOK || strings.Contains(s.text(), "\x1b") || time.Since(s.begun) > patience {
				t.Errorf("exit %d after %s:\n%q", code, time.Since(s.begun), s.text())
			}
		})
	}
}

// The question is shown on a terminal and waits; only yes starts the run.
func TestQuestion(t *testing.T) {
	t.Parallel()
	server := practice(t, "fixed-window,limit=3,window=300s")
	for _, answer := range []string{"n\r", "\r", "x\r", "\x04"} {
		s := inTerminal(t, "probe", server.URL())
		s.await(t, "[y/N]")
		s.press(t, answer)
		if code := s.exit(t); code != exitUsage || server.Total() != 0 {
			t.Errorf("%q: exit %d, %d requests sent", answer, code, server.Total())
		}
	}
	s := inTerminal(t, "probe", server.URL(), "--max-requests", "2")
	s.await(t, "At most 2 requests")
	s.await(t, "[y/N]")
	s.press(t, "y\r")
	if code := s.exit(t); code != exitInconclusive || server.Total() == 0 {
		t.Errorf("yes: exit %d, %d requests sent:\n%s", code, server.Total(), s.text())
	}
}

// The screen asks the terminal nothing before it starts, asks for consent before
// anything is sent, and leaves the terminal as it was.
func TestScreenOnSilentTerminal(t *testing.T) {
	t.Parallel()
	server := practice(t, "fixed-window,limit=30,window=60s")
	s := inTerminal(t, "tui", server.URL())
	s.await(t, altScreen)
	before, _, _ := strings.Cut(s.text(), altScreen)
	if q := query.FindString(before); q != "" || time.Since(s.begun) > patience {
		t.Errorf("after %s, before the screen: %q", time.Since(s.begun), q)
	}
	s.await(t, "Nothing has been sent yet")
	s.press(t, "q")
	if code := s.exit(t); code != exitUsage || server.Total() != 0 {
		t.Errorf("declined: exit %d, %d requests sent", code, server.Total())
	}
	if !strings.Contains(s.text(), "\x1b[?1049l") {
		t.Error("the screen was not left")
	}
}

// Without a command, and with tui alone, the screen asks what to assess; the plan
// that comes of it is confirmed like any other.
func TestSetup(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"tui", "--max-requests", "3", "--key", "env:PATH"}} {
		server := practice(t, "fixed-window,limit=30,window=60s")
		s := inTerminal(t, args...)
		s.await(t, altScreen)
		before, _, _ := strings.Cut(s.text(), altScreen)
		if q := query.FindString(before); q != "" {
			t.Errorf("%q asks the terminal %q before the screen", args, q)
		}
		s.await(t, "URL")
		s.press(t, "ftp://nonsense\r")
		s.await(t, "http:// or https:// URL")
		s.press(t, "\x15"+server.URL()+"\r") // Ctrl-U
		s.await(t, "May this be sent?")
		if server.Total() != 0 {
			t.Errorf("%q: %d requests were sent unasked", args, server.Total())
		}
		s.press(t, "y")
		awaitRequests(t, server, 1)
		code := exitInconclusive
		if len(args) == 0 { // the other one ends by itself
			s.press(t, "\x03")
			code = exitInterrupted
		}
		s.await(t, "save report")
		s.press(t, "q")
		if got := s.exit(t); got != code {
			t.Errorf("%q: exit %d, want %d", args, got, code)
		}
	}
}

// Ctrl-C on the screen stops the sending and keeps everything; a signal does the
// same, and the program says so by its exit code.
func TestScreenStopped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		stop func(*testing.T, *silent)
		code int
	}{
		{"key", func(t *testing.T, s *silent) { s.press(t, "\x03"); s.await(t, "interrupted"); s.press(t, "q") }, 130},
		{"signal", func(t *testing.T, s *silent) {
			if err := s.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}, 130},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := practice(t, "fixed-window,limit=30,window=60s")
			s := inTerminal(t, "tui", server.URL(), "--yes", "--trace", "t.ndjson")
			awaitRequests(t, server, 20)
			c.stop(t, s)
			if code := s.exit(t); code != c.code {
				t.Errorf("exit %d, want %d", code, c.code)
			}
			_, after, _ := strings.Cut(s.text(), "\x1b[?1049l")
			if !strings.Contains(after, "trace: t.ndjson") {
				t.Errorf("the trace's path is not told after the screen:\n%q", after)
			}
			checkTrace(t, s.Cmd, server.Total(), true)
		})
	}
}
