package faulttest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"apisonde/probe/rogue"
)

// ending are the faults of process and terminal.
func ending() []fault {
	return []fault{
		{82, "SIGINT", func(t *testing.T) { signalled(t, 130, syscall.SIGINT) }},
		{83, "SIGINT twice", func(t *testing.T) { signalled(t, 130, syscall.SIGINT, syscall.SIGINT) }},
		{84, "SIGTERM", func(t *testing.T) { signalled(t, 143, syscall.SIGTERM) }},
		{85, "SIGHUP", func(t *testing.T) { signalled(t, 129, syscall.SIGHUP) }},
		{85, "the terminal closes", terminalClosed},
		{86, "SIGKILL", killed},
		{87, "stopped and continued", stopped},
		{87, "stopped and continued on the screen", suspended},
		{88, "a storm of sizes", sizes},
		{89, "terminals of odd sizes", oddTerminals},
		{90, "nobody reads standard output", unread},
		{91, "no terminal", noTerminal},
		{92, "a dumb terminal", func(t *testing.T) { uncoloured(t, "TERM=dumb") }},
		{93, "NO_COLOR", func(t *testing.T) { uncoloured(t, "NO_COLOR=1") }},
	}
}

// long is an assessment that goes on until it is ended.
func long(url string, flags ...string) *run {
	return assess(url, append([]string{"--max-requests", "100000"}, flags...)...)
}

// awaitRequests waits until the server has read n requests.
func awaitRequests(t *testing.T, s *rogue.Server, n int) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s.Requests() < n {
		select {
		case <-deadline.C:
			t.Fatalf("the server read %d requests, waited for %d", s.Requests(), n)
		case <-tick.C:
		}
	}
}

// lasting limits for so long that a run goes on until it is ended.
func lasting() rogue.Answer {
	return rogue.Window(40, time.Hour, rogue.Say(rogue.OK), refused())
}

// background starts a run and returns what waits for its end.
func (r *run) background(t *testing.T) (*os.Process, func() outcome) {
	t.Helper()
	c := r.command(t)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c.Process, func() outcome { return r.end(t, c, &stdout, &stderr) }
}

// A signal ends the sending; everything sent is kept and summarised. A second
// one ends what is in flight as well.
func signalled(t *testing.T, code int, signals ...syscall.Signal) {
	answer := lasting()
	if len(signals) > 1 {
		answer = rogue.From(20, rogue.Say(rogue.OK), rogue.SayAndWait(""))
	}
	s := start(t, rogue.Options{}, answer)
	r := long(s.URL())
	p, end := r.background(t)
	awaitRequests(t, s, 20)
	for i, sig := range signals {
		if i > 0 { // two of one kind would become one
			time.Sleep(100 * time.Millisecond)
		}
		if err := p.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	o := end()
	c := o.check(t, s.Requests(), code)
	if c.reason != "interrupted" || c.intents < 20 || s.Requests() != c.intents {
		t.Errorf("reason %q; %d requests in the trace, %d at the server", c.reason, c.intents, s.Requests())
	}
	if !json.Valid(o.stdout) || o.file(t, "r.md") == "" {
		t.Errorf("no verdict or no report:\n%s", o.stdout)
	}
	o.says(t, "trace: t.ndjson")
}

// A terminal that closes is SIGHUP, and every write to it fails.
func terminalClosed(t *testing.T) {
	for _, command := range []string{"probe", "tui"} {
		s := start(t, rogue.Options{}, lasting())
		r := long(s.URL())
		if r.args[0] = command; command == "tui" {
			r.without("--output")
		}
		scr := r.show(t, 24, 80)
		awaitRequests(t, s, 20)
		_ = scr.TTY.Close()
		scr.end(t).check(t, s.Requests(), 129)
	}
}

// without takes a flag and its value out of the arguments.
func (r *run) without(flag string) {
	i := slices.Index(r.args, flag)
	r.args = slices.Delete(r.args, i, i+2)
}

// A kill at any moment loses no request that the server saw.
func killed(t *testing.T) {
	for i := range 5 {
		s := start(t, rogue.Options{}, lasting())
		r := long(s.URL())
		p, _ := r.background(t)
		awaitRequests(t, s, 1+8*i)
		if err := p.Kill(); err != nil {
			t.Fatal(err)
		}
		_, _ = p.Wait()
		s.Close() // what was on its way is read first, or lost to both
		path := filepath.Join(r.dir, "t.ndjson")
		torn := strings.TrimSuffix(string(must(os.ReadFile(path))), "\n")
		if i := strings.LastIndex(torn, "\n"); !strings.HasSuffix(torn, "}") {
			torn = torn[:i]
		}
		whole := filepath.Join(t.TempDir(), "t.ndjson")
		if err := os.WriteFile(whole, []byte(torn+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c := count(t, whole)
		if s.Requests() > c.intents || c.ended {
			t.Errorf("the server read %d requests, the trace holds %d; it has an end: %v", s.Requests(), c.intents, c.ended)
		}
		o := (&run{args: []string{"report", path}, dir: r.dir}).do(t)
		o.hygiene(t)
		if !strings.Contains(string(o.stdout), "INCOMPLETE") {
			t.Errorf("the report does not say that the trace is incomplete:\n%s", o.stdout)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// arrivals notes when requests come in.
type arrivals struct {
	mu sync.Mutex
	at []time.Time
}

func (a *arrivals) answer(x *rogue.Exchange) bool {
	a.mu.Lock()
	a.at = append(a.at, time.Now())
	a.mu.Unlock()
	return rogue.Say(rogue.OK)(x)
}

// most is the most arrivals within any span.
func (a *arrivals) most(span time.Duration) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	best, from := 0, 0
	for i, at := range a.at {
		for at.Sub(a.at[from]) >= span {
			from++
		}
		best = max(best, i-from+1)
	}
	return best
}

// A program that stood still catches up on nothing: what it could not send in
// time is marked or left out, and the ceiling holds when it wakes.
func stopped(t *testing.T) {
	var a arrivals
	s := start(t, rogue.Options{}, a.answer)
	r := long(s.URL(), "--max-rps", "40", "--max-requests", "150")
	p, end := r.background(t)
	awaitRequests(t, s, 10)
	raise(t, p, syscall.SIGSTOP)
	time.Sleep(1500 * time.Millisecond) // is the fault itself
	raise(t, p, syscall.SIGCONT)
	end().check(t, s.Requests(), exitOK, exitInconclusive)
	// What was not sent in 1.5 s is half as much again as may be sent in one. On a
	// busy machine requests are read closer together than they were sent.
	if n := a.most(500 * time.Millisecond); n > 40 {
		t.Errorf("%d requests arrived within half a second, 40 were allowed in a whole one", n)
	}
}

func raise(t *testing.T, p *os.Process, sig syscall.Signal) {
	t.Helper()
	if err := p.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// A screen that is suspended gives the terminal back, and comes back with it.
func suspended(t *testing.T) {
	for _, suspend := range []func(*screen){
		func(s *screen) { s.Press(t, "\x1a") },
		func(s *screen) { s.Mark(); raise(t, s.program(t), syscall.SIGTSTP) },
	} {
		s := start(t, rogue.Options{}, lasting())
		r := long(s.URL())
		r.args[0] = "tui"
		r.without("--output")
		scr := r.showInShell(t, 24, 80)
		scr.Await(t, "[2 Live]")
		for range 2 { // the second time as well
			suspend(scr)
			scr.Await(t, "\x1b[?1049l")
			awaitState(t, scr.program(t).Pid, 'T')
			scr.Press(t, "\r")
			scr.Await(t, "[2 Live]")
		}
		scr.Press(t, "\x03")
		scr.Await(t, "save report")
		scr.Press(t, "q")
		o := scr.end(t)
		if !strings.Contains(o.left, "socket:") {
			o.left = "" // Bubble Tea keeps a poller and a pipe for each time
		}
		o.check(t, s.Requests(), 130)
	}
}

// awaitState waits until the kernel says that a process is in a state.
func awaitState(t *testing.T, pid int, state byte) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		b := must(os.ReadFile(filepath.Join("/proc", itoa(pid), "stat")))
		if i := bytes.LastIndexByte(b, ')'); b[i+2] == state {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d is not in state %c: %s", pid, state, b)
		}
	}
}

// The terminal changes its size all the time.
func sizes(t *testing.T) {
	s := start(t, rogue.Options{}, lasting())
	r := long(s.URL())
	r.args[0] = "tui"
	r.without("--output")
	scr := r.show(t, 24, 80)
	scr.Await(t, "[2 Live]")
	for i := range 300 {
		if err := pty.Setsize(scr.TTY, &pty.Winsize{Rows: uint16(1 + i%60), Cols: uint16(1 + i*7%200)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := pty.Setsize(scr.TTY, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	scr.Mark()
	scr.Await(t, "[2 Live]")
	scr.Press(t, "\x03")
	scr.Await(t, "save report")
	scr.Press(t, "q")
	scr.end(t).check(t, s.Requests(), 130)
}

func oddTerminals(t *testing.T) {
	for _, size := range [][2]uint16{{1, 1}, {5, 20}, {200, 500}} {
		s := start(t, rogue.Options{}, lasting())
		r := long(s.URL())
		r.args[0] = "tui"
		r.without("--output")
		scr := r.show(t, size[0], size[1])
		awaitRequests(t, s, 20)
		for _, key := range []string{"1", "3", "4", "5", "?", "?", "2", "\x03"} {
			scr.Press(t, key)
		}
		// The screen may be too small to say when the run is over: a signal ends
		// the run and the screen.
		raise(t, scr.Process, syscall.SIGTERM)
		scr.end(t).check(t, s.Requests(), 130, 143)
	}
}

// A reader that has left costs its output, not the run.
func unread(t *testing.T) {
	s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
	r := assess(s.URL(), "--output", "ndjson")
	c := r.command(t)
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
	var stderr, none bytes.Buffer
	c.Stdout, c.Stderr = out, &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	out.Close()
	o := r.end(t, c, &none, &stderr)
	o.check(t, s.Requests(), exitRuntime)
	o.says(t, "cannot be printed")
}

func noTerminal(t *testing.T) {
	s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
	for _, args := range [][]string{{}, {"tui", s.URL()}, {"tui"}} {
		o := (&run{args: args}).do(t)
		o.check(t, s.Requests(), exitUsage)
		if len(o.stdout) != 0 || len(o.stderr) == 0 {
			t.Errorf("%q: %q on standard output, %q on standard error", args, o.stdout, o.stderr)
		}
	}
	o := assess(s.URL(), "--output", "plain").do(t)
	o.check(t, s.Requests(), exitInconclusive)
	if s.Requests() == 0 || len(o.stdout) == 0 {
		t.Error("without a terminal nothing was assessed")
	}
}

// A terminal that wants no colour gets none, nor any other sequence.
func uncoloured(t *testing.T, env string) {
	s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
	r := assess(s.URL(), "--output", "plain")
	r.env = append(r.env, env)
	scr := r.show(t, 24, 80)
	o := scr.end(t)
	o.check(t, s.Requests(), exitInconclusive)
	if strings.Contains(scr.Text(), "\x1b") {
		t.Errorf("%q", scr.Text())
	}
}
