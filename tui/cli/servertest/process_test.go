package servertest

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"apisonde/probe/needs"
)

// patience is how long a server may take to start or to end.
const patience = 10 * time.Second

// locate finds a server's program. Without it the test is skipped, or fails where
// servers are required.
func locate(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	needs.Absent(t, name+" is neither in PATH nor in the usual places for servers; install it to run this test")
	return ""
}

// process is a server that runs as a program of its own.
type process struct {
	url   string
	cmd   *exec.Cmd
	ended chan struct{} // closed when it is no more
	log   *os.File      // its standard output and standard error
}

// start runs the program that command makes for an address, and waits until that
// address accepts connections. The kernel names a free port, but somebody else may
// take it first: then another is tried. The process ends with the test.
func start(t *testing.T, command func(address string) *exec.Cmd) *process {
	t.Helper()
	for range 3 {
		address := freeAddress(t)
		log, err := os.Create(filepath.Join(t.TempDir(), "output"))
		if err != nil {
			t.Fatal(err)
		}
		p := &process{url: "http://" + address + "/", cmd: command(address), ended: make(chan struct{}), log: log}
		p.cmd.Stdout, p.cmd.Stderr = log, log
		p.launch(t)
		if p.accepts(t, address) {
			return p
		}
		t.Logf("%v ended early:\n%s", p.cmd.Args, p.output(t))
	}
	t.Fatal("the server did not start")
	return nil
}

// launch starts the process, which ends with the test.
func (p *process) launch(t *testing.T) {
	t.Helper()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // its exit code says nothing that its output does not
		close(p.ended)
	}()
	t.Cleanup(func() { p.end(t, syscall.SIGTERM) })
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// accepts waits until address accepts a connection; false when the process ended.
func (p *process) accepts(t *testing.T, address string) bool {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for {
		if c, err := net.Dial("tcp4", address); err == nil {
			_ = c.Close() // only that it was accepted matters
			return true
		}
		select {
		case <-again.C:
		case <-p.ended:
			return false
		case <-late:
			t.Fatalf("%v accepts no connection:\n%s", p.cmd.Args, p.output(t))
		}
	}
}

// end asks the process to end by a signal and waits; one that does not listen is
// killed. A process that has ended is left in peace.
func (p *process) end(t *testing.T, s syscall.Signal) {
	t.Helper()
	select {
	case <-p.ended:
		return
	default:
	}
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Errorf("%v cannot be ended: %v", p.cmd.Args, err)
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Errorf("%v does not end at %v", p.cmd.Args, s)
		_ = p.cmd.Process.Kill() // there is nothing further to try
	}
}

// output is what the process has printed so far.
func (p *process) output(t *testing.T) []byte {
	t.Helper()
	return readFile(t, p.log.Name())
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// lines counts the lines that contain mark.
func lines(log []byte, mark string) int {
	n := 0
	for line := range bytes.Lines(log) {
		if bytes.Contains(line, []byte(mark)) {
			n++
		}
	}
	return n
}
