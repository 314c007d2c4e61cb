package journal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"apisonde/probe/journal"
	"apisonde/probe/trace"

	"github.com/google/go-cmp/cmp"
)

func save(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.ndjson")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var later = trace.Resumption{Tool: "0.2.0", Started: meta.Started.Add(time.Hour), At: time.Hour, Budget: trace.Budget{MaxRequests: 99, MaxInflight: 1}}

// Wherever a crash cut a trace, it is resumed behind its last whole record, and
// read as one.
func TestResumedWhereverItWasCut(t *testing.T) {
	t.Parallel()
	b, _ := write(t, 3, 0, &trace.End{Reason: "budget", At: time.Second, Requests: 3})
	var cuts []int // around every newline, where it matters, and within lines
	for i, c := range b {
		if c == '\n' {
			cuts = append(cuts, i, i+1, min(i+2, len(b)), min(i+60, len(b)))
		}
	}
	for _, cut := range cuts {
		path := save(t, b[:cut])
		p, err := journal.Reopen(path)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		before := p.Trace
		w, err := p.Resume(later)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		o := observation(len(before.Observations) + 1)
		if err := w.Intent(o); err != nil {
			t.Fatal(err)
		}
		if err := w.Outcome(o); err != nil {
			t.Fatal(err)
		}
		end := trace.End{At: 2 * time.Hour, Requests: o.Seq, Ended: meta.Started.Add(2 * time.Hour)}
		if err := w.Close(end); err != nil {
			t.Fatal(err)
		}
		got, err := w.Trace()
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		want := before
		want.Meta.Budget = later.Budget
		want.Observations = append(want.Observations, o)
		want.Resumptions, want.End = []trace.Resumption{later}, &end
		want.Damage, got.Damage = nil, nil // the torn line is gone
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("cut at %d (-want +got):\n%s", cut, d)
		}
		if _, err := w.Trace(); err == nil {
			t.Fatal("a trace was read back twice")
		}
	}
}

// What a lease allowed counts as sent unless the run ended in order.
func TestALeaseThatACrashLeft(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "t.ndjson")
	w, err := journal.Create(path, meta)
	if err != nil {
		t.Fatal(err)
	}
	o := observation(1)
	for _, err := range []error{w.Lease(8), w.Intent(o), w.Outcome(o)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	crashed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(trace.End{Requests: 1}); err != nil {
		t.Fatal(err)
	}
	if got, err := journal.Open(path); err != nil || got.Lost != 0 || got.Damage != nil {
		t.Errorf("ended in order, %d requests are lost, damage %q, %v", got.Lost, got.Damage, err)
	}
	path = save(t, crashed)
	p, err := journal.Reopen(path)
	if err != nil {
		t.Fatal(err)
	}
	if p.Trace.Lost != 7 || len(p.Trace.Damage) != 1 || !strings.Contains(p.Trace.Damage[0], "7 requests") {
		t.Errorf("%d requests are lost, want 7; damage %q", p.Trace.Lost, p.Trace.Damage)
	}
	// A second crash adds to the first.
	if w, err = p.Resume(later); err != nil {
		t.Fatal(err)
	}
	if err := w.Lease(3); err != nil {
		t.Fatal(err)
	}
	if got, err := journal.Open(path); err != nil || got.Lost != 9 {
		t.Errorf("%d requests are lost, want 9; %v", got.Lost, err)
	}
	_ = w.Close(trace.End{})
}

func TestATraceIsWrittenByOneRunAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "t.ndjson")
	w, err := journal.Create(path, meta)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Reopen(path); err == nil || !strings.Contains(err.Error(), "another run") {
		t.Errorf("a trace that is being written was reopened: %v", err)
	}
	if err := w.Close(trace.End{}); err != nil {
		t.Fatal(err)
	}
	p, err := journal.Reopen(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Reopen(path); err == nil {
		t.Error("two runs would resume one trace")
	}
	p.Release()
	if p, err = journal.Reopen(path); err != nil {
		t.Fatal(err)
	}
	p.Release()
}

func TestWhatCannotBeResumed(t *testing.T) {
	t.Parallel()
	b, _ := write(t, 2, 0, &trace.End{})
	for name, tc := range map[string]struct{ text, says string }{
		"a newer format": {strings.Replace(string(b), "trace/v1", "trace/v2", 1), "apisonde/trace/v2, newer than"},
		"no trace":       {"hello\n", "not a trace"},
		"damage within":  {strings.Replace(string(b), `"seq":2`, `"seq":3`, 1), "its checksum"},
	} {
		path := save(t, []byte(tc.text))
		if _, err := journal.Reopen(path); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v does not say %q", name, err, tc.says)
		}
		if after, _ := os.ReadFile(path); string(after) != tc.text {
			t.Errorf("%s: the file was changed", name)
		}
	}
	if _, err := journal.Reopen(t.TempDir()); err == nil {
		t.Error("a folder was reopened")
	}
}

// Nothing is sent whose record nobody would find; what was recorded is still read.
func TestATraceThatIsTakenAway(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]func(path string) error{
		"deleted":  os.Remove,
		"moved":    func(p string) error { return os.Rename(p, p+".old") },
		"replaced": func(p string) error { return os.Rename(save(t, []byte("x")), p) },
	} {
		path := filepath.Join(t.TempDir(), "t.ndjson")
		w, err := journal.Create(path, meta)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Intent(observation(1)); err != nil {
			t.Fatal(err)
		}
		if err := take(path); err != nil {
			t.Fatal(err)
		}
		if err := w.Intent(observation(2)); err == nil || !strings.Contains(err.Error(), "deleted, moved or replaced") {
			t.Errorf("%s: a request would be sent: %v", name, err)
		}
		if err := w.Close(trace.End{}); err == nil {
			t.Errorf("%s: closing says nothing", name)
		}
		if got, err := w.Trace(); err != nil || len(got.Observations) != 1 || got.End != nil {
			t.Errorf("%s: read back %s, %v", name, fmt.Sprint(got.Observations), err)
		}
	}
}
