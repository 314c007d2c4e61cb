package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"apisonde/probe/trace"

	"github.com/google/go-cmp/cmp"
)

// lines seals records as a writer would, numbering them.
func lines(t testing.TB, records ...record) string {
	t.Helper()
	var b strings.Builder
	for i, r := range records {
		r.Line = i + 1
		l, err := seal(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(l)
	}
	return b.String()
}

func opening() record {
	return record{Type: recordMeta, Format: Format, Meta: &trace.Meta{Roster: trace.Roster{Vantages: []string{"a"}, Routes: []string{"/"}}}}
}

func obs(kind string, o trace.Observation) record { return record{Type: kind, Obs: &o} }

// Sealed lines can be forged by whoever writes the file.
func TestFiguresThatCannotBe(t *testing.T) {
	t.Parallel()
	in := func(o trace.Observation) []record { return []record{opening(), obs(recordIntent, o)} }
	newer := opening()
	newer.Format = "apisonde/trace/v2"
	other := opening()
	other.Format = "apisonde/trace/v\x1b[31m"
	bare := opening()
	bare.Meta = &trace.Meta{}
	owing := opening()
	owing.Meta = &trace.Meta{Roster: opening().Meta.Roster, Budget: trace.Budget{MaxRequests: -1}}
	for name, tc := range map[string]struct {
		records []record
		says    string
	}{
		"a newer format":       {[]record{newer}, "apisonde/trace/v2, newer than apisonde/trace/v1"},
		"an odd format":        {[]record{other}, `\\u{1b}`},
		"no roster":            {[]record{bare}, "no vantage"},
		"a negative budget":    {[]record{owing}, "negative"},
		"two openings":         {[]record{opening(), opening()}, "no place here"},
		"an unknown record":    {[]record{opening(), {Type: "note"}}, `"note" has no place`},
		"an intent of nothing": {[]record{opening(), {Type: recordIntent}}, "no place"},
		"sequence zero":        {in(trace.Observation{}), "cannot be"},
		"a gap":                {in(trace.Observation{Seq: 2}), "request 2 follows request 0"},
		"a negative offset":    {in(trace.Observation{Seq: 1, Planned: -1}), "cannot be"},
		"a status of 1000":     {in(trace.Observation{Seq: 1, Status: 1000}), "cannot be"},
		"an outcome first":     {[]record{opening(), obs(recordOutcome, trace.Observation{Seq: 1})}, "not under way"},
		"two outcomes": {[]record{opening(), obs(recordIntent, trace.Observation{Seq: 1}),
			obs(recordOutcome, trace.Observation{Seq: 1}), obs(recordOutcome, trace.Observation{Seq: 1})}, "line 4: request 1 ends"},
		"answered before sent": {[]record{opening(), obs(recordIntent, trace.Observation{Seq: 1}),
			obs(recordOutcome, trace.Observation{Seq: 1, Written: 5, FirstByte: 4})}, "before it was sent"},
		"a negative end":                    {[]record{opening(), {Type: recordEnd, End: &trace.End{At: -1}}}, "negative"},
		"a resumption of the past":          {append(in(trace.Observation{Seq: 1, Planned: 5}), record{Type: recordResume, Resume: &trace.Resumption{At: 4}}), "before the latest"},
		"a resumption of debts":             {[]record{opening(), {Type: recordResume, Resume: &trace.Resumption{Budget: trace.Budget{MaxRate: -1}}}}, "negative"},
		"a lease of the past":               {append(in(trace.Observation{Seq: 1}), record{Type: recordLease, Lease: &lease{0}}), "allows nothing"},
		"a lease without measure":           {[]record{opening(), {Type: recordLease, Lease: &lease{1 << 50}}}, "allows nothing"},
		"an outcome of a part that is over": {append(in(trace.Observation{Seq: 1}), record{Type: recordResume, Resume: &trace.Resumption{}}, obs(recordOutcome, trace.Observation{Seq: 1})), "not under way"},
		"a record behind it":                {[]record{opening(), {Type: recordEnd, End: &trace.End{}}, obs(recordIntent, trace.Observation{Seq: 1})}, "follows the end"},
	} {
		_, err := Read(strings.NewReader(lines(t, tc.records...)))
		if err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: error %v does not say %q", name, err, tc.says)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\x1b\x07") {
			t.Errorf("%s: the error holds escapes", name)
		}
	}
}

func TestEveryStringIsCleaned(t *testing.T) {
	t.Parallel()
	const bad = "a\x1b[31mb\u202ec\u009bd\u200be"
	o := opening()
	o.Meta = &trace.Meta{
		Tool: bad, Target: trace.Target{Method: bad, URL: bad},
		Roster: trace.Roster{Vantages: []string{bad}, Keys: []trace.Key{{Name: bad, Owner: bad}}, Users: []string{bad}, Forwarded: []string{bad}, Routes: []string{bad}},
	}
	whole := trace.Observation{
		Seq: 1, Identity: trace.Identity{Vantage: bad, Key: bad, Owner: bad, User: bad, Forwarded: bad}, Route: bad,
		Headers: []trace.Header{{Name: bad, Value: bad}}, Body: trace.Body{Digest: bad, Text: bad}, Fault: bad,
	}
	got, err := Read(strings.NewReader(lines(t, o, obs(recordIntent, whole), obs(recordOutcome, whole),
		record{Type: recordResume, Resume: &trace.Resumption{Tool: bad}}, record{Type: recordEnd, End: &trace.End{Reason: bad}})))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	// JSON itself would escape the escape.
	if s := string(b); strings.Contains(s, `\u001b`) || strings.ContainsAny(s, "\u202e\u009b\u200b") {
		t.Errorf("hostile text was left: %s", s)
	}
	if n := bytes.Count(b, []byte(`31mb`)); n != 22 {
		t.Errorf("%d strings were read, want 22: %s", n, b)
	}
}

// disk is a file that can be full or broken.
type disk struct {
	bytes.Buffer
	room     int   // bytes that fit
	syncFail error // of Sync
	syncs    int
	closed   bool
}

func (d *disk) Write(p []byte) (int, error) {
	if free := d.room - d.Len(); len(p) > free {
		n, _ := d.Buffer.Write(p[:max(free, 0)])
		return n, syscall.ENOSPC
	}
	return d.Buffer.Write(p)
}

func (d *disk) Sync() error            { d.syncs++; return d.syncFail }
func (d *disk) Truncate(n int64) error { d.Buffer.Truncate(int(n)); return nil }
func (d *disk) Close() error           { d.closed = true; return nil }

// opened is a writer that has opened a trace on d.
func opened(d *disk, m trace.Meta) (*Writer, error) {
	w := newWriter(d)
	return w, w.begin(record{Type: recordMeta, Format: Format, Meta: utc(m)})
}

// Wherever the disk fills up, what was acknowledged is read back and nothing
// more is accepted; of requests that were to leave together, none is.
func TestDiskFullAtEveryByte(t *testing.T) {
	t.Parallel()
	m := *opening().Meta
	whole := &disk{room: 1 << 20}
	w, err := opened(whole, m)
	if err != nil {
		t.Fatal(err)
	}
	first := whole.Len()
	for i := 1; i <= 5; i += 2 {
		_ = w.Intent(trace.Observation{Seq: i}, trace.Observation{Seq: i + 1})
		_ = w.Outcome(trace.Observation{Seq: i, Status: 200})
	}
	_ = w.Close(trace.End{})
	for room := first; room < whole.Len(); room++ {
		d := &disk{room: room}
		w, err := opened(d, m)
		if err != nil {
			t.Fatal(err)
		}
		acknowledged := 0
		for i := 1; i <= 5; i += 2 {
			if w.Intent(trace.Observation{Seq: i}, trace.Observation{Seq: i + 1}) != nil {
				break
			}
			acknowledged += 2
			if w.Outcome(trace.Observation{Seq: i, Status: 200}) != nil {
				break
			}
		}
		if err := w.Close(trace.End{}); !errors.Is(err, syscall.ENOSPC) || !d.closed {
			t.Fatalf("room for %d: closing gave %v", room, err)
		}
		if w.Intent(trace.Observation{Seq: 9}) == nil {
			t.Fatalf("room for %d: writing went on", room)
		}
		got, err := Read(bytes.NewReader(d.Bytes()))
		if err != nil || len(got.Observations) != acknowledged || got.End != nil {
			t.Fatalf("room for %d: read %d of %d requests, %v", room, len(got.Observations), acknowledged, err)
		}
	}
	if _, err := opened(&disk{room: first - 1}, m); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("no room for the first line: %v", err)
	}
}

func TestSyncingFollowsWritingAndItsErrorIsFinal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{room: 1 << 20}
		w, err := opened(d, *opening().Meta)
		if err != nil {
			t.Fatal(err)
		}
		wait := func() { time.Sleep(time.Second + time.Millisecond); synctest.Wait() }
		if wait(); d.syncs != 1 {
			t.Errorf("%d syncs with nothing written, want the first alone", d.syncs)
		}
		_ = w.Intent(trace.Observation{Seq: 1})
		if wait(); d.syncs != 2 {
			t.Errorf("%d syncs after one line, want 2", d.syncs)
		}
		d.syncFail = syscall.EIO
		_ = w.Outcome(trace.Observation{Seq: 1})
		wait()
		if err := w.Intent(trace.Observation{Seq: 2}); !errors.Is(err, syscall.EIO) {
			t.Errorf("writing after a failed sync: %v", err)
		}
		if err := w.Close(trace.End{}); !errors.Is(err, syscall.EIO) || d.syncs != 3 {
			t.Errorf("closing: %v after %d syncs, want EIO after 3", err, d.syncs)
		}
	})
}

// FuzzRead reads foreign bytes: no panic, no control character, no time that
// runs backwards; and what is read can be written and read again unchanged.
func FuzzRead(f *testing.F) {
	good := lines(f, opening(),
		obs(recordIntent, trace.Observation{Seq: 1, Route: "/"}),
		obs(recordOutcome, trace.Observation{Seq: 1, Written: 1, FirstByte: 2, Done: 3, Status: 429, Body: trace.Body{Text: "x"}}),
		obs(recordIntent, trace.Observation{Seq: 2}),
		record{Type: recordLease, Lease: &lease{4}},
		record{Type: recordEnd, End: &trace.End{Reason: "budget"}},
		record{Type: recordResume, Resume: &trace.Resumption{At: 9}},
		record{Type: recordLease, Lease: &lease{4}})
	f.Add([]byte(good))
	f.Add([]byte(good[:len(good)-10]))
	f.Add([]byte("{}\n{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		read(t, b)
		// The same as records whose checksums hold, so that what lies behind
		// them is reached.
		var sealed []byte
		for i, l := range bytes.Split(b, []byte("\n")) {
			var r record
			if cut := len(l) - crcLen; cut > 0 {
				l = append(l[:cut:cut], '}')
			}
			if json.Unmarshal(l, &r) != nil {
				continue
			}
			r.Line = i + 1
			if s, err := seal(nil, r); err == nil {
				sealed = append(sealed, s...)
			}
		}
		read(t, sealed)
	})
}

func read(t *testing.T, b []byte) {
	got, err := Read(bytes.NewReader(b))
	if err != nil {
		return
	}
	records := []record{{Type: recordMeta, Format: Format, Meta: &got.Meta}}
	for _, o := range got.Observations {
		if o.Written < 0 || o.FirstByte != 0 && o.FirstByte < o.Written {
			t.Fatalf("read %+v", o)
		}
		if string(trace.Clean(o.Route)) != o.Route || trace.Clean(string(o.Body.Text)) != o.Body.Text {
			t.Fatalf("hostile text in %+v", o)
		}
		records = append(records, obs(recordIntent, o), obs(recordOutcome, o))
	}
	if got.Lost > 0 || len(got.Resumptions) > 0 {
		return // what began when is not told by the trace's values alone
	}
	if got.End != nil {
		records = append(records, record{Type: recordEnd, End: got.End})
	}
	again, err := Read(strings.NewReader(lines(t, records...)))
	if err != nil {
		t.Fatalf("what was read cannot be read again: %v", err)
	}
	got.Damage, again.Damage = nil, nil
	if d := cmp.Diff(got, again); d != "" {
		t.Fatalf("reading again differs:\n%s", d)
	}
}
