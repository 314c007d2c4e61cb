package trace

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhoSharesAddressOrAccount(t *testing.T) {
	t.Parallel()
	a1 := Identity{Vantage: "a", Key: "k1", Owner: "alice", User: "u"}
	for with, want := range map[Identity]bool{
		{Vantage: "a"}:                            true,
		{Vantage: "b", Key: "k1"}:                 true,
		{Vantage: "b", Key: "k2", Owner: "alice"}: true,
		{Vantage: "b", Key: "k2", User: "u"}:      true,
		{Vantage: "b", Key: "k2", Owner: "bob"}:   false,
		{Vantage: "b"}:                            false,
	} {
		if a1.Shares(with) != want || with.Shares(a1) != want {
			t.Errorf("%s and %s: %v, want %v", a1, with, !want, want)
		}
	}
	if (Identity{Vantage: "a"}).Shares(Identity{Vantage: "b"}) {
		t.Error("two anonymous callers share no account")
	}
}

func TestTheRosterBeyondACaller(t *testing.T) {
	t.Parallel()
	r := Roster{
		Vantages: []string{"a", "b", "c"}, Users: []string{"u", "v"}, Routes: []string{"/"},
		Keys: []Key{{Name: "k1", Owner: "alice"}, {Name: "k2", Owner: "alice"}, {Name: "k3", Owner: "bob"}, {Name: "k4"}},
	}
	got, some := r.Beyond(Identity{Vantage: "b", Key: "k1", Owner: "alice", User: "u"})
	want := Roster{Vantages: []string{"a", "c"}, Users: []string{"v"}, Routes: []string{"/"}, Keys: []Key{{Name: "k3", Owner: "bob"}, {Name: "k4"}}}
	if d := cmp.Diff(want, got); d != "" || !some {
		t.Errorf("some %v (-want +got):\n%s", some, d)
	}
	for _, r := range []Roster{
		{Vantages: []string{"a"}, Keys: []Key{{Name: "k1"}, {Name: "k2"}}},
		{Vantages: []string{"a", "b"}, Keys: []Key{{Name: "k1"}}},
		{Vantages: []string{"a", "b"}, Users: []string{"u"}},
	} {
		if rest, some := r.Beyond(r.Baseline()); some {
			t.Errorf("beyond the baseline of %+v there is %+v", r, rest)
		}
	}
	if _, some := (Roster{Vantages: []string{"a", "b"}}).Beyond(Identity{Vantage: "a"}); !some {
		t.Error("without keys another address is another caller")
	}
}
