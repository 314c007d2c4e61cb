package probe_test

import (
	"context"
	"slices"
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

// yielding is a Decider that goes on without the barred, while others are left.
type yielding struct {
	*script
	others int
	barred []trace.Identity
}

func (y *yielding) Bar(id trace.Identity) bool {
	if y.others == 0 {
		return false
	}
	y.others--
	y.barred = append(y.barred, id)
	return true
}

// A ban stops whoever shares the address or the account, and nobody else; what is
// in flight of them then says nothing more.
func TestABanStopsWhoSharesAddressOrAccount(t *testing.T) {
	t.Parallel()
	two := trace.Roster{Vantages: []string{"a", "b"}, Keys: []trace.Key{{Name: "k1"}, {Name: "k2"}}, Routes: []string{"/"}}
	var every []plan.Send
	for _, v := range two.Vantages {
		for _, k := range two.Keys {
			every = append(every, plan.Send{Identity: trace.Identity{Vantage: v, Key: k.Name}, Route: "/"})
		}
	}
	first := every[0].Identity
	for _, width := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			answer := func(c call) reply {
				if c.id == first && c.n > 4 {
					return reply{status: 418}
				}
				return reply{status: []int{200, 200, 200, 429}[min(c.n, 4)-1]}
			}
			steps := []plan.Step{{Width: 1, Sends: every[:1]}, {Width: 1, Sends: every[:1]}, {Width: width, Sends: every}, {Width: width, Sends: every}}
			for _, others := range []int{0, 1} {
				r := setup(t, two, answer, steps...)
				d := &yielding{script: r.script, others: others}
				res := probe.NewSession(probe.Config{Meta: r.meta, Decider: d, Sender: r.wire, Journal: r.wire, Clock: r.clock}).Run(context.Background())
				if others == 0 {
					if res.Reason != probe.StopBan || len(r.calls) != 5 || !res.Trace.Observations[4].Ban {
						t.Errorf("width %d: ended with %q after %d requests; want a suspected ban after 5, marked", width, res.Reason, len(r.calls))
					}
					continue
				}
				after := map[trace.Identity]int{}
				for _, c := range r.calls[5:] {
					after[c.id]++
				}
				if d := cmp.Diff(map[trace.Identity]int{every[3].Identity: 2}, after); d != "" {
					t.Errorf("width %d: sent after the ban (-want +got):\n%s", width, d)
				}
				if res.Reason != probe.StopNone || len(res.Notes) != 1 || !strings.Contains(res.Notes[0], "a/k1 was asked nothing more") || !slices.Equal(d.barred, []trace.Identity{first}) {
					t.Errorf("width %d: ended with %q, notes %q, barred %v", width, res.Reason, res.Notes, d.barred)
				}
			}
		})
	}
}
