package sim_test

import (
	"strconv"
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
		{1, 200, ms(61), ms(61), ms(81), ms(81)},
		{1, 429, ms(81), ms(81), ms(101), ms(101)},
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

func TestCanariesGoFirst(t *testing.T) {
	t.Parallel()
	full := trace.Roster{
		Vantages: []string{"a", "b"}, Keys: []trace.Key{{Name: "k1", Owner: "o1"}, {Name: "k2", Owner: "o1"}},
		Users: []string{"u1"}, Forwarded: []string{"f1", "f2"}, Routes: []string{"/", "/x"},
	}
	got := sim.Run(&script{}, sim.Config{Stack: stack(t, "none"), Roster: full, Budget: loose, Seed: 5, Loopback: true})
	var sent []trace.Canary
	for _, o := range got.Observations {
		if o.Step != 0 {
			t.Errorf("step %d, want 0", o.Step)
		}
		sent = append(sent, trace.Canary{Identity: o.Identity, Route: o.Route})
	}
	var want []trace.Canary
	for _, c := range full.Canaries() {
		want = append(want, trace.Canary{Identity: c.Identity, Route: c.Route})
	}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	meta := trace.Meta{
		Tool: "sim", Target: trace.Target{Method: "GET", URL: "http://sim.invalid/"},
		Started: got.Meta.Started, Seed: 5, Roster: full, Budget: loose, Loopback: true,
	}
	if diff := cmp.Diff(meta, got.Meta); diff != "" {
		t.Errorf("meta (-want +got)\n%s", diff)
	}
}

// TestIdentities asks who shares a counter with the baseline.
func TestIdentities(t *testing.T) {
	t.Parallel()
	base := trace.Identity{Vantage: "a", Key: "k1", Owner: "o1", Forwarded: "f1"}
	change := func(f func(*trace.Identity)) trace.Identity { id := base; f(&id); return id }
	for _, test := range []struct {
		by    string
		id    trace.Identity
		fresh bool
	}{
		{"ip", change(func(id *trace.Identity) { id.Vantage = "b" }), true},
		{"ip", change(func(id *trace.Identity) { id.Key, id.Owner, id.Forwarded = "k2", "o2", "f2" }), false},
		{"key", change(func(id *trace.Identity) { id.Key = "k2" }), true},
		{"user", change(func(id *trace.Identity) { id.Key = "k2" }), false}, // one owner
		{"user", change(func(id *trace.Identity) { id.Key, id.Owner = "k2", "o2" }), true},
		{"user", change(func(id *trace.Identity) { id.User, id.Owner = "o1", "o2" }), false}, // a user of its own wins
		{"forwarded", change(func(id *trace.Identity) { id.Forwarded = "f2" }), true},
		{"forwarded", change(func(id *trace.Identity) { id.Vantage = "b" }), false},
	} {
		d := &script{steps: []plan.Step{{Width: 1, Sends: append(sends(base, 2, 0), sends(test.id, 1, 0)...)}}}
		sim.Run(d, sim.Config{Stack: stack(t, "fixed-window,limit=2,window=1h,by="+test.by), Roster: roster, Budget: loose})
		if last := d.seen[len(d.seen)-1]; (last.Status == 200) != test.fresh {
			t.Errorf("by=%s: %v after %v got %d", test.by, test.id, base, last.Status)
		}
	}
}

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

func TestRepeatable(t *testing.T) {
	t.Parallel()
	once := func(seed uint64) trace.Trace {
		d := &script{steps: []plan.Step{{Width: 30, Sends: append(sends(one, 100, time.Millisecond), sends(trace.Identity{Key: "k"}, 100, 0)...)}}}
		return sim.Run(d, sim.Config{
			Stack: stack(t, "token-bucket,rate=100,burst=10,latency=1ms,jitter=9ms"), Roster: roster, Budget: loose, Seed: seed,
			Net: sim.Net{RTT: 5 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.01, Spurious: 0.01},
		})
	}
	if diff := cmp.Diff(once(1), once(1)); diff != "" {
		t.Errorf("the same seed gave another run\n%s", diff)
	}
	if cmp.Equal(once(1), once(2)) {
		t.Error("another seed gave the same run")
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
