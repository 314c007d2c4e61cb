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

// crowd has two values of everything.
var crowd = trace.Roster{
	Vantages: []string{"a", "b"}, Keys: []trace.Key{{Name: "k1"}, {Name: "k2"}}, Users: []string{"u1", "u2"}, Routes: []string{"/", "/b"},
}

// survey runs a survey of the crowd in which every request is answered alike.
func survey(t *testing.T, ctx context.Context, budget plan.Budget, answer func(call) reply) (done, []string) {
	t.Helper()
	never := plan.Step{Width: 1, Sends: at(0)} // a survey asks for no step
	r := setup(t, crowd, answer, never)
	r.meta.Budget = budget
	r.session = probe.NewSession(probe.Config{Meta: r.meta, Decider: r.script, Sender: r.wire, Journal: r.wire, Clock: r.clock, Survey: true})
	res := r.do(ctx)
	var asked []string
	for _, c := range r.calls {
		asked = append(asked, fmt.Sprint(c.id, " ", c.route))
	}
	return res, asked
}

func TestASurveyAsksOnceForEachValueWhateverComesOfIt(t *testing.T) {
	t.Parallel()
	generous := plan.Budget{MaxRequests: 100, MaxDuration: time.Hour, MaxInflight: 1}
	want := []string{"a/k1/u1 /", "b/k1/u1 /", "a/k2/u1 /", "a/k1/u2 /", "a/k1/u1 /b"}
	for _, all := range []reply{{}, {status: 401}, {status: 429}, {status: 500}, {status: 302}, {fault: trace.FaultReset}} {
		synctest.Test(t, func(t *testing.T) {
			res, asked := survey(t, context.Background(), generous, func(call) reply { return all })
			if d := cmp.Diff(want, asked); d != "" || res.Reason != probe.StopNone || res.Err != nil {
				t.Errorf("%+v: ended with %q, %v; -want +asked:\n%s", all, res.Reason, res.Err, d)
			}
		})
	}
}

func TestASurveyKeepsToItsCeilingsAndEndsWhenAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		res, asked := survey(t, context.Background(), plan.Budget{MaxRequests: 3, MaxDuration: time.Hour, MaxInflight: 1}, func(call) reply { return reply{} })
		if res.Reason != probe.StopBudget || len(asked) != 3 {
			t.Errorf("ended with %q after %q", res.Reason, asked)
		}
	})
	for _, last := range []int{2, 5} { // of 5
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			res, asked := survey(t, ctx, plan.Budget{MaxRequests: 100, MaxDuration: time.Hour, MaxInflight: 1}, func(c call) reply {
				if c.n == last {
					stop()
				}
				return reply{}
			})
			if res.Reason != probe.StopInterrupted || len(asked) != last {
				t.Errorf("ended with %q after %q", res.Reason, asked)
			}
		})
	}
}
