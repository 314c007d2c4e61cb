package probe_test

import (
	"bufio"
	"context"
	"fmt"
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
	"apisonde/probe/trace"
)

// instant is a Sender whose server answers at once, and a Decider that asks for
// so many requests, in sequences and bursts by turns. It keeps nothing.
type instant struct {
	clock probe.Clock
	left  int
	steps int
	over  func() // called when nothing is left
}

func (s *instant) Reserve(context.Context, trace.Identity, bool) (probe.Line, trace.Fault) {
	return s, trace.FaultNone
}
func (s *instant) Conn() int                    { return 1 }
func (s *instant) Alive() bool                  { return true }
func (s *instant) Release()                     {}
func (s *instant) Send(context.Context, string) {}
func (s *instant) Receive() trace.Observation {
	at := s.clock.Now()
	return trace.Observation{
		Conn: 1, Written: at, FirstByte: at + 1, Done: at + 2, Status: 200,
		Headers: []trace.Header{{Name: "X-Ratelimit-Limit", Value: "100"}, {Name: "X-Ratelimit-Remaining", Value: "99"}},
	}
}
func (s *instant) Observe(trace.Observation) trace.Outcome { return trace.Admitted }
func (s *instant) Next(time.Duration) (plan.Step, bool) {
	if s.left <= 0 {
		s.over()
		return plan.Step{}, false
	}
	s.steps++
	step := plan.Step{Width: 1 + 63*(s.steps%2), Sends: make([]plan.Send, min(s.left, 1000))}
	for i := range step.Sends {
		step.Sends[i] = plan.Send{Identity: me, Route: "/"}
	}
	s.left -= len(step.Sends)
	return step, true
}

// unread is a journal that is not read back at the end, which takes memory for
// the whole trace at once.
type unread struct{ *journal.Writer }

func (unread) Trace() (trace.Trace, error) { return trace.Trace{}, nil }

// record runs a session of n requests over a real journal.
func record(t *testing.T, n int, over func()) {
	clock := probe.NewClock()
	s := &instant{clock: clock, left: n - 1, over: over} // less the first request
	meta := trace.Meta{Started: clock.Started(), Roster: plain, Budget: plan.Budget{MaxRequests: n, MaxDuration: time.Hour, MaxInflight: 64}}
	path := filepath.Join(t.TempDir(), "t.ndjson")
	w, err := journal.Create(path, meta)
	if err != nil {
		t.Fatal(err)
	}
	res := probe.NewSession(probe.Config{Meta: meta, Decider: s, Sender: s, Journal: unread{w}, Clock: clock}).Run(t.Context())
	if res.Err != nil || s.left != 0 {
		t.Fatalf("ended with %q, %v and %d requests left", res.Reason, res.Err, s.left)
	}
}

// What a run has written it does not keep.
func TestNothingOfTheRecordIsKept(t *testing.T) {
	live := func(n int) uint64 {
		var m runtime.MemStats
		record(t, n, func() {
			runtime.GC()
			runtime.ReadMemStats(&m)
		})
		return m.HeapAlloc
	}
	base := live(1000)
	// A record of 10,000 requests takes about 6 MB on disk and more in memory.
	if grown := int64(live(10_000)) - int64(base); grown > 1<<20 {
		t.Errorf("10,000 requests take %d bytes more than 1,000", grown)
	}
}

const asRecorder = "APISONDE_TEST_RECORDS"

// Peak memory is at most 64 MiB, and does not grow with the length of a run by
// more than the collector's slack; each length is measured in a process of its own.
// The long form goes to a million records, and allows 2 MiB.
func TestPeakMemory(t *testing.T) {
	if n, err := strconv.Atoi(os.Getenv(asRecorder)); err == nil {
		record(t, n, func() {})
		fmt.Printf("peak %d KiB\n", peak(t))
		return
	}
	short, far, slack := 10_000, 60_000, 4<<10
	if os.Getenv("APISONDE_LONG") != "" {
		short, far, slack = 100_000, 1_000_000, 2<<10
	}
	of := func(n int) int {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestPeakMemory$")
		c.Env = append(os.Environ(), asRecorder+"="+strconv.Itoa(n))
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		var kib int
		if _, err := fmt.Sscanf(string(out), "peak %d KiB", &kib); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("%d records: peak %.1f MiB", n, float64(kib)/1024)
		return kib
	}
	small, large := of(short), of(far)
	if large > 64<<10 || large > small+slack {
		t.Errorf("peak %d KiB at %d records, %d KiB at %d", small, short, large, far)
	}
}

// peak is the most memory that this process has had, in KiB.
func peak(t *testing.T) int {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Fatalf("only Linux tells the peak: %v", err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no peak in /proc/self/status")
	return 0
}
