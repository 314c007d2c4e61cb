package faulttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"apisonde/probe"
	"apisonde/probe/journal"
	"apisonde/probe/plan"
	"apisonde/probe/rogue"
	"apisonde/probe/send"
	"apisonde/probe/trace"
)

// soaking is the environment variable that has the test binary send for long.
const soaking = "APISONDE_SOAK_RUN"

// soak is such a run: where to, for how long, and where to note what it takes.
type soak struct {
	URL, Trace, Notes string
	Span              time.Duration
}

// soakRate is how many requests a second it sends.
const soakRate = 50

// note is what the process takes at one moment.
type note struct {
	Sent, Resident, Files, Goroutines int
}

// steady asks for soakRate requests in each second until the span is over, one by
// one and in bursts by turns.
type steady struct {
	span time.Duration
	no   int
}

// Observe implements probe.Decider.
func (*steady) Observe(o trace.Observation) trace.Outcome {
	if o.Fault != trace.FaultNone {
		return trace.Ignored
	}
	return trace.Admitted
}

// Next implements probe.Decider.
func (e *steady) Next(now time.Duration) (plan.Step, bool) {
	if now >= e.span {
		return plan.Step{}, false
	}
	e.no++
	step := plan.Step{Width: 1 + 9*(e.no%2)}
	for i := range soakRate {
		step.Sends = append(step.Sends, plan.Send{At: time.Duration(i) * time.Second / soakRate, Identity: trace.Identity{Vantage: "here"}, Route: "/"})
	}
	return step, true
}

// run sends and notes what that takes, twenty times over the span.
func (s soak) run() error {
	u, err := url.Parse(s.URL)
	if err != nil {
		return err
	}
	clock := probe.NewClock()
	sender, err := send.New(send.Config{Request: send.Request{URL: u}, Version: "test", Now: clock.Now})
	if err != nil {
		return err
	}
	defer sender.Close()
	meta := trace.Meta{
		Tool: "test", Target: trace.Target{Method: "GET", URL: s.URL}, Started: clock.Started(), Loopback: true,
		Roster: trace.Roster{Vantages: []string{"here"}, Routes: []string{"/"}},
		Budget: trace.Budget{MaxRequests: 1_000_000, MaxDuration: s.Span + time.Minute, MaxInflight: 64},
	}
	w, err := journal.Create(s.Trace, meta)
	if err != nil {
		return err
	}
	session := probe.NewSession(probe.Config{Meta: meta, Decider: &steady{span: s.Span}, Sender: sender, Journal: w, Clock: clock})
	notes, err := os.Create(s.Notes)
	if err != nil {
		return err
	}
	defer notes.Close()
	over := make(chan struct{})
	go func() {
		tick := time.NewTicker(s.Span / 20)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				_ = json.NewEncoder(notes).Encode(takes(session.Snapshot().Sent)) // a note less shows
			}
		}
	}()
	res := session.Run(context.Background())
	close(over)
	return res.Err
}

// takes reads what the process takes now.
func takes(sent int) note {
	n := note{Sent: sent, Files: len(descriptors()), Goroutines: runtime.NumGoroutine()}
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := strings.Fields(string(b)); len(f) > 1 {
			pages, _ := strconv.Atoi(f[1]) // 0 shows
			n.Resident = pages * os.Getpagesize()
		}
	}
	return n
}

// perRequest is how many bytes of memory a run may keep for each request: what it
// observed is kept until the verdict.
const perRequest = 1 << 10

// A run that lasts takes no more descriptors and goroutines at its end than near
// its beginning, and of memory what its observations take. The long form lasts half
// an hour, or as long as APISONDE_SOAK says.
func TestSoak(t *testing.T) {
	t.Parallel()
	span := 5 * time.Second
	if longForms() {
		span = 30 * time.Minute
	}
	if text := os.Getenv("APISONDE_SOAK"); text != "" {
		var err error
		if span, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
	dir := t.TempDir()
	set := soak{URL: s.URL(), Trace: filepath.Join(dir, "t.ndjson"), Notes: filepath.Join(dir, "notes"), Span: span}
	c := exec.CommandContext(t.Context(), must(os.Executable()))
	c.Env = append(os.Environ(), soaking+"="+string(must(json.Marshal(set))))
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var notes []note
	for d := json.NewDecoder(bytes.NewReader(must(os.ReadFile(set.Notes)))); ; {
		var n note
		if err := d.Decode(&n); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		notes = append(notes, n)
	}
	trace := count(t, set.Trace)
	if trace.intents != s.Requests() || trace.outcomes != trace.intents || !trace.ended {
		t.Errorf("the server read %d requests, the trace holds %d, %d closed; it has an end: %v", s.Requests(), trace.intents, trace.outcomes, trace.ended)
	}
	if len(notes) < 18 {
		t.Fatalf("%d notes were taken, want about 20", len(notes))
	}
	early, late := notes[4], notes[len(notes)-1]
	t.Logf("%v: after %d requests %d KiB, %d descriptors, %d goroutines; after %d: %d KiB, %d, %d",
		span, early.Sent, early.Resident>>10, early.Files, early.Goroutines, late.Sent, late.Resident>>10, late.Files, late.Goroutines)
	// A burst may be under way: ten connections with two goroutines each, and more.
	if late.Files > early.Files+15 || late.Goroutines > early.Goroutines+45 {
		t.Error("descriptors or goroutines pile up")
	}
	if grown := late.Resident - early.Resident; grown > perRequest*(late.Sent-early.Sent)+8<<20 {
		t.Errorf("memory grew by %d KiB over %d requests", grown>>10, late.Sent-early.Sent)
	}
}
