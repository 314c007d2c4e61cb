package sim_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisonde/probe/plan"
	"apisonde/probe/sim"
	"apisonde/probe/trace"
)

// Others use up what they share, and nothing of what they do not.
func TestOthersShareACounter(t *testing.T) {
	t.Parallel()
	other := trace.Identity{Vantage: "10.0.0.2"}
	d := &script{steps: []plan.Step{
		{Start: 10 * time.Second, Width: 1, Sends: append(sends(one, 200, 0), sends(other, 100, 0)...)},
	}}
	run := sim.Run(d, sim.Config{
		Stack: stack(t, "fixed-window,limit=100,window=1h,align=first-request"), Roster: roster, Budget: loose,
		Others: sim.Others{Identity: one, Route: "/", Rate: 5},
	})
	left := map[trace.Identity]int{}
	for _, o := range run.Observations {
		if o.Status == 200 {
			left[o.Identity]++
		}
	}
	if left[one] < 30 || left[one] > 70 || left[other] != 100 {
		t.Errorf("%d and %d of 100 left", left[one], left[other])
	}
}

// Slots that others hold come back when they are answered.
func TestOthersHoldSlots(t *testing.T) {
	t.Parallel()
	d := &script{steps: []plan.Step{{Width: 1, Sends: sends(one, 400, 50*time.Millisecond)}}}
	run := sim.Run(d, sim.Config{
		Stack: stack(t, "concurrency,limit=1,latency=10ms"), Roster: roster, Budget: loose,
		Others: sim.Others{Identity: one, Route: "/", Rate: 10},
	})
	if n := statuses(run.Observations)[429]; n < 10 || n > 90 {
		t.Errorf("%d of 400 met somebody, want about a tenth", n)
	}
}

func TestChange(t *testing.T) {
	t.Parallel()
	d := &script{steps: []plan.Step{
		{Width: 1, Sends: sends(one, 20, 0)}, {Start: 2 * time.Second, Width: 1, Sends: sends(one, 20, 0)},
	}}
	run := sim.Run(d, sim.Config{
		Stack: stack(t, "fixed-window,limit=5,window=1h"), Roster: roster, Budget: loose,
		Change: &sim.Change{At: time.Second, Stack: stack(t, "fixed-window,limit=8,window=1h")},
	})
	if diff := cmp.Diff(map[int]int{200: 13, 429: 28}, statuses(run.Observations)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestStalls(t *testing.T) {
	t.Parallel()
	const gap = 10 * time.Millisecond
	d := &script{steps: []plan.Step{{Width: 1, Sends: sends(one, 1000, gap)}}}
	run := sim.Run(d, sim.Config{
		Stack: stack(t, "none"), Roster: roster, Budget: loose,
		Net: sim.Net{Stall: 0.1, Stalled: gap / 2},
	})
	late := 0
	for _, o := range run.Observations {
		switch by := o.Written - o.Planned; {
		case by > 0 && by <= gap/2:
			late++
		case by != 0:
			t.Fatalf("late by %v", by)
		}
	}
	if late < 50 || late > 150 {
		t.Errorf("%d of 1000 late, want a tenth", late)
	}
}
