package sim_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisonde/probe/plan"
	"apisonde/probe/sim"
	"apisonde/probe/trace"
)

// Requests of a burst overtake one another, and the server counts them in the
// order in which they arrive.
func TestServerDecidesInOrderOfArrival(t *testing.T) {
	t.Parallel()
	const n = 200
	d := &script{steps: []plan.Step{{Width: n, Sends: sends(one, n, 0)}}}
	run := sim.Run(d, sim.Config{
		Stack: stack(t, "fixed-window,limit=1000,window=1h"), Roster: roster, Budget: loose, Seed: 3,
		Net: sim.Net{RTT: 10 * time.Millisecond, Jitter: 40 * time.Millisecond},
	})
	last, overtaken := -1, false
	for i, o := range run.Observations {
		if o.Seq != i+1 {
			t.Fatalf("observation %d has sequence %d", i+1, o.Seq)
		}
		if rtt := o.Done - o.Written; rtt < 10*time.Millisecond || rtt > 50*time.Millisecond {
			t.Fatalf("a round trip of %v", rtt)
		}
		// What remained tells the place in the order of arrival.
		var place int
		for _, h := range o.Headers {
			if h.Name == "X-RateLimit-Remaining" {
				place = 999 - atoi(t, string(h.Value))
			}
		}
		if place < last {
			overtaken = true
		}
		last = place
	}
	if !overtaken {
		t.Error("no request overtook another")
	}
	for i := 1; i < len(d.seen); i++ {
		if d.seen[i].Done < d.seen[i-1].Done {
			t.Fatalf("reported in another order than that of closing: %v after %v", d.seen[i].Done, d.seen[i-1].Done)
		}
	}
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A slot is held as long as the server works, not as long as the answer travels.
func TestConcurrencyIsHeldOnTheServer(t *testing.T) {
	t.Parallel()
	d := &script{steps: []plan.Step{
		{Width: 10, Sends: sends(one, 10, 0)},
		{Width: 10, Sends: sends(one, 10, 60*time.Millisecond)},
	}}
	run := sim.Run(d, sim.Config{
		Stack: stack(t, "concurrency,limit=4,latency=50ms"), Roster: roster, Budget: loose,
		Net: sim.Net{RTT: 200 * time.Millisecond},
	})
	if diff := cmp.Diff(map[int]int{200: 15, 429: 6}, statuses(run.Observations)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLossAndFaults(t *testing.T) {
	t.Parallel()
	const n = 4000
	d := &script{steps: []plan.Step{{Width: 1, Sends: sends(one, n, 0)}}}
	run := sim.Run(d, sim.Config{
		Stack: stack(t, "fixed-window,limit=100000,window=1000h,align=first-request"), Roster: roster, Budget: trace.Budget{MaxRequests: n},
		Net: sim.Net{RTT: time.Millisecond, Loss: 0.1, Spurious: 0.05, Timeout: time.Second},
	})
	var lost, wrong int
	least := 100000
	for _, o := range run.Observations {
		switch {
		case o.Fault == trace.FaultTimeout:
			lost++
			if o.Status != 0 || o.Done != 0 || o.Headers != nil {
				t.Fatalf("an answer that never came: %+v", o)
			}
		case o.Status == 500:
			wrong++
		}
		for _, h := range o.Headers {
			if h.Name == "X-RateLimit-Remaining" {
				least = min(least, atoi(t, string(h.Value)))
			}
		}
	}
	if lost < n*8/100 || lost > n*12/100 {
		t.Errorf("%d of %d lost, want a tenth", lost, n)
	}
	if wrong < n*3/100 || wrong > n*6/100 {
		t.Errorf("%d of %d answered 500, want a twentieth", wrong, n)
	}
	// Half of the lost requests were counted by the server.
	if unseen := n - (100000 - least); unseen < lost/3 || unseen > lost*2/3 {
		t.Errorf("the server counted all but %d, of %d lost", unseen, lost)
	}
	if run.End.At < time.Duration(lost)*time.Second {
		t.Errorf("the run took %v with %d timeouts of a second", run.End.At, lost)
	}
}

func TestServerClock(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 5, 6, 7, 8, 9, 500e6, time.UTC)
	run := sim.Run(&script{}, sim.Config{
		Stack: stack(t, "fixed-window,limit=1,window=1m"), Roster: roster, Budget: loose, Start: start,
		Net: sim.Net{Skew: 90 * time.Second},
	})
	if diff := cmp.Diff([]trace.Header{
		{Name: "Date", Value: "Wed, 06 May 2026 07:09:39 GMT"},
		{Name: "X-RateLimit-Limit", Value: "1"}, {Name: "X-RateLimit-Remaining", Value: "0"}, {Name: "X-RateLimit-Reset", Value: "21"},
	}, run.Observations[0].Headers); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if !run.Meta.Started.Equal(start) {
		t.Errorf("started at %v, want the client's %v", run.Meta.Started, start)
	}
}
