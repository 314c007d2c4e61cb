package probe_test

import (
	"context"
	"fmt"
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
			plan.Step{Width: 3, Start: 5 * time.Second, Sends: at(0, 0, 100*ms, 200*ms, 700*ms)})
		r.dial = 40 * ms
		res := r.do(context.Background())
		// The fourth has no room within the width: it is late and takes the
		// first slot that is free.
		want := []string{"5s", "5s", "5.1s", "5.3s", "5.7s"}
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
			if d >= 5*time.Second {
				t.Errorf("dialled at %v, in the burst", d)
			}
			if d > 0 && d < 3*time.Second {
				t.Errorf("dialled at %v, so long before the burst that the server may have closed it again", d)
			}
		}
	})
}

func TestConnectionsThatABurstDidNotNeedAreGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := setup(t, plain, func(c call) reply { return reply{after: ms} }, plan.Step{Width: 50, StopAfterAdmitted: 1, Sends: at(0, 9*ms, 9*ms, 9*ms, 9*ms, 9*ms, 9*ms)})
		r.meta.Budget.MaxInflight = 4
		r.do(context.Background())
		if r.lines != 4 || len(r.idle[me]) != 4 || len(r.calls) != 2 {
			t.Errorf("%d connections were made, %d are idle after %d requests; want 4, 4 and 2", r.lines, len(r.idle[me]), len(r.calls))
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
