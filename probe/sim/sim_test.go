package sim_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisonde/probe/lab/limit"
	"apisonde/probe/plan"
	"apisonde/probe/sim"
	"apisonde/probe/trace"
)

// script is a decider that asks what it was told to and keeps what it saw.
type script struct {
	steps []plan.Step
	seen  []trace.Observation
	asked []time.Duration
}

func (s *script) Observe(o trace.Observation) trace.Outcome {
	s.seen = append(s.seen, o)
	switch {
	case o.Fault != trace.FaultNone || o.Status == 500:
		return trace.Ignored
	case o.Status == 200:
		return trace.Admitted
	}
	return trace.Limited
}

func (s *script) Next(now time.Duration) (plan.Step, bool) {
	s.asked = append(s.asked, now)
	if len(s.steps) == 0 {
		return plan.Step{}, false
	}
	step := s.steps[0]
	s.steps = s.steps[1:]
	return step, true
}

var (
	one    = trace.Identity{Vantage: "10.0.0.1"}
	roster = trace.Roster{Vantages: []string{"10.0.0.1"}, Routes: []string{"/"}}
	loose  = trace.Budget{MaxRequests: 100_000, MaxDuration: time.Hour, MaxInflight: 256}
)

func stack(t testing.TB, specs ...string) *limit.Stack {
	t.Helper()
	s, err := limit.Parse(specs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sends is n sends of id, one each gap.
func sends(id trace.Identity, n int, gap time.Duration) []plan.Send {
	out := make([]plan.Send, n)
	for i := range out {
		out[i] = plan.Send{At: time.Duration(i) * gap, Identity: id, Route: "/"}
	}
	return out
}

// statuses counts the observations of each status.
func statuses(os []trace.Observation) map[int]int {
	out := map[int]int{}
	for _, o := range os {
		out[o.Status]++
	}
	return out
}

func TestCanaryThenSteps(t *testing.T) {
	t.Parallel()
	d := &script{steps: []plan.Step{
		{Width: 1, Sends: sends(one, 3, 0)},
		{Width: 1, Start: 2 * time.Second, Sends: sends(one, 2, 500*time.Millisecond)},
	}}
	got := sim.Run(d, sim.Config{
		Stack: stack(t, "fixed-window,limit=3,window=10s,align=first-request,headers=none"), Roster: roster, Budget: loose,
		Net: sim.Net{RTT: 20 * time.Millisecond, Think: time.Millisecond},
	})
	type row struct {
		Step, Status                   int
		Planned, Written, First, Close time.Duration
	}
	var rows []row
	for _, o := range got.Observations {
		rows = append(rows, row{o.Step, o.Status, o.Planned, o.Written, o.FirstByte, o.Done})
	}
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	want := []row{
		{0, 200, ms(20), ms(20), ms(40), ms(40)}, // the connection takes a round trip
		{1, 200, ms(41), ms(41), ms(61), ms(61)},
		{1, 200, ms(41), ms(61), ms(81), ms(81)},
		{1, 429, ms(41), ms(81), ms(101), ms(101)},
		{2, 429, ms(2000), ms(2000), ms(2020), ms(2020)},
		{2, 429, ms(2500), ms(2500), ms(2520), ms(2520)},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(got.Observations, d.seen); diff != "" {
		t.Errorf("the decider saw something else (-trace +seen)\n%s", diff)
	}
	if diff := cmp.Diff(&trace.End{At: ms(2521), Requests: 6}, got.End); diff != "" {
		t.Errorf("end (-want +got)\n%s", diff)
	}
}

// tally is a decider that only counts.
type tally struct {
	step plan.Step
	more int
}

func (c *tally) Observe(o trace.Observation) trace.Outcome {
	if o.Status == 200 {
		return trace.Admitted
	}
	return trace.Limited
}

func (c *tally) Next(time.Duration) (plan.Step, bool) {
	c.more--
	return c.step, c.more >= 0
}

// BenchmarkRun reports the cost of one request in runs of 2,000.
func BenchmarkRun(b *testing.B) {
	for _, c := range []struct {
		name  string
		width int
	}{{"one by one", 1}, {"bursts of 64", 64}} {
		b.Run(c.name, func(b *testing.B) {
			step := plan.Step{Width: c.width, Sends: sends(one, 100, 0)}
			const steps = 20
			for range b.N {
				sim.Run(&tally{step, steps}, sim.Config{
					Stack: stack(b, "token-bucket,rate=50,burst=20"), Roster: roster, Budget: loose,
					Net: sim.Net{RTT: time.Millisecond, Jitter: time.Millisecond},
				})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*steps*100), "ns/request")
		})
	}
}
