package journal_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"apisonde/probe/journal"
	"apisonde/probe/trace"

	"github.com/google/go-cmp/cmp"
)

var meta = trace.Meta{
	Tool: "0.1.0", Target: trace.Target{Method: "GET", URL: "http://127.0.0.1:8080/v1"},
	Started: time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC), Seed: 1<<63 + 7,
	Roster: trace.Roster{Vantages: []string{"a"}, Keys: []trace.Key{{Name: "k1", Owner: "alice"}}, Users: []string{"u"}, Forwarded: []string{"f"}, Routes: []string{"/v1", "/v2"}},
	Budget: trace.Budget{MaxRequests: 10, MaxDuration: time.Minute, MaxRate: 5, MaxInflight: 2, MaxRejections: 3}, Loopback: true,
}

// observation is the n-th of a run, with everything in it.
func observation(n int) trace.Observation {
	at := time.Duration(n) * time.Millisecond
	o := trace.Observation{
		Seq: n, Step: n / 3, Identity: trace.Identity{Vantage: "a", Key: "k1", Owner: "alice", User: "u", Forwarded: "f"},
		Route: "/v1", Conn: n%4 + 1, Planned: at, Written: at + 10, FirstByte: at + 20, Done: at + 30, Late: n%5 == 0,
		Status: 200, Headers: []trace.Header{{Name: "X-Ratelimit-Remaining", Value: `"<é>"`}},
		Body: trace.Body{Bytes: 3, Digest: "0011223344556677"},
	}
	switch n % 4 {
	case 1:
		o.Status, o.Body.Text = 429, `{"error":"slow <down>"}`
	case 2:
		o.Status, o.Headers, o.Body, o.FirstByte, o.Done, o.Fault = 0, nil, trace.Body{}, 0, 0, trace.FaultReset
	}
	return o
}

func intent(o trace.Observation) trace.Observation {
	return trace.Observation{Seq: o.Seq, Step: o.Step, Identity: o.Identity, Route: o.Route, Conn: o.Conn, Planned: o.Planned}
}

// write makes a trace of n requests, of which the last open ones have no
// outcome, and returns its bytes.
func write(t testing.TB, n, open int, end *trace.End) ([]byte, trace.Trace) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.ndjson")
	w, err := journal.Create(path, meta)
	if err != nil {
		t.Fatal(err)
	}
	want := trace.Trace{Meta: meta, End: end}
	for i := 1; i <= n; i++ {
		o := observation(i)
		if err := w.Intent(o); err != nil {
			t.Fatal(err)
		}
		if i <= n-open {
			if err := w.Outcome(o); err != nil {
				t.Fatal(err)
			}
		} else {
			o = intent(o)
			o.Fault = trace.FaultUnknown
		}
		want.Observations = append(want.Observations, o)
	}
	if end != nil {
		if err := w.Close(*end); err != nil {
			t.Fatal(err)
		}
	} else {
		t.Cleanup(func() { _ = w.Close(trace.End{}) })
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b, want
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	b, want := write(t, 30, 0, &trace.End{Reason: "budget", At: time.Second, Requests: 30})
	got, err := journal.Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-written +read):\n%s", d)
	}
	if !journal.Is(b) || journal.Is([]byte(`{"log":{"version":"1.2"}}`)) {
		t.Error("traces are not told from other files")
	}
}

func TestAnUnfinishedTrace(t *testing.T) {
	t.Parallel()
	b, want := write(t, 9, 2, nil)
	got, err := journal.Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	want.Damage = []string{"2 requests were sent whose outcome was not recorded"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-written +read):\n%s", d)
	}
}

// Wherever a crash cuts a trace, every line before the cut is read, nothing is
// made up, and the cut is told.
func TestTruncatedAtEveryByte(t *testing.T) {
	t.Parallel()
	b, want := write(t, 24, 0, &trace.End{Requests: 24})
	lines := bytes.SplitAfter(b, []byte("\n"))
	if len(lines) != 51 || len(lines[50]) != 0 {
		t.Fatalf("the trace has %d lines, not 50", len(lines)-1)
	}
	first := len(lines[0])
	for cut := range len(b) {
		got, err := journal.Read(bytes.NewReader(b[:cut]))
		if cut < first-1 {
			if !errors.Is(err, journal.ErrFormat) {
				t.Fatalf("cut at %d, within the first line: error %v", cut, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		whole := bytes.Count(b[:cut], []byte("\n"))
		rest := b[bytes.LastIndexByte(b[:cut], '\n')+1 : cut]
		if len(rest) > 0 && len(rest) == len(lines[whole])-1 {
			whole, rest = whole+1, nil // all but the newline
		}
		sent := whole / 2 // lines 2, 4, … are intents, 3, 5, … outcomes
		closed := (whole - 1) / 2
		if whole == 50 {
			sent, closed = 24, 24
		}
		if len(got.Observations) != sent {
			t.Fatalf("cut at %d: %d requests, want %d", cut, len(got.Observations), sent)
		}
		for i, o := range got.Observations {
			w := want.Observations[i]
			if i >= closed {
				w = intent(w)
				w.Fault = trace.FaultUnknown
			}
			if d := cmp.Diff(w, o); d != "" {
				t.Fatalf("cut at %d, request %d:\n%s", cut, i+1, d)
			}
		}
		if (got.End != nil) != (whole == 50) {
			t.Fatalf("cut at %d: end %v", cut, got.End)
		}
		torn := strings.Contains(strings.Join(got.Damage, "\n"), "torn")
		if torn != (len(rest) > 0) {
			t.Fatalf("cut at %d, %d bytes of a line: damage %q", cut, len(rest), got.Damage)
		}
	}
}

func TestDamageWithinIsAnErrorThatNamesTheLine(t *testing.T) {
	t.Parallel()
	b, _ := write(t, 5, 0, &trace.End{Requests: 5})
	lines := strings.SplitAfter(strings.TrimSuffix(string(b), "\n"), "\n")
	n := len(lines)
	edit := func(f func(l []string) []string) string {
		return strings.Join(f(append([]string{}, lines...)), "")
	}
	for name, tc := range map[string]struct{ text, says string }{
		"a flipped byte":        {edit(func(l []string) []string { l[3] = strings.Replace(l[3], "alice", "alicf", 1); return l }), "line 4: its checksum"},
		"a missing line":        {edit(func(l []string) []string { return append(l[:4], l[5:]...) }), "line 5: it says that it is line 6"},
		"a doubled line":        {edit(func(l []string) []string { return append(l[:4], l[3:]...) }), "line 5: it says that it is line 4"},
		"an empty line":         {edit(func(l []string) []string { l[2] += "\n"; return l }), "line 4: it is not a record"},
		"no JSON":               {edit(func(l []string) []string { l[2] = "hello\n"; return l }), "line 3: it is not a record"},
		"something behind":      {edit(func(l []string) []string { return append(l, "\n{}\n", "{}\n") }), "line 13"},
		"a line without end":    {edit(func(l []string) []string { l[2] = strings.Repeat("x", 300<<10) + "\n"; return l }), "line 3: it is longer"},
		"a newer format":        {strings.Replace(string(b), "trace/v1", "trace/v2", 1), "apisonde/trace/v2, newer than"},
		"nothing":               {"", "it is empty"},
		"another file":          {`{"log":{"version":"1.2","entries":[]}}`, "not a trace"},
		"a torn line in middle": {edit(func(l []string) []string { l[n-2] = l[n-2][:20] + "\n"; return l }), "line 11: it is not a record"},
	} {
		_, err := journal.Read(strings.NewReader(tc.text))
		if err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: error %v does not say %q", name, err, tc.says)
		}
	}
}

func TestAnExistingFileIsNeverTouched(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "folder")
	path := filepath.Join(dir, "t.ndjson")
	w, err := journal.Create(path, meta)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(trace.End{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(trace.End{}); err != nil {
		t.Errorf("a second close: %v", err)
	}
	for p, want := range map[string]fs.FileMode{path: 0o600, dir: 0o700} {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", p, got, want)
		}
	}
	before, _ := os.ReadFile(path)
	if _, err := journal.Create(path, meta); !errors.Is(err, fs.ErrExist) {
		t.Errorf("creating it again: %v", err)
	}
	link := filepath.Join(dir, "link.ndjson")
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), link); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Create(link, meta); !errors.Is(err, fs.ErrExist) {
		t.Errorf("creating through a link: %v", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file changed")
	}
	if err := w.Intent(observation(1)); err == nil {
		t.Error("a closed trace was written to")
	}
}

func TestWritingFromManyGoroutines(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "t.ndjson")
	w, err := journal.Create(path, meta)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	const n = 200
	for i := 1; i <= n; i++ {
		o := observation(i)
		if err := w.Intent(o); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			if err := w.Outcome(o); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := w.Close(trace.End{Requests: n}); err != nil {
		t.Fatal(err)
	}
	got, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Observations) != n || got.Damage != nil {
		t.Errorf("%d requests, damage %v", len(got.Observations), got.Damage)
	}
}
