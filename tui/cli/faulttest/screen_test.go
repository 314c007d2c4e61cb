package faulttest

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

// screen is a run on a terminal.
type screen struct {
	*exec.Cmd
	run   *run
	tty   *os.File
	mu    sync.Mutex
	shown bytes.Buffer
	from  int           // where await looks from
	ended chan struct{} // closed with the terminal
}

// show starts a run on a terminal of rows and columns.
func (r *run) show(t *testing.T, rows, cols uint16) *screen {
	t.Helper()
	return r.showing(t, r.command(t), rows, cols)
}

// shell runs what follows as a shell does that a person types at: in a group of
// its own, and after a stop again once a line was typed.
const shell = `set -m; "$@"; code=$?; while kill -0 %1 2>/dev/null; do read -r line; fg %1 >/dev/null; code=$?; done; exit $code`

// showInShell starts a run from a shell, which alone can stop it.
func (r *run) showInShell(t *testing.T, rows, cols uint16) *screen {
	t.Helper()
	c := r.command(t)
	c.Path, c.Args = must(exec.LookPath("sh")), append([]string{"sh", "-c", shell, "sh"}, c.Args...)
	return r.showing(t, c, rows, cols)
}

// program is the process behind the shell.
func (s *screen) program(t *testing.T) *os.Process {
	t.Helper()
	pid := itoa(s.Process.Pid)
	b := must(os.ReadFile("/proc/" + pid + "/task/" + pid + "/children"))
	return must(os.FindProcess(atoi(t, strings.TrimSpace(string(b)))))
}

func (r *run) showing(t *testing.T, c *exec.Cmd, rows, cols uint16) *screen {
	t.Helper()
	s := &screen{Cmd: c, run: r, ended: make(chan struct{})}
	s.Stdin = nil
	s.Env = append(s.Env, "TERM=xterm-256color", "COLORTERM=truecolor", "CI=")
	s.Env = append(s.Env, r.env...) // these win
	tty, err := pty.StartWithSize(s.Cmd, &pty.Winsize{Rows: rows, Cols: cols})
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

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.Write(p)
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.String()
}

// mark has await look only at what is shown from here on.
func (s *screen) mark() { s.from = len(s.text()) }

// await waits until the terminal shows a text after the latest mark.
func (s *screen) await(t *testing.T, text string) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
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

func (s *screen) press(t *testing.T, keys string) {
	t.Helper()
	s.mark()
	if _, err := s.tty.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// end waits for the program's end. What it left on the terminal counts as its
// standard error, with its own sequences taken out.
func (s *screen) end(t *testing.T) outcome {
	t.Helper()
	<-s.ended
	var none bytes.Buffer
	o := s.run.end(t, s.Cmd, &none, &none)
	plain, rest := own(s.text())
	if rest != "" {
		t.Errorf("a sequence on the terminal is not the program's own: %q", rest)
	}
	o.stderr = []byte(plain)
	return o
}

// sequences are all that the program itself sends to a terminal: styles, cursor
// moves, erasing, modes of the screen, the window's title never.
var sequences = regexp.MustCompile(`\x1b\[[0-9;]*[mABCDHJKGdrST]|\x1b\[\?(?:25|1049|2004|1002|1003|1006|2026|2027)[hl]|\x1b\[[0-9]* ?q|\x1b\[>?[0-9;]*u|\x1b[=>78]`)

// unfinished is a sequence that a terminal was closed in.
var unfinished = regexp.MustCompile(`\x1b(?:\[[0-9;?]*)?$`)

// own takes the program's own sequences out of what a terminal got, and the
// carriage returns that a terminal needs. rest is an escape that is left.
func own(s string) (plain, rest string) {
	s = unfinished.ReplaceAllString(strings.ReplaceAll(sequences.ReplaceAllString(s, ""), "\r", ""), "")
	if i := strings.IndexByte(s, '\x1b'); i >= 0 {
		return s, near(s, i)
	}
	return s, ""
}
