package probe_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"apisonde/probe"
	"apisonde/probe/plan"
	"apisonde/probe/trace"

	"github.com/google/go-cmp/cmp"
)

// stubborn is a Decider that asks the same for ever.
type stubborn struct {
	script
	step plan.Step
}

func (d *stubborn) Next(time.Duration) (plan.Step, bool) { return d.step, true }

func TestADeciderThatInsistsOnWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := setup(t, plain, func(c call) reply { return reply{status: []int{200, 429}[min(c.n, 2)-1]} })
		r.meta.Budget.MaxRejections = 2
		d := &stubborn{step: plan.Step{Width: 1, Sends: at(0)}}
		res := probe.NewSession(probe.Config{Meta: r.meta, Decider: d, Sender: r.wire, Journal: r.wire, Clock: r.clock}).Run(context.Background())
		if res.Reason != probe.StopBudget || len(r.calls) != 3 {
			t.Errorf("ended with %q after %d requests", res.Reason, len(r.calls))
		}
	})
}

func TestAbortWithoutAnInterrupt(t *testing.T) {
	t.Parallel()
	for _, width := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			r := setup(t, plain, func(c call) reply { return reply{after: time.Duration(c.n-1) * time.Minute} }, plan.Step{Width: width, Sends: at(0, 0, time.Hour)})
			session := r.start()
			go func() { time.Sleep(time.Second); session.Abort() }()
			res := r.do(context.Background())
			if res.Reason != probe.StopInterrupted || res.Trace.End.At != time.Second {
				t.Errorf("width %d: ended with %q at %v", width, res.Reason, res.Trace.End.At)
			}
		})
	}
}

func TestAnInterruptDuringTheFirstRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := setup(t, plain, func(c call) reply { return reply{after: time.Hour} }, plan.Step{Width: 1, Sends: at(0)})
		full := errors.New("no space left")
		r.fail = func(what string, _ int) error {
			if what == "close" {
				return full
			}
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		res := r.do(ctx)
		// The signal is what people asked about; the trace's failure is told too.
		if res.Reason != probe.StopInterrupted || !errors.Is(res.Err, full) || res.Trace.End.At != 6*time.Second {
			t.Errorf("ended with %q, %v at %v", res.Reason, res.Err, res.Trace.End.At)
		}
	})
}

func TestTheDurationBoundsWhatIsInFlight(t *testing.T) {
	t.Parallel()
	for _, width := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			r := setup(t, plain, func(c call) reply { return reply{after: time.Duration(c.n-1) * time.Minute} }, plan.Step{Width: width, Sends: at(0, time.Second)}, plan.Step{Width: 1, Sends: at(0)})
			r.meta.Budget.MaxDuration = 10 * time.Second
			res := r.do(context.Background())
			if res.Reason != probe.StopDuration || res.Trace.End.At != 15*time.Second {
				t.Errorf("width %d: ended with %q at %v, want duration at 15s", width, res.Reason, res.Trace.End.At)
			}
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
		"duration, in a burst":         {func(b *plan.Budget) { b.MaxDuration = time.Minute }, nil, []plan.Step{{Width: 2, Sends: at(0, time.Hour)}}, 2, probe.StopDuration, ms},
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
					session := r.start()
					ctx, interrupt := context.WithCancel(context.Background())
					go func() {
						time.Sleep(1500 * ms)
						interrupt()
						if tc.abort > 0 {
							time.Sleep(tc.abort)
							session.Abort()
							session.Abort()
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
		{reply{status: 429}, true, probe.StopNetwork, "which no wait cures"},
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
			r.script.billed = true
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
		roster := trace.Roster{Vantages: []string{"a", "b"}, Keys: []trace.Key{{Name: "k1"}, {Name: "k2"}, {Name: "k3"}, {Name: "k4"}, {Name: "k5"}, {Name: "k6"}}, Routes: []string{"/", "/gone", "/bad"}}
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
			case c.id.Key == "k6":
				return reply{status: 420}
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
		if len(r.script.seen) != 9 {
			t.Errorf("the decider saw %d canaries, want 9", len(r.script.seen))
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
