//go:build unix

package bg_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
	"time"

	_ "github.com/charmbracelet/bubbletea" // what is linked is what is tested
	"github.com/creack/pty"

	_ "apisonde/tui/bg"
)

// A program that links Bubble Tea says nothing to a terminal, and waits for
// nothing, before it is told to. The program is this test itself, which does
// nothing when run with no test chosen.
func TestStartUpAsksTheTerminalNothing(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "COLORTERM=truecolor")
	began := time.Now()
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	var said bytes.Buffer
	_, _ = said.ReadFrom(tty) // ends with an error when the other side is closed
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(said.Bytes(), []byte("\x1b")) {
		t.Errorf("the terminal was sent %q", said.String())
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("start-up took %v: it waited for an answer", took)
	}
}
