package probe_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisonde/probe/plan"
)

// every is n sends at equal distances.
func every(gap time.Duration, n int) []plan.Send {
	var out []time.Duration
	for i := range n {
		out = append(out, time.Duration(i)*gap)
	}
	return at(out...)
}

// inSecond counts the requests of a run that left within a second of an instant.
func (r *run) inSecond(from time.Duration) int {
	n := 0
	for _, c := range r.calls {
		if c.at >= from && c.at < from+time.Second {
			n++
		}
	}
	return n
}

func TestAStalledSenderNeverCatchesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := setup(t, plain, nil, plan.Step{Width: 8, Start: time.Second, Sends: every(100*ms, 40)})
		// Whoever waits for an instant between 2 s and 3.05 s is stopped until then.
		r.stall = func(at time.Duration) time.Duration {
			if at >= 2*time.Second && at < 3050*ms {
				return 3050 * ms
			}
			return at
		}
		res := r.do(context.Background())
		// One request is late; those that it overtook are left out, and the
		// next leaves at its own instant.
		if d := cmp.Diff([]string{"1.9s", "3.05s", "3.1s", "3.2s"}, r.times()[9:13]); d != "" {
			t.Errorf("sent at (-want +got):\n%s", d)
		}
		if n := r.inSecond(3050 * ms); n != 11 {
			t.Errorf("%d requests in the second after the stall, want the 10 that were due and the late one", n)
		}
		for _, o := range res.Trace.Observations[1:] {
			if late := o.Written == 3050*ms; o.Late != late {
				t.Errorf("planned for %v, written at %v, late %v", o.Planned, o.Written, o.Late)
			}
		}
		if len(res.Notes) != 1 || !strings.HasPrefix(res.Notes[0], "10 planned requests were left out") {
			t.Errorf("notes %q", res.Notes)
		}
	})
}

func TestAServerThatStallsIsNotCaughtUpWith(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := setup(t, plain, func(c call) reply {
			if c.at >= 2*time.Second && c.at < 3*time.Second {
				return reply{after: 3050*ms - c.at}
			}
			return reply{}
		}, plan.Step{Width: 4, Start: time.Second, Sends: every(100*ms, 40)})
		r.do(context.Background())
		if n := r.inSecond(3050 * ms); n > 12 {
			t.Errorf("%d requests in the second after the stall", n)
		}
	})
}

func TestABurstThatIsLateStaysWhole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := setup(t, plain, nil, plan.Step{Width: 8, Start: time.Second, Sends: at(0, 0, 0, 100*ms, 100*ms, 100*ms)})
		r.stall = func(at time.Duration) time.Duration {
			if at > 1050*ms {
				return max(at, 2*time.Second)
			}
			return at
		}
		res := r.do(context.Background())
		if d := cmp.Diff([]string{"1s", "1s", "1s", "2s", "2s", "2s"}, r.times()); d != "" {
			t.Errorf("sent at (-want +got):\n%s", d)
		}
		for _, o := range res.Trace.Observations[4:] {
			if !o.Late {
				t.Errorf("not marked: %+v", o)
			}
		}
	})
}
