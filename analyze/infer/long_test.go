package infer

import (
	"fmt"
	"testing"
	"time"

	"apisonde/analyze/verdict"
	"apisonde/probe/lab/limit"
	"apisonde/probe/plan"
	"apisonde/probe/sim"
	"apisonde/probe/trace"
)

// steady asks one counter at a fixed rate, in steps of a thousand.
type steady struct {
	n   int
	gap time.Duration
}

func (s *steady) Observe(trace.Observation) trace.Outcome { return trace.Ignored }

func (s *steady) Next(time.Duration) (plan.Step, bool) {
	n := min(1000, s.n)
	s.n -= n
	step := plan.Step{Width: 1, Sends: burst(counter{oneOfEach().Baseline(), "/"}, n)}
	for i := range step.Sends {
		step.Sends[i].At = time.Duration(i) * s.gap
	}
	return step, n > 0
}

// long is a trace of n requests of somebody who asks on and on.
func long(tb testing.TB, n int) trace.Trace {
	tb.Helper()
	stack, err := limit.Parse([]string{"fixed-window,align=first-request,limit=100,window=10s,headers=none"})
	if err != nil {
		tb.Fatal(err)
	}
	return sim.Run(&steady{n, 50 * time.Millisecond}, sim.Config{Stack: stack, Roster: oneOfEach(), Budget: trace.Budget{}, Seed: 1, Loopback: true, Net: loopback})
}

// A trace far longer than any that the engine makes is read like a short one.
func TestLongTrace(t *testing.T) {
	t.Parallel()
	tr := long(t, 30_000)
	r := recordOf(tr.Meta)
	for _, o := range tr.Observations {
		r.observe(o)
	}
	for _, ev := range r.arms(0) {
		if len(ev) > mostEvents {
			t.Errorf("%d events to fit", len(ev))
		}
	}
	j := Judge(tr)
	if len(j.Limits) != 1 {
		t.Fatalf("%+v", j)
	}
	l := j.Limits[0]
	if l.Algorithm != verdict.FixedWindow || l.Limit == nil || l.Limit.Value != 100 || l.WindowS == nil || l.WindowS.Lo > 10 || l.WindowS.Hi < 10 {
		t.Errorf("%+v", l)
	}
}

// BenchmarkLongTrace is the reading of traces that nobody planned.
func BenchmarkLongTrace(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			tr := long(b, n)
			b.ReportAllocs()
			for b.Loop() {
				Judge(tr)
			}
		})
	}
}
