package probe_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"apisonde/probe"
	"apisonde/probe/plan"
	"apisonde/probe/trace"

	"github.com/google/go-cmp/cmp"
)

func TestAJournalThatFailsEndsTheRun(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left")
	for name, tc := range map[string]struct {
		what  string
		seq   int
		width int
		calls int
	}{
		"the first intent":    {"intent", 1, 1, 0},
		"an intent":           {"intent", 3, 1, 2},
		"an intent, burst":    {"intent", 3, 9, 1}, // of two that leave together
		"an outcome":          {"outcome", 3, 1, 3},
		"an outcome, burst":   {"outcome", 3, 2, 3},
		"the end":             {"close", 0, 1, 7},
		"the canary's intent": {"outcome", 1, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := setup(t, plain, func(call) reply { return reply{after: ms} }, plan.Step{Width: tc.width, Sends: at(0, 0, 9*ms, 18*ms, 27*ms, 36*ms)})
				r.fail = func(what string, seq int) error {
					if what == tc.what && seq == tc.seq {
						return full
					}
					return nil
				}
				res := r.do(context.Background())
				if res.Reason != probe.StopTrace || !errors.Is(res.Err, full) || len(r.calls) != tc.calls {
					t.Errorf("ended with %q, %v after %d requests; want the trace's error after %d", res.Reason, res.Err, len(r.calls), tc.calls)
				}
			})
		})
	}
}

// rogue is a Decider that panics.
type rogue struct {
	script
	observe, next bool
}

func (d *rogue) Observe(o trace.Observation) trace.Outcome {
	if d.observe && o.Step > 0 {
		panic("a credential")
	}
	return d.script.Observe(o)
}

func (d *rogue) Next(now time.Duration) (plan.Step, bool) {
	if d.next {
		_ = []int{}[len(d.seen)]
	}
	return d.script.Next(now)
}

func TestPanicsBecomeErrorsAndTheTraceIsClosed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		rogue  rogue
		answer func(call) reply
		dial   bool
	}{
		"in Observe": {rogue: rogue{observe: true}},
		"in Next":    {rogue: rogue{next: true}},
		"in Do":      {answer: func(c call) reply { return reply{panics: c.n == 3} }},
		"in Reserve": {dial: true},
	} {
		for _, width := range []int{1, 4} {
			t.Run(fmt.Sprint(name, ", width ", width), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					r := setup(t, plain, tc.answer)
					d := tc.rogue
					d.steps = []plan.Step{{Width: width, Sends: at(0, 0, ms, ms)}}
					if tc.dial {
						d.steps[0].Sends[1].Identity.Key = "other"
						r.refuse = func(id trace.Identity) trace.Fault {
							if id.Key != "" {
								panic("a credential")
							}
							return trace.FaultNone
						}
					}
					res := probe.NewSession(probe.Config{Meta: r.meta, Decider: &d, Sender: r.wire, Journal: r.wire, Clock: r.clock}).Run(context.Background())
					if res.Reason != probe.StopNetwork || res.Err == nil || !strings.Contains(res.Err.Error(), "internal error") {
						t.Errorf("ended with %q, %v", res.Reason, res.Err)
					}
					if res.Err != nil && strings.Contains(res.Err.Error(), "credential") {
						t.Errorf("the error repeats what the panic said: %v", res.Err)
					}
					if len(r.ended) != 1 || len(r.intents) != len(res.Trace.Observations) {
						t.Errorf("%d end records, %d intents, %d observations", len(r.ended), len(r.intents), len(res.Trace.Observations))
					}
					synctest.Wait()
					if r.inflight != 0 && tc.answer == nil {
						t.Errorf("%d requests are still in flight", r.inflight)
					}
				})
			})
		}
	}
}

func TestSnapshots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := setup(t, plain, func(c call) reply {
			return reply{after: 100 * ms, status: []int{200, 200, 429, 200, 500}[c.n-1]}
		}, plan.Step{Question: "q", Reason: "r", Width: 1, Start: time.Second, Sends: at(0, 200*ms, 400*ms, time.Second)})
		s := r.start()
		if first := s.Snapshot(); first.Sent != 0 || first.Over || first.Budget != r.meta.Budget {
			t.Errorf("before the run: %+v", first)
		}
		var wg sync.WaitGroup
		var mid probe.Snapshot
		wg.Go(func() { time.Sleep(1250 * ms); mid = s.Snapshot() })
		for range 8 {
			wg.Go(func() {
				for range 200 {
					time.Sleep(10 * ms)
					s.Snapshot()
				}
			})
		}
		s.Run(context.Background())
		wg.Wait()
		recent := func(s *probe.Snapshot) (n int) { n, s.Recent = len(s.Recent), nil; return n }
		if n := recent(&mid); n != 2 {
			t.Errorf("%d recent observations at 1.25 s, want 2", n)
		}
		step := plan.Step{Question: "q", Reason: "r", Width: 1, Start: time.Second}
		want := probe.Snapshot{
			Elapsed: 1250 * ms, Sent: 3, Inflight: 1, BinWidth: 250 * ms, Budget: r.meta.Budget, Step: step, StepNo: 1,
			Tallies: []probe.Tally{{Identity: me, Route: "/", Sent: 3, Admitted: 2, Last: 200}},
			Bins:    []probe.Bin{{Admitted: 1}, {}, {}, {}, {Admitted: 1}, {}},
		}
		if d := cmp.Diff(want, mid); d != "" {
			t.Errorf("at 1.25 s (-want +got):\n%s", d)
		}
		end := s.Snapshot()
		if n := recent(&end); n != 5 {
			t.Errorf("%d recent observations at the end, want 5", n)
		}
		want = probe.Snapshot{
			Elapsed: 2100 * ms, Sent: 5, BinWidth: 250 * ms, Budget: r.meta.Budget, Step: step, StepNo: 1, Over: true,
			Tallies: []probe.Tally{{Identity: me, Route: "/", Sent: 5, Admitted: 3, Limited: 1, Ignored: 1, Last: 500}},
			Bins:    []probe.Bin{{Admitted: 1}, {}, {}, {}, {Admitted: 1}, {Limited: 1}, {Admitted: 1}, {}, {Ignored: 1}},
		}
		if d := cmp.Diff(want, end); d != "" {
			t.Errorf("at the end (-want +got):\n%s", d)
		}
		end.Bins[0].Admitted = 99
		if s.Snapshot().Bins[0].Admitted != 1 {
			t.Error("a snapshot shares memory with the session")
		}
	})
}

func TestASessionRunsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := setup(t, plain, nil)
		r.do(context.Background())
		if res := r.session.Run(context.Background()); res.Err == nil || len(r.calls) != 1 {
			t.Errorf("a second run: %v, %d requests", res.Err, len(r.calls))
		}
	})
}
