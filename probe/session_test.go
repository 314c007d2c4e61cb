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

const ms = time.Millisecond

func TestCanariesComeFirstAndOneByOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		roster := trace.Roster{Vantages: []string{"a", "b"}, Keys: []trace.Key{{Name: "k1"}, {Name: "k2", Owner: "o"}}, Routes: []string{"/", "/x"}}
		r := setup(t, roster, func(call) reply { return reply{after: 10 * ms} },
			plan.Step{Width: 1, Sends: []plan.Send{{Identity: trace.Identity{Vantage: "b"}, Route: "/x"}}})
		res := r.do(context.Background())
		var got []string
		for _, o := range res.Trace.Observations {
			got = append(got, fmt.Sprint(o.Step, " ", o.Identity, " ", o.Route, " ", o.Written.Round(ms)))
		}
		want := []string{"0 a/k1 / 0s", "0 b/k1 / 10ms", "0 a/k2@o / 20ms", "0 a/k1 /x 30ms", "1 b /x 40ms"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		if res.Reason != probe.StopNone || res.Err != nil || r.most != 1 {
			t.Errorf("ended with %q, %v; %d in flight at once", res.Reason, res.Err, r.most)
		}
		if d := cmp.Diff(r.outcomes, r.script.seen); d != "" {
			t.Errorf("the decider saw other outcomes than the journal:\n%s", d)
		}
	})
}

func TestASequenceWaitsForAnswersAndForItsTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := setup(t, plain, func(c call) reply {
			if c.n == 4 {
				return reply{after: 250 * ms}
			}
			return reply{after: 20 * ms}
		},
			plan.Step{Width: 1, Start: time.Second, Sends: at(0, 0, 100*ms, 200*ms, 500*ms)},
			plan.Step{Width: 1, Start: time.Second, Sends: at(0)}, // long past
		)
		res := r.do(context.Background())
		want := []string{"1s", "1.02s", "1.1s", "1.35s", "1.5s", "1.52s"}
		if d := cmp.Diff(want, r.times()); d != "" {
			t.Errorf("sent at (-want +got):\n%s", d)
		}
		for _, o := range res.Trace.Observations[1:] {
			if o.Late || o.Planned != o.Written {
				t.Errorf("planned for %v, written at %v, late %v", o.Planned, o.Written, o.Late)
			}
		}
	})
}

func TestABurstKeepsItsTimesWhateverTheAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := setup(t, plain, func(c call) reply { return reply{after: 300 * ms} },
			plan.Step{Width: 3, Start: time.Second, Sends: at(0, 0, 100*ms, 200*ms, 700*ms)})
		r.dial = 40 * ms
		res := r.do(context.Background())
		// The fourth has no room within the width: it is late and takes the
		// first slot that is free.
		want := []string{"1s", "1s", "1.1s", "1.3s", "1.7s"}
		if d := cmp.Diff(want, r.times()); d != "" {
			t.Errorf("sent at (-want +got):\n%s", d)
		}
		var late []bool
		for _, o := range res.Trace.Observations[1:] {
			late = append(late, o.Late)
		}
		if d := cmp.Diff([]bool{false, false, false, true, false}, late); d != "" {
			t.Errorf("late (-want +got):\n%s", d)
		}
		if r.most != 3 {
			t.Errorf("%d in flight at once, want 3", r.most)
		}
		for _, d := range r.dials {
			if d >= time.Second {
				t.Errorf("dialled at %v, in the burst", d)
			}
		}
	})
}

func TestABurstAtOnceIsReadyBeforeItStarts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sends := append(at(0, 0), plan.Send{Identity: trace.Identity{Vantage: "a", Key: "k2"}, Route: "/"})
		sends = append(sends, plan.Send{Identity: me, Route: "/", NewConn: true})
		r := setup(t, plain, nil, plan.Step{Width: 8, Sends: sends}, plan.Step{Width: 1, Sends: []plan.Send{{Identity: me, Route: "/", NewConn: true}}})
		r.dial = 40 * ms
		res := r.do(context.Background())
		if d := cmp.Diff([]string{"80ms", "80ms", "80ms", "80ms", "120ms"}, r.times()); d != "" {
			t.Errorf("sent at (-want +got):\n%s", d)
		}
		conns := map[int]int{}
		for _, o := range res.Trace.Observations {
			conns[o.Conn]++
			if o.Late {
				t.Errorf("late: %+v", o)
			}
		}
		// The canary's connection serves once more; all else is on its own.
		if len(conns) != 5 || conns[1] != 2 {
			t.Errorf("requests by connection: %v", conns)
		}
	})
}

func TestAStepEndsWhenItHasSeenEnough(t *testing.T) {
	t.Parallel()
	limited := func(c call) reply {
		if c.n > 3 {
			return reply{after: 25 * ms, status: 429}
		}
		return reply{after: 25 * ms}
	}
	for name, tc := range map[string]struct {
		step plan.Step
		want int // requests of the step
	}{
		"one by one, limited":  {plan.Step{Width: 1, StopAfterLimited: 2, Sends: at(make([]time.Duration, 9)...)}, 4},
		"one by one, admitted": {plan.Step{Width: 1, StopAfterAdmitted: 1, Sends: at(make([]time.Duration, 9)...)}, 1},
		// The rejection is known 25 ms after it left; two more have left then.
		"a burst": {plan.Step{Width: 8, StopAfterLimited: 1, Sends: at(0, 10*ms, 20*ms, 30*ms, 40*ms, 50*ms, 60*ms, 70*ms)}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := setup(t, plain, limited, tc.step)
				res := r.do(context.Background())
				if got := len(res.Trace.Observations) - 1; got != tc.want || res.Reason != probe.StopNone {
					t.Errorf("%d requests, ended with %q; want %d and no reason", got, res.Reason, tc.want)
				}
			})
		})
	}
}

func TestCeilings(t *testing.T) {
	t.Parallel()
	ten := func(width int) plan.Step { return plan.Step{Width: width, Sends: at(make([]time.Duration, 10)...)} }
	reject := func(c call) reply {
		if c.n > 1 {
			return reply{status: 429}
		}
		return reply{}
	}
	for name, tc := range map[string]struct {
		change func(*plan.Budget)
		answer func(call) reply
		steps  []plan.Step
		sent   int // canary included
		reason probe.StopReason
		ends   time.Duration
	}{
		"requests":                     {func(b *plan.Budget) { b.MaxRequests = 5 }, nil, []plan.Step{ten(1)}, 5, probe.StopBudget, 0},
		"requests, in a burst":         {func(b *plan.Budget) { b.MaxRequests = 5 }, nil, []plan.Step{ten(4)}, 5, probe.StopBudget, 0},
		"requests, to the last":        {func(b *plan.Budget) { b.MaxRequests = 11 }, nil, []plan.Step{ten(1)}, 11, probe.StopBudget, 0},
		"rate":                         {func(b *plan.Budget) { b.MaxRate = 4 }, nil, []plan.Step{ten(1)}, 11, probe.StopNone, 2 * time.Second},
		"rate, in a burst":             {func(b *plan.Budget) { b.MaxRate = 4 }, nil, []plan.Step{ten(10)}, 11, probe.StopNone, 2 * time.Second},
		"in flight":                    {func(b *plan.Budget) { b.MaxInflight = 2 }, func(call) reply { return reply{after: 100 * ms} }, []plan.Step{ten(10)}, 11, probe.StopNone, 600 * ms},
		"duration, while sending":      {func(b *plan.Budget) { b.MaxDuration = time.Second }, func(call) reply { return reply{after: 300 * ms} }, []plan.Step{ten(1)}, 4, probe.StopDuration, 1200 * ms},
		"duration, before a wait":      {func(b *plan.Budget) { b.MaxDuration = time.Minute }, nil, []plan.Step{{Width: 1, Start: time.Minute, Sends: at(0)}}, 1, probe.StopDuration, 0},
		"duration, before a late send": {func(b *plan.Budget) { b.MaxDuration = time.Minute }, nil, []plan.Step{{Width: 1, Sends: at(0, time.Hour)}}, 2, probe.StopDuration, 0},
		"duration, in a burst":         {func(b *plan.Budget) { b.MaxDuration = time.Minute }, nil, []plan.Step{{Width: 2, Sends: at(0, time.Hour)}}, 2, probe.StopDuration, 0},
		"duration, before a pause":     {func(b *plan.Budget) { b.MaxDuration = time.Minute }, nil, []plan.Step{{Start: time.Hour}}, 1, probe.StopDuration, 0},
		"rejections":                   {func(b *plan.Budget) { b.MaxRejections = 3 }, reject, []plan.Step{ten(1), ten(1), ten(1), ten(1)}, 4, probe.StopBudget, 0},
		"rejections, in a burst":       {func(b *plan.Budget) { b.MaxRejections = 3 }, reject, []plan.Step{ten(10)}, 4, probe.StopNone, 0},
		"rejections, nothing else":     {func(b *plan.Budget) { b.MaxRejections = 3 }, reject, []plan.Step{ten(10), ten(10)}, 4, probe.StopBudget, 0},
		"rejections, another identity": {func(b *plan.Budget) { b.MaxRejections = 3 }, reject,
			[]plan.Step{ten(1), {Width: 1, Sends: []plan.Send{{Identity: trace.Identity{Vantage: "b"}, Route: "/"}}}}, 5, probe.StopNone, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := setup(t, plain, tc.answer, tc.steps...)
				tc.change(&r.meta.Budget)
				res := r.do(context.Background())
				if n := len(res.Trace.Observations); n != tc.sent || res.Reason != tc.reason || res.Err != nil {
					t.Errorf("%d requests, ended with %q, %v; want %d and %q", n, res.Reason, res.Err, tc.sent, tc.reason)
				}
				if got := res.Trace.End.At.Round(ms); got != tc.ends {
					t.Errorf("ended at %v, want %v", got, tc.ends)
				}
				if res.Trace.End.Reason != string(tc.reason) {
					t.Errorf("the trace ends with %q", res.Trace.End.Reason)
				}
			})
		})
	}
}

func TestAnInterruptSendsNothingNewAndSavesWhatWasSent(t *testing.T) {
	t.Parallel()
	for _, width := range []int{1, 6} {
		for name, tc := range map[string]struct {
			slow  time.Duration // what answers take
			abort time.Duration // after the interrupt; 0: never
			ends  time.Duration // after the interrupt
			fault trace.Fault
		}{
			"drained":        {2 * time.Second, 0, 1500 * ms, trace.FaultNone},
			"cut after 5 s":  {time.Minute, 0, 5 * time.Second, trace.FaultCancelled},
			"a second time":  {time.Minute, 700 * ms, 700 * ms, trace.FaultCancelled},
			"abort suffices": {time.Minute, 1, 1, trace.FaultCancelled},
		} {
			t.Run(fmt.Sprint(name, ", width ", width), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					r := setup(t, plain, func(c call) reply {
						if c.n == 1 {
							return reply{}
						}
						return reply{after: tc.slow}
					}, plan.Step{Width: width, Start: time.Second, Sends: at(0, 0, 0, time.Second, 2*time.Second)}, plan.Step{Width: 1, Sends: at(0)})
					ctx, interrupt := context.WithCancel(context.Background())
					go func() {
						time.Sleep(1500 * ms)
						interrupt()
						if tc.abort > 0 {
							time.Sleep(tc.abort)
							r.session.Abort()
							r.session.Abort()
						}
					}()
					res := r.do(ctx)
					if res.Reason != probe.StopInterrupted || res.Err != nil {
						t.Errorf("ended with %q, %v", res.Reason, res.Err)
					}
					if got := res.Trace.End.At - 1500*ms; got != tc.ends {
						t.Errorf("ended %v after the interrupt, want %v", got, tc.ends)
					}
					want := 1 + min(width, 3)
					if len(r.calls) != want || len(r.outcomes) != want {
						t.Errorf("%d requests and %d outcomes, want %d", len(r.calls), len(r.outcomes), want)
					}
					for _, o := range res.Trace.Observations[1:] {
						if o.Fault != tc.fault {
							t.Errorf("request %d ended with fault %q, want %q", o.Seq, o.Fault, tc.fault)
						}
					}
				})
			})
		}
	}
}

func TestAnInterruptEndsEveryWait(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*run)
		step   plan.Step
	}{
		"for a start":     {nil, plan.Step{Width: 1, Start: time.Minute, Sends: at(0)}},
		"for a burst":     {nil, plan.Step{Width: 5, Start: time.Minute, Sends: at(0)}},
		"for a send":      {nil, plan.Step{Width: 1, Sends: at(0, time.Minute)}},
		"within a burst":  {nil, plan.Step{Width: 5, Sends: at(0, time.Minute)}},
		"for the rate":    {func(r *run) { r.meta.Budget.MaxRate = 1 }, plan.Step{Width: 1, Sends: at(0, 0, 0)}},
		"for rate, burst": {func(r *run) { r.meta.Budget.MaxRate = 1 }, plan.Step{Width: 3, Sends: at(0, 0, 0)}},
		"for a dial":      {func(r *run) { r.dial = 400 * ms }, plan.Step{Width: 1, Sends: []plan.Send{{Identity: me, Route: "/", NewConn: true}}}},
		"a pause":         {nil, plan.Step{Start: time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := setup(t, plain, nil, tc.step)
				if tc.change != nil {
					tc.change(r)
				}
				ctx, cancel := context.WithTimeout(context.Background(), 500*ms)
				defer cancel()
				res := r.do(ctx)
				if res.Reason != probe.StopInterrupted || res.Trace.End.At != 500*ms {
					t.Errorf("ended with %q at %v", res.Reason, res.Trace.End.At)
				}
			})
		})
	}
}

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
		"an intent, burst":    {"intent", 3, 9, 2},
		"an outcome":          {"outcome", 3, 1, 3},
		"an outcome, burst":   {"outcome", 3, 2, 3},
		"the end":             {"close", 0, 1, 7},
		"the canary's intent": {"outcome", 1, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := setup(t, plain, func(call) reply { return reply{after: ms} }, plan.Step{Width: tc.width, Sends: at(0, 0, 2*ms, 4*ms, 6*ms, 8*ms)})
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

func TestABaselineThatIsRefusedEndsTheRun(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		reply  reply
		key    bool
		reason probe.StopReason
		says   string
	}{
		{reply{fault: trace.FaultTimeout}, false, probe.StopNetwork, "no answer (timeout)"},
		{reply{status: 500}, false, probe.StopDistress, "status 500"},
		{reply{status: 401}, true, probe.StopNetwork, "the key was refused"},
		{reply{status: 403}, true, probe.StopNetwork, "the key was refused"},
		{reply{status: 401}, false, probe.StopNetwork, "give one with --key"},
		{reply{status: 302}, false, probe.StopNetwork, "a redirect"},
		{reply{status: 405}, false, probe.StopNetwork, "the method"},
	} {
		synctest.Test(t, func(t *testing.T) {
			roster := plain
			if tc.key {
				roster.Keys = []trace.Key{{Name: "k1"}}
			}
			r := setup(t, roster, func(call) reply { return tc.reply }, plan.Step{Width: 1, Sends: at(0)})
			res := r.do(context.Background())
			if res.Reason != tc.reason || res.Err == nil || !strings.Contains(res.Err.Error(), tc.says) || len(r.calls) != 1 {
				t.Errorf("%+v: ended with %q, %v after %d requests; want %q saying %q", tc.reply, res.Reason, res.Err, len(r.calls), tc.reason, tc.says)
			}
		})
	}
}

func TestValuesThatAreRefusedAreLeftOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		roster := trace.Roster{Vantages: []string{"a", "b"}, Keys: []trace.Key{{Name: "k1"}, {Name: "k2"}, {Name: "k3"}, {Name: "k4"}, {Name: "k5"}}, Routes: []string{"/", "/gone", "/bad"}}
		r := setup(t, roster, func(c call) reply {
			switch {
			case c.id.Vantage == "b":
				return reply{fault: trace.FaultConnect}
			case c.id.Key == "k2":
				return reply{status: 401}
			case c.id.Key == "k3":
				return reply{status: 429}
			case c.id.Key == "k4":
				return reply{status: 500}
			case c.id.Key == "k5":
				return reply{status: 304}
			case c.route == "/gone":
				return reply{status: 404}
			case c.route == "/bad":
				return reply{status: 301}
			}
			return reply{}
		})
		res := r.do(context.Background())
		want := []string{
			"ip b is left out: its first request got no answer (connect)",
			"key k2 is left out: its first request got status 401",
			"key k4 is left out: its first request got status 500",
			"route /bad is left out: its first request got status 301",
		}
		if d := cmp.Diff(want, res.Notes); d != "" || res.Reason != probe.StopNone {
			t.Errorf("ended with %q, notes (-want +got):\n%s", res.Reason, d)
		}
		if len(r.script.seen) != 8 {
			t.Errorf("the decider saw %d canaries, want 8", len(r.script.seen))
		}
	})
}

func TestSafetyStops(t *testing.T) {
	t.Parallel()
	from := func(n int, rs ...reply) func(call) reply {
		return func(c call) reply {
			if c.n < n {
				return reply{}
			}
			return rs[min(c.n-n, len(rs)-1)]
		}
	}
	for name, tc := range map[string]struct {
		answer func(call) reply
		reason probe.StopReason
		sent   int
	}{
		"a failing server":         {from(3, reply{status: 502}), probe.StopDistress, 5},
		"a server that went away":  {from(3, reply{fault: trace.FaultConnect}), probe.StopNetwork, 5},
		"a ban":                    {from(3, reply{status: 429}, reply{status: 429}, reply{status: 403}), probe.StopBan, 5},
		"resets behind rejections": {from(3, reply{status: 429}, reply{fault: trace.FaultReset}), probe.StopBan, 6},
	} {
		for _, width := range []int{1, 2} {
			t.Run(fmt.Sprint(name, ", width ", width), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var every []time.Duration
					for i := range 20 {
						every = append(every, time.Duration(i)*ms)
					}
					r := setup(t, plain, tc.answer, plan.Step{Width: width, Sends: at(every...)})
					res := r.do(context.Background())
					if res.Reason != tc.reason || res.Err == nil || len(r.calls) > tc.sent+1 || len(r.calls) < tc.sent {
						t.Errorf("ended with %q, %v after %d requests; want %q after %d", res.Reason, res.Err, len(r.calls), tc.reason, tc.sent)
					}
				})
			})
		}
	}
}

func TestOnLoopbackABanIsNoted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := setup(t, plain, func(c call) reply { return reply{status: []int{200, 429, 403, 200}[c.n-1]} }, plan.Step{Width: 1, Sends: at(0, 0, 0)})
		r.meta.Loopback = true
		res := r.do(context.Background())
		if res.Reason != probe.StopNone || len(r.calls) != 4 || len(res.Notes) != 1 || !strings.Contains(res.Notes[0], "banned") {
			t.Errorf("ended with %q after %d requests, notes %q", res.Reason, len(r.calls), res.Notes)
		}
	})
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

func TestALineThatDiedWhileItWaitedIsReplaced(t *testing.T) {
	t.Parallel()
	for _, width := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			r := setup(t, plain, nil, plan.Step{Width: width, Start: time.Second, Sends: at(0, time.Second)})
			r.die = 1
			res := r.do(context.Background())
			if res.Reason != probe.StopNone || len(r.calls) != 3 {
				t.Errorf("width %d: ended with %q after %d requests", width, res.Reason, len(r.calls))
			}
			for _, o := range res.Trace.Observations {
				if o.Fault != trace.FaultNone {
					t.Errorf("width %d: %+v", width, o)
				}
			}
		})
	}
}

func TestAConnectionThatCannotBeMadeIsRecorded(t *testing.T) {
	t.Parallel()
	for _, width := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			other := trace.Identity{Vantage: "a", Key: "k"}
			r := setup(t, plain, nil, plan.Step{Width: width, Sends: []plan.Send{{Identity: other, Route: "/"}, {Identity: me, Route: "/"}}})
			r.refuse = func(id trace.Identity) trace.Fault {
				if id.Key != "" {
					return trace.FaultLocal
				}
				return trace.FaultNone
			}
			res := r.do(context.Background())
			o := res.Trace.Observations[1]
			if len(res.Trace.Observations) != 3 || o.Fault != trace.FaultLocal || o.Written != 0 || o.Late || len(r.calls) != 2 {
				t.Errorf("width %d: %+v", width, res.Trace.Observations)
			}
		})
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
