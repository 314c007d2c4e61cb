package sim_test

import (
	"testing"
	"time"

	"apisonde/probe/lab/limit"
	"apisonde/probe/plan"
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
