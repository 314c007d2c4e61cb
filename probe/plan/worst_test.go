package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisonde/probe/trace"
)

func roster() trace.Roster {
	return trace.Roster{Vantages: []string{"a"}, Keys: []trace.Key{{Name: "k1", Owner: "alice"}, {Name: "k2"}}, Routes: []string{"/", "/b"}}
}

func TestWorst(t *testing.T) {
	t.Parallel()
	p := Plan{Roster: roster(), Budget: trace.Budget{MaxRequests: 100, MaxDuration: time.Minute, MaxInflight: 4, MaxRejections: 25}}
	k1 := trace.Identity{Vantage: "a", Key: "k1", Owner: "alice"}
	k2 := trace.Identity{Vantage: "a", Key: "k2"}
	// Three canaries: k1 on /, k2 on /, k1 on /b. Each row spares the others theirs.
	want := []Cell{
		{k1, "/", true, 98, 25}, {k1, "/b", true, 98, 25},
		{k2, "/", true, 98, 25}, {k2, "/b", false, 97, 25},
	}
	if d := cmp.Diff(want, p.Worst()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}

	p.Budget.MaxRequests = 2 // not even the canaries fit; each row alone still can
	for _, c := range p.Worst() {
		if most := map[bool]int{true: 1, false: 0}[c.First]; c.Requests != most {
			t.Errorf("%s %s: %d requests, want %d", c.Identity, c.Route, c.Requests, most)
		}
	}
}

func TestRequestsAndPeakRate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		requests, rate int
		span           time.Duration
		total, peak    int
	}{
		{1000, 0, time.Minute, 1000, 1000},
		{1000, 20, 15 * time.Minute, 1000, 20},
		{1000, 20, 2500 * time.Millisecond, 60, 20},
		{10, 20, time.Minute, 10, 10},
		{10, 1 << 62, 1 << 62, 10, 10},
	} {
		p := Plan{Roster: roster(), Budget: trace.Budget{MaxRequests: c.requests, MaxRate: c.rate, MaxDuration: c.span}}
		if p.Requests() != c.total || p.PeakRate() != c.peak {
			t.Errorf("%+v: %d requests, peak %d", c, p.Requests(), p.PeakRate())
		}
	}
}

func TestUnseenNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	p := Plan{Roster: roster(), Budget: trace.Budget{MaxRequests: 100, MaxDuration: time.Minute, MaxInflight: 4, MaxRate: 20, MaxRejections: 25}, Inside: 2, Leave: 0.2, StopAtBan: true}
	want := []string{
		"a limit of more than about 97 requests for each counter",
		"a window that ends more than 1m0s after it began",
		"a limit on concurrency above 4",
		"a limit that only more than 20 requests in a second would meet",
		"what only more than 25 rejections of one identity would show",
		"what only more than 2 requests within a stated wait would show",
		"the end of a quota that the server states for more than 5 minutes: 20 % of it are left (--leave)",
		"what follows where the server looks like banning: who shares the caller's address or account is asked nothing more (--learn bans goes on)",
		"whose counter it is, as far as that needs a second address (--ip), a second user (--user, or keys with owners)",
	}
	if d := cmp.Diff(want, p.Unseen()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}

	p.Roster.Keys[1].Owner = "bob" // two owners tell per user from per key
	if d := cmp.Diff("whose counter it is, as far as that needs a second address (--ip)", p.Unseen()[8]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
