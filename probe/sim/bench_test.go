package sim_test

import (
	"testing"
	"time"

	"apisonde/probe/plan"
	"apisonde/probe/sim"
	"apisonde/probe/trace"
)

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
