package sim_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisonde/probe/plan"
	"apisonde/probe/sim"
	"apisonde/probe/trace"
)

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
