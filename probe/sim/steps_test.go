package sim_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisonde/probe/plan"
	"apisonde/probe/sim"
	"apisonde/probe/trace"
)

// inflight is the most requests that were out at once.
func inflight(os []trace.Observation) int {
	most := 0
	for _, o := range os {
		n := 0
		for _, p := range os {
			if p.Written <= o.Written && o.Written < p.Done {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func TestWidthBoundsWhatIsInFlight(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ width, ceiling, want int }{{1, 256, 1}, {0, 256, 1}, {7, 256, 7}, {7, 3, 3}, {100, 256, 20}} {
		budget := loose
		budget.MaxInflight = test.ceiling
		d := &script{steps: []plan.Step{{Width: test.width, Sends: sends(one, 20, 0)}}}
		run := sim.Run(d, sim.Config{Stack: stack(t, "none"), Roster: roster, Budget: budget, Net: sim.Net{RTT: time.Second, Jitter: time.Second}})
		if got := inflight(run.Observations); got != test.want {
			t.Errorf("width %d under a ceiling of %d: %d in flight, want %d", test.width, test.ceiling, got, test.want)
		}
	}
}

func TestStepsStopEarly(t *testing.T) {
	t.Parallel()
	const spec = "fixed-window,limit=5,window=1h"
	for _, test := range []struct {
		name string
		step plan.Step
		want map[int]int // the canary is one of those admitted
	}{
		{"limited", plan.Step{Width: 1, StopAfterLimited: 2}, map[int]int{200: 5, 429: 2}},
		{"admitted", plan.Step{Width: 1, StopAfterAdmitted: 3}, map[int]int{200: 4}},
		{"neither", plan.Step{Width: 1}, map[int]int{200: 5, 429: 16}},
		{"limited in a burst, where those in flight still count", plan.Step{Width: 10, StopAfterLimited: 1}, map[int]int{200: 5, 429: 9}},
	} {
		test.step.Sends = sends(one, 20, 0)
		d := &script{steps: []plan.Step{test.step}}
		run := sim.Run(d, sim.Config{Stack: stack(t, spec), Roster: roster, Budget: loose, Net: sim.Net{RTT: time.Millisecond}})
		got := statuses(run.Observations)
		if test.step.Width > 1 { // how many had left by then is up to the schedule
			if n := got[429]; n < 1 || n > test.want[429] {
				t.Errorf("%s: %d limited", test.name, n)
			}
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.name, diff)
		}
	}
}

func TestCeilings(t *testing.T) {
	t.Parallel()
	other := trace.Identity{Vantage: "10.0.0.2"}
	for _, test := range []struct {
		name   string
		budget func(*trace.Budget)
		step   plan.Step
		reason string
		want   map[int]int
	}{
		{
			"requests", func(b *trace.Budget) { b.MaxRequests = 8 },
			plan.Step{Width: 4, Sends: sends(one, 50, 0)}, "budget", map[int]int{200: 5, 429: 3},
		},
		{
			"requests used up exactly", func(b *trace.Budget) { b.MaxRequests = 8 },
			plan.Step{Width: 1, Sends: sends(one, 7, 0)}, "budget", map[int]int{200: 5, 429: 3},
		},
		{
			"duration", func(b *trace.Budget) { b.MaxDuration = time.Second },
			plan.Step{Width: 1, Start: 500 * time.Millisecond, Sends: sends(one, 50, 100*time.Millisecond)}, "duration", map[int]int{200: 5, 429: 1},
		},
		{
			"a start beyond the duration", func(b *trace.Budget) { b.MaxDuration = time.Second },
			plan.Step{Width: 1, Start: time.Second, Sends: sends(one, 1, 0)}, "duration", map[int]int{200: 1},
		},
		{
			"rejections, one by one", func(b *trace.Budget) { b.MaxRejections = 3 },
			plan.Step{Width: 1, Sends: sends(one, 50, 0)}, "", map[int]int{200: 5, 429: 3},
		},
		{
			"rejections, many at once, and another identity goes on", func(b *trace.Budget) { b.MaxRejections = 3 },
			plan.Step{Width: 20, Sends: append(sends(one, 50, 0), sends(other, 20, 0)...)}, "", map[int]int{200: 10, 429: 6},
		},
	} {
		budget := loose
		test.budget(&budget)
		d := &script{steps: []plan.Step{test.step}}
		run := sim.Run(d, sim.Config{Stack: stack(t, "fixed-window,limit=5,window=1h"), Roster: roster, Budget: budget, Net: sim.Net{RTT: time.Millisecond}})
		if diff := cmp.Diff(test.want, statuses(run.Observations)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.name, diff)
		}
		if run.End.Reason != test.reason || run.End.Requests != len(run.Observations) || len(d.seen) != len(run.Observations) {
			t.Errorf("%s: ended by %q after %d requests, %d of them seen", test.name, run.End.Reason, run.End.Requests, len(d.seen))
		}
	}
}

func TestRateCeilingHoldsInEverySecond(t *testing.T) {
	t.Parallel()
	budget := loose
	budget.MaxRate = 7
	d := &script{steps: []plan.Step{{Width: 5, Sends: sends(one, 60, 0)}, {Width: 1, Sends: sends(one, 20, 90*time.Millisecond)}}}
	os := sim.Run(d, sim.Config{Stack: stack(t, "none"), Roster: roster, Budget: budget, Net: sim.Net{RTT: time.Millisecond}}).Observations
	if len(os) != 81 {
		t.Fatalf("%d requests, want 81", len(os))
	}
	for i := 7; i < len(os); i++ {
		if gap := os[i].Written - os[i-7].Written; gap < time.Second {
			t.Fatalf("requests %d to %d within %v", i-6, i+1, gap)
		}
	}
	if took := os[80].Written - os[0].Written; took > 12*time.Second {
		t.Errorf("81 requests took %v", took)
	}
}

func TestStepsWithoutSends(t *testing.T) {
	t.Parallel()
	pause := func(until time.Duration) plan.Step { return plan.Step{Start: until} }
	d := &script{steps: []plan.Step{pause(time.Second), pause(3 * time.Second), {Width: 1, Sends: sends(one, 1, 0)}, {}, {}, {}, {}}}
	run := sim.Run(d, sim.Config{Stack: stack(t, "none"), Roster: roster, Budget: loose})
	if diff := cmp.Diff([]time.Duration{0, time.Second, 3 * time.Second, 3 * time.Second, 3 * time.Second, 3 * time.Second}, d.asked); diff != "" {
		t.Errorf("asked at (-want +got)\n%s", diff)
	}
	if run.End.Reason != "budget" || len(d.steps) != 1 {
		t.Errorf("ended by %q with %d steps left", run.End.Reason, len(d.steps))
	}
}

func TestConnections(t *testing.T) {
	t.Parallel()
	fresh := plan.Send{Identity: one, Route: "/", NewConn: true}
	old := plan.Send{Identity: one, Route: "/"}
	d := &script{steps: []plan.Step{
		{Width: 1, Sends: []plan.Send{old, fresh, old, fresh}},
		{Width: 3, Sends: []plan.Send{old, old, old}},
		{Width: 1, Sends: []plan.Send{old}},
	}}
	var got []int
	var at []time.Duration // in milliseconds, one a round trip
	run := sim.Run(d, sim.Config{Stack: stack(t, "none"), Roster: roster, Budget: loose, Net: sim.Net{RTT: time.Millisecond}})
	for _, o := range run.Observations {
		got = append(got, o.Conn)
		at = append(at, o.Written/time.Millisecond)
	}
	if diff := cmp.Diff([]int{1, 1, 2, 1, 3, 1, 4, 5, 1}, got); diff != "" {
		t.Errorf("connections (-want +got)\n%s", diff)
	}
	// The canary and the first two steps dial, which takes a round trip.
	if diff := cmp.Diff([]time.Duration{1, 3, 4, 5, 6, 8, 8, 8, 9}, at); diff != "" {
		t.Errorf("instants (-want +got)\n%s", diff)
	}
}
