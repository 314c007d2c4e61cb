package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"apisonde/tui/cli/ttytest"
)

// query matches what asks a terminal for an answer: colours, cursor, attributes,
// modes, capabilities.
var query = regexp.MustCompile(`\x1b\](?:4;\d+|1\d);\?|\x1b\[[>=?]?[0-9;]*(?:n|c|x|t|\$p)|\x1bP(?:\+q|\$q)|\x1bZ|\x05`)

const altScreen = "\x1b[?1049h"

// silent is the program in a terminal that answers nothing.
type silent struct {
	*ttytest.Terminal
	begun time.Time
}

func inTerminal(t *testing.T, args ...string) *silent {
	t.Helper()
	return &silent{begun: time.Now(), Terminal: ttytest.Start(t, program(t, args...), 24, 80)}
}

// exit waits for the program's end.
func (s *silent) exit(t *testing.T) int {
	t.Helper()
	s.Closed()
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
				t.Errorf("exit %d, want %d:\n%s", code, c.code, s.Text())
			}
			if took := time.Since(s.begun); took > patience {
				t.Errorf("it took %s", took)
			}
			if q := query.FindString(s.Text()); q != "" {
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
			if code := s.exit(t); code != exitOK || strings.Contains(s.Text(), "\x1b") || time.Since(s.begun) > patience {
				t.Errorf("exit %d after %s:\n%q", code, time.Since(s.begun), s.Text())
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
		s.Await(t, "[y/N]")
		s.Press(t, answer)
		if code := s.exit(t); code != exitUsage || server.Total() != 0 {
			t.Errorf("%q: exit %d, %d requests sent", answer, code, server.Total())
		}
	}
	s := inTerminal(t, "probe", server.URL(), "--max-requests", "2")
	s.Await(t, "At most 2 requests")
	s.Await(t, "[y/N]")
	s.Press(t, "y\r")
	if code := s.exit(t); code != exitInconclusive || server.Total() == 0 {
		t.Errorf("yes: exit %d, %d requests sent:\n%s", code, server.Total(), s.Text())
	}
}

// The screen asks the terminal nothing before it starts, asks for consent before
// anything is sent, and leaves the terminal as it was.
func TestScreenOnSilentTerminal(t *testing.T) {
	t.Parallel()
	server := practice(t, "fixed-window,limit=30,window=60s")
	s := inTerminal(t, "tui", server.URL())
	s.Await(t, altScreen)
	before, _, _ := strings.Cut(s.Text(), altScreen)
	if q := query.FindString(before); q != "" || time.Since(s.begun) > patience {
		t.Errorf("after %s, before the screen: %q", time.Since(s.begun), q)
	}
	s.Await(t, "Nothing has been sent yet")
	s.Press(t, "q")
	if code := s.exit(t); code != exitUsage || server.Total() != 0 {
		t.Errorf("declined: exit %d, %d requests sent", code, server.Total())
	}
	if !strings.Contains(s.Text(), "\x1b[?1049l") {
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
		s.Await(t, altScreen)
		before, _, _ := strings.Cut(s.Text(), altScreen)
		if q := query.FindString(before); q != "" {
			t.Errorf("%q asks the terminal %q before the screen", args, q)
		}
		s.Await(t, "URL")
		s.Press(t, "ftp://nonsense\r")
		s.Await(t, "http:// or https:// URL")
		s.Press(t, "\x15"+server.URL()+"\r") // Ctrl-U
		s.Await(t, "May this be sent?")
		if server.Total() != 0 {
			t.Errorf("%q: %d requests were sent unasked", args, server.Total())
		}
		s.Press(t, "y")
		awaitRequests(t, server, 1)
		code := exitInconclusive
		if len(args) == 0 { // the other one ends by itself
			s.Press(t, "\x03")
			code = exitInterrupted
		}
		s.Await(t, "save report")
		s.Press(t, "q")
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
		{"key", func(t *testing.T, s *silent) { s.Press(t, "\x03"); s.Await(t, "interrupted"); s.Press(t, "q") }, 130},
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
			_, after, _ := strings.Cut(s.Text(), "\x1b[?1049l")
			if !strings.Contains(after, "trace: t.ndjson") {
				t.Errorf("the trace's path is not told after the screen:\n%q", after)
			}
			checkTrace(t, s.Cmd, server.Total(), true)
		})
	}
}
