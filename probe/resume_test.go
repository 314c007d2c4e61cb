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

// diary is a Decider that notes what it is asked and told.
type diary struct {
	script
	notes []string
}

func (d *diary) Observe(o trace.Observation) trace.Outcome {
	d.notes = append(d.notes, fmt.Sprint("seen ", o.Seq))
	return d.script.Observe(o)
}

func (d *diary) Next(now time.Duration) (plan.Step, bool) {
	d.notes = append(d.notes, fmt.Sprint("asked at ", now))
	return d.script.Next(now)
}

// A part that goes on tells the decider what it was told live, in the same order,
// repeats no first request that was answered, and numbers on.
func TestAPartThatGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		roster := trace.Roster{Vantages: []string{"a"}, Keys: []trace.Key{{Name: "k1"}, {Name: "k2"}, {Name: "k3"}}, Routes: []string{"/"}}
		r := setup(t, roster, nil)
		of := func(key string) trace.Identity { return trace.Identity{Vantage: "a", Key: key} }
		sent := func(seq, step int, key string, planned, took time.Duration, status int) trace.Observation {
			o := trace.Observation{Seq: seq, Step: step, Identity: of(key), Route: "/", Conn: 1, Planned: planned, Written: planned + 1}
			if o.FirstByte, o.Done, o.Status = planned+took, planned+took, status; status == 0 {
				o.FirstByte, o.Done, o.Fault = 0, 0, trace.FaultUnknown
			}
			return o
		}
		earlier := trace.Trace{Meta: r.meta, Observations: []trace.Observation{
			sent(1, 0, "k1", 1, ms, 200), sent(2, 0, "k2", 2*ms, ms, 401),
			sent(3, 1, "k1", time.Second, 500*ms, 200), sent(4, 1, "k1", time.Second, 200*ms, 200),
			sent(5, 3, "k1", 3*time.Second, 0, 0), // step 2 sent nothing
		}}
		r.intents, r.outcomes = earlier.Observations, earlier.Observations[:4]
		d := &diary{script: script{steps: make([]plan.Step, 3)}}
		d.steps = append(d.steps, plan.Step{Width: 1, Sends: []plan.Send{{Identity: of("k1"), Route: "/"}}})
		s := probe.NewSession(probe.Config{Meta: r.meta, Decider: d, Sender: r.wire, Journal: r.wire, Clock: r.clock, Earlier: &earlier})
		res := s.Run(context.Background())
		want := []string{
			"seen 1", "seen 2", "asked at 1s", "seen 4", "seen 3", "asked at 1.5s", "asked at 3s", "seen 5",
			"seen 6", "seen 7", // k2, which was refused, and k3, which was never asked
			"asked at 0s", "seen 8", "asked at 0s",
		}
		if d := cmp.Diff(want, d.notes); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		last := res.Trace.Observations[7]
		if len(res.Trace.Observations) != 8 || last.Seq != 8 || last.Step != 4 || res.Trace.End.Requests != 8 || s.Snapshot().Sent != 8 {
			t.Errorf("it went on with request %d of step %d; end %+v", last.Seq, last.Step, res.Trace.End)
		}
	})
}
