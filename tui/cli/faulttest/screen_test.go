package faulttest

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"apisonde/tui/cli/ttytest"
)

// screen is a run on a terminal.
type screen struct {
	*ttytest.Terminal
	run *run
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
	return &screen{ttytest.Start(t, c, rows, cols, r.env...), r}
}

// end waits for the program's end. What it left on the terminal counts as its
// standard error, with its own sequences taken out.
func (s *screen) end(t *testing.T) outcome {
	t.Helper()
	s.Closed()
	var none bytes.Buffer
	o := s.run.end(t, s.Cmd, &none, &none)
	plain, rest := own(s.Text())
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
