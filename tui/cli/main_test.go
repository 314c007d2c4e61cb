package cli

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// asProgram makes the test binary run Main: tests that need a process of its own,
// for signals, terminals and exit codes, start themselves again.
const asProgram = "APISONDE_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	program := func() { os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
	if os.Getenv(asProgram) != "" {
		program()
	}
	testscript.Main(m, map[string]func(){"apisonde": program})
}

// program prepares a run of apisonde in a folder of its own, which is killed with
// the test.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, self, args...)
	c.Dir = t.TempDir()
	c.Env = append(os.Environ(), asProgram+"=1", "XDG_STATE_HOME="+filepath.Join(c.Dir, "state"))
	return c
}

// output is what a program left.
type output struct {
	code           int
	stdout, stderr bytes.Buffer
}

// start starts a program without a terminal; end waits for it.
func start(t *testing.T, c *exec.Cmd) (end func() *output) {
	t.Helper()
	var o output
	if c.Stdout == nil {
		c.Stdout = &o.stdout
	}
	c.Stderr = &o.stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return func() *output {
		err := c.Wait()
		o.code = c.ProcessState.ExitCode()
		if o.code < 0 {
			t.Fatalf("the program did not end by itself: %v\n%s", err, &o.stderr)
		}
		return &o
	}
}
