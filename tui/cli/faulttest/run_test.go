package faulttest

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"apisonde/probe/rogue"
)

// patience is how long a run may take before it is taken to hang.
const patience = 2 * time.Minute

// run is one run of the program, in a folder of its own.
type run struct {
	args   []string
	env    []string
	around around
	stdin  string
	dir    string // "" is a new one
}

// outcome is what a run left.
type outcome struct {
	code           int
	stdout, stderr []byte
	dir            string
	left           string // goroutines and descriptors
	peak           int64  // bytes of memory
}

// command prepares the program with the secrets of canary_test.go around it.
func (r *run) command(t *testing.T) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if r.dir == "" {
		r.dir = t.TempDir()
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	r.around.Left = filepath.Join(t.TempDir(), "left")
	set, err := json.Marshal(r.around)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(ctx, self, r.args...)
	c.Dir = r.dir
	c.Env = append(os.Environ(), circumstances+"="+string(set), "XDG_STATE_HOME="+filepath.Join(r.dir, "state"))
	c.Env = append(append(c.Env, canaryEnv()...), r.env...)
	apart(c, r.around)
	c.Stdin = bytes.NewReader([]byte(r.stdin))
	return c
}

// do runs the program to its end.
func (r *run) do(t *testing.T) outcome {
	t.Helper()
	c := r.command(t)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return r.end(t, c, &stdout, &stderr)
}

// end waits for a started program.
func (r *run) end(t *testing.T, c *exec.Cmd, stdout, stderr *bytes.Buffer) outcome {
	t.Helper()
	err := c.Wait()
	o := outcome{code: c.ProcessState.ExitCode(), stdout: stdout.Bytes(), stderr: stderr.Bytes(), dir: r.dir}
	if o.code < 0 {
		t.Fatalf("%q did not end by itself: %v\n%s", r.args, err, stderr)
	}
	if u, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		o.peak = u.Maxrss * 1024
	}
	if b, err := os.ReadFile(r.around.Left); err == nil {
		o.left = string(b)
	}
	return o
}

// start starts a rogue server that ends with the test.
func start(t *testing.T, opt rogue.Options, answer rogue.Answer) *rogue.Server {
	t.Helper()
	s, err := rogue.Start(opt, answer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// assess is a run of the whole assessment, with few requests, a key that must
// not show, and all its results in files. Further flags win.
func assess(url string, flags ...string) *run {
	args := []string{"probe", url, "--yes", "--trace", "t.ndjson", "--report", "r.md", "--output", "json",
		"--max-requests", "12", "--key", "k1=env:CANARY_KEY", "-H", "Cookie: sid=" + canary["cookie"]}
	return &run{args: append(args, flags...)}
}

// file is the content of a file that a run left, "" where there is none.
func (o outcome) file(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(o.dir, name))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(b)
}
