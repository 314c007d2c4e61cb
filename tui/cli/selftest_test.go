package cli

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"apisonde/tui/selftest"
)

// Ctrl-C ends a self-test with the figures of the trials that are done.
func TestSelftestInterrupted(t *testing.T) {
	t.Parallel()
	c := program(t, "selftest", "--trials", "100000", "--output", "json")
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stdout strings.Builder
	c.Stdout = &stdout
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	if !lines.Scan() || !strings.Contains(lines.Text(), "of 100000 trials done") {
		t.Fatalf("it says %q", lines.Text())
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, stderr); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // its error is the exit code
	if code := c.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit %d", code)
	}
	var r selftest.Report
	if err := json.Unmarshal([]byte(stdout.String()), &r); err != nil {
		t.Fatalf("%v in %s", err, &stdout)
	}
	if r.Trials == 0 || r.Trials >= r.Planned || r.All.Trials != r.Trials {
		t.Errorf("%d trials of %d", r.Trials, r.Planned)
	}
}
