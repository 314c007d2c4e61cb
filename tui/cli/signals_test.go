package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"apisonde/analyze/verdict"
	"apisonde/probe/journal"
	"apisonde/probe/lab"
	"apisonde/probe/lab/limit"
)

func practice(t *testing.T, specs ...string) *lab.Server {
	t.Helper()
	stack, err := limit.Parse(specs)
	if err != nil {
		t.Fatal(err)
	}
	s, err := lab.Listen(t.Context(), "127.0.0.1:0", stack, lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// awaitRequests waits until the server has seen n requests.
func awaitRequests(t *testing.T, s *lab.Server, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for s.Total() < n {
		select {
		case <-ctx.Done():
			t.Fatalf("the server saw %d requests, waited for %d", s.Total(), n)
		case <-tick.C:
		}
	}
}

// A signal in mid-run stops the sending and keeps everything: the summary is
// printed, and the trace counts what the server counted.
func TestSignals(t *testing.T) {
	t.Parallel()
	// Signals that were ignored when a program started stay so; the tests may be
	// run under nohup, the programs in them are not.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(caught) })
	for _, c := range []struct {
		signal syscall.Signal
		code   int
	}{{syscall.SIGINT, 130}, {syscall.SIGTERM, 143}, {syscall.SIGHUP, 129}} {
		t.Run(c.signal.String(), func(t *testing.T) {
			t.Parallel()
			server := practice(t, "fixed-window,limit=30,window=60s,by=key")
			p := program(t, "probe", server.URL(), "--key", "literal:one", "--yes", "--trace", "t.ndjson", "--report", "r.md", "--output", "json")
			end := start(t, p)
			awaitRequests(t, server, 20)
			if err := p.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			o := end()
			if o.code != c.code {
				t.Errorf("exit %d, want %d\n%s", o.code, c.code, &o.stderr)
			}
			var v verdict.Verdict
			if err := json.Unmarshal(o.stdout.Bytes(), &v); err != nil {
				t.Fatalf("standard output is not one document: %v", err)
			}
			if v.StopReason == nil || *v.StopReason != "interrupted" {
				t.Errorf("stop reason %v, want interrupted", v.StopReason)
			}
			checkTrace(t, p, server.Total(), true)
			if !strings.Contains(o.stderr.String(), "trace: t.ndjson") {
				t.Errorf("the trace's path is not told:\n%s", &o.stderr)
			}
			if _, err := os.Stat(filepath.Join(p.Dir, "r.md")); err != nil {
				t.Errorf("no report: %v", err)
			}
		})
	}
}

// checkTrace sees that the run's trace holds so many requests and that analyze and
// report read it.
func checkTrace(t *testing.T, p *exec.Cmd, requests int, ended bool) {
	t.Helper()
	path := filepath.Join(p.Dir, "t.ndjson")
	tr, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.Observations) != requests {
		t.Errorf("the trace holds %d requests, the server saw %d", len(tr.Observations), requests)
	}
	if (tr.End != nil) != ended {
		t.Errorf("the trace's end is %v", tr.End)
	}
	for _, command := range []string{"analyze", "report"} {
		if o := start(t, program(t, command, path))(); !slices.Contains([]int{exitOK, exitInconclusive}, o.code) || o.stdout.Len() == 0 {
			t.Errorf("%s: exit %d\n%s", command, o.code, &o.stderr)
		}
	}
}

// A second signal ends at once what the first waits for.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	server := practice(t, "token-bucket,rate=100,burst=100,latency=25s")
	p := program(t, "probe", server.URL(), "--yes", "--trace", "t.ndjson", "--output", "json")
	end := start(t, p)
	awaitRequests(t, server, 1)
	begun := time.Now()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} { // two of one kind may become one
		if err := p.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	o := end()
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("it took %s to end", took)
	}
	if o.code != 130 && o.code != 143 {
		t.Errorf("exit %d, want that of a signal\n%s", o.code, &o.stderr)
	}
	checkTrace(t, p, server.Total(), true)
}

// Whatever kills the program, what was sent stands in the trace.
func TestKilled(t *testing.T) {
	t.Parallel()
	server := practice(t, "fixed-window,limit=30,window=60s,by=key")
	p := program(t, "probe", server.URL(), "--yes", "--trace", "t.ndjson")
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	awaitRequests(t, server, 10)
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait() // killed: always an error
	tr, err := journal.Open(filepath.Join(p.Dir, "t.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	// An intent is journalled before its request leaves, so the kill may fall between.
	if n := len(tr.Observations); n != server.Total() && n != server.Total()+1 {
		t.Errorf("the trace holds %d requests, the server saw %d", n, server.Total())
	}
	checkTrace(t, p, len(tr.Observations), false)
}

// A reader that leaves costs its output, not the run.
func TestClosedPipe(t *testing.T) {
	t.Parallel()
	server := practice(t, "none")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	p := program(t, "probe", server.URL(), "--yes", "--max-requests", "8", "--trace", "t.ndjson", "--output", "ndjson")
	p.Stdout = w
	end := start(t, p)
	w.Close()
	if o := end(); o.code != exitRuntime || !strings.Contains(o.stderr.String(), "cannot be printed") {
		t.Errorf("exit %d, want %d\n%s", o.code, exitRuntime, &o.stderr)
	}
	checkTrace(t, p, server.Total(), true)
}

// The practice server runs until a signal, and says where it is and what it served.
func TestLabRunsUntilSignal(t *testing.T) {
	t.Parallel()
	p := program(t, "lab", "--listen", "127.0.0.1:0", "--limiter", "none")
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stdout = in
	end := start(t, p)
	in.Close()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if o := end(); o.code != 143 || !strings.Contains(o.stderr.String(), "1 requests were received") {
		t.Errorf("exit %d\n%s", o.code, &o.stderr)
	}
}
