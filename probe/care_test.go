package probe_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"apisonde/probe"
	"apisonde/probe/guard"
	"apisonde/probe/plan"
	"apisonde/probe/trace"

	"github.com/google/go-cmp/cmp"
)

// Beyond two requests inside a stated wait a sequence waits until it is over, and
// a burst, which has a schedule, drops what was due within it.
func TestAStatedWaitIsRespected(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		width int
		want  []string
	}{
		{1, []string{"1s", "2s", "3s", "1m1s", "1m1s", "1m30s"}},
		{2, []string{"1s", "2s", "3s", "1m30s"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := setup(t, plain, func(c call) reply {
				if c.at >= time.Second && c.at < time.Minute {
					return reply{status: 429}
				}
				return reply{}
			}, plan.Step{Width: tc.width, Start: time.Second, Sends: at(0, time.Second, 2*time.Second, 3*time.Second, 4*time.Second, 89*time.Second)})
			wait := func(o trace.Observation) guard.Claim {
				if o.Status == 429 {
					return guard.Claim{Wait: 61*time.Second - o.FirstByte}
				}
				return guard.Claim{}
			}
			res := probe.NewSession(probe.Config{
				Meta: r.meta, Decider: r.script, Sender: r.wire, Journal: r.wire, Clock: r.clock, Care: guard.DefaultCare(false), Claims: wait,
			}).Run(context.Background())
			if d := cmp.Diff(tc.want, r.times()); d != "" || res.Err != nil {
				t.Errorf("width %d, %v: sent at (-want +got):\n%s", tc.width, res.Err, d)
			}
		})
	}
}

func TestWhatIsLeftOfAQuotaIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := setup(t, plain, nil, plan.Step{Width: 1, Sends: at(make([]time.Duration, 20)...)})
		quota := func(o trace.Observation) guard.Claim {
			return guard.Claim{Quotas: []guard.Quota{{Limit: 10, Remaining: float64(10 - o.Seq), Window: time.Hour}}}
		}
		res := probe.NewSession(probe.Config{
			Meta: r.meta, Decider: r.script, Sender: r.wire, Journal: r.wire, Clock: r.clock, Care: guard.DefaultCare(false), Claims: quota,
		}).Run(context.Background())
		if len(r.calls) != 8 || len(res.Notes) != 1 || !strings.Contains(res.Notes[0], "20 % of a quota") {
			t.Errorf("%d of 10 were spent, notes %q", len(r.calls), res.Notes)
		}
	})
}

// A suspected ban stops a run beyond this machine, unless it is there to learn.
func TestLearningAboutBans(t *testing.T) {
	t.Parallel()
	for _, learn := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := setup(t, plain, func(c call) reply {
				return reply{status: []int{200, 429, 418, 418, 418}[min(c.n, 5)-1]}
			}, plan.Step{Width: 1, Sends: at(0, 0, 0, 0)})
			res := probe.NewSession(probe.Config{
				Meta: r.meta, Decider: r.script, Sender: r.wire, Journal: r.wire, Clock: r.clock, LearnBans: learn,
			}).Run(context.Background())
			want, reason := 3, probe.StopBan
			if learn {
				want, reason = 5, probe.StopNone
			}
			if len(r.calls) != want || res.Reason != reason || learn != (len(res.Notes) == 1) {
				t.Errorf("learning %v: ended with %q after %d requests, notes %q", learn, res.Reason, len(r.calls), res.Notes)
			}
		})
	}
}
