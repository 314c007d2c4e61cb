package infer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// near are addresses at every nearness to the first: in its /64, its /56, its /48,
// and beyond.
var near = []string{"2001:db8:0:aa00::1", "2001:db8:0:aa00::2", "2001:db8:0:aa01::1", "2001:db8:0:ab00::1", "2001:db8:1::1"}

// sixes is a roster of those addresses.
func sixes(addresses ...string) trace.Roster {
	r := trace.Roster{Keys: []trace.Key{{Name: "k1"}, {Name: "k2"}}, Users: []string{"u1", "u2"}, Routes: []string{"/", "/a"}, Addresses: map[string]string{}}
	for _, a := range addresses {
		r.Vantages = append(r.Vantages, a)
		r.Addresses[a] = a
	}
	return r
}

func prefixed(t *testing.T, by string, bits int, r trace.Roster) Judgement {
	t.Helper()
	tr, _ := assess(t, world{specs: []string{fmt.Sprintf("token-bucket,rate=8,burst=14,headers=none,by=%s,ipv6-prefix=%d", by, bits)}, roster: r, seed: 5, net: loopback})
	return Judge(tr)
}

func TestIPv6PrefixThatHasACounter(t *testing.T) {
	t.Parallel()
	for _, bits := range []int{128, 64, 56, 48} {
		j := prefixed(t, "ip", bits, sixes(near...))
		if len(j.Limits) != 1 || !slices.Equal(j.Limits[0].Scope, []string{"ip"}) {
			t.Fatalf("/%d: %+v", bits, j.Limits)
		}
		l := j.Limits[0]
		if p := l.IPv6Prefix; p == nil || p.Value != float64(bits) || p.Lo > p.Value || p.Hi < p.Value {
			t.Errorf("/%d: stated as %+v", bits, p)
		}
		if l.Limit == nil || l.Limit.Value != 14 || l.RatePerS == nil || l.RatePerS.Lo > 8 || l.RatePerS.Hi < 8 {
			t.Errorf("/%d: limit %+v, rate %+v", bits, l.Limit, l.RatePerS)
		}
		if bits < 128 && !slices.ContainsFunc(l.Evidence, func(e verdict.Evidence) bool {
			return strings.Contains(e.Claim, near[1]+" was refused together") && len(e.Observations) > 0
		}) {
			t.Errorf("/%d: evidence %+v", bits, l.Evidence)
		}
	}
}

func TestIPv6PrefixThatTheAddressesLeaveOpen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		bits int
		of   []int // of near
		says string
	}{
		{64, []int{0, 4}, "(/48, /56, /64, /128): add another address in the same /64"},
		{64, []int{0, 1, 4}, "(/48, /56, /64): add an address in another /64 of the same /56"},
		{48, []int{0, 2, 4}, "(/48, /56): add an address in another /56 of the same /48"},
		{128, []int{0, 2}, "(/64, /128): add another address in the same /64"},
	} {
		var addresses []string
		for _, i := range c.of {
			addresses = append(addresses, near[i])
		}
		j := prefixed(t, "ip", c.bits, sixes(addresses...))
		if len(j.Limits) != 1 || j.Limits[0].IPv6Prefix != nil || !slices.Equal(j.Limits[0].Scope, []string{"ip"}) {
			t.Fatalf("/%d, %v: %+v", c.bits, c.of, j.Limits)
		}
		if !slices.ContainsFunc(j.NotTested, func(s string) bool { return strings.Contains(s, c.says) }) {
			t.Errorf("/%d, %v: %q", c.bits, c.of, j.NotTested)
		}
	}
}

// Addresses of one block that share a counter say nothing of addresses elsewhere.
func TestIPv6AddressesOfOneBlockAreNoTwoCallers(t *testing.T) {
	t.Parallel()
	j := prefixed(t, "ip+key", 64, sixes(near[0], near[1]))
	l := j.Limits[0]
	if l.Scope != nil || l.IPv6Prefix != nil || !slices.ContainsFunc(l.ScopeCandidates, func(n []string) bool { return slices.Equal(n, []string{"ip", "key"}) }) {
		t.Errorf("scope %v of %v", l.Scope, l.ScopeCandidates)
	}
	if !slices.ContainsFunc(j.NotTested, func(s string) bool {
		return strings.Contains(s, "lie in one /64 and share one; add an address in another /64")
	}) {
		t.Errorf("%q", j.NotTested)
	}
}

// Where a limit is not per address nothing is said of prefixes.
func TestIPv6PrefixOfALimitPerKey(t *testing.T) {
	t.Parallel()
	r := sixes(near[0], near[1], near[4])
	tr, _ := assess(t, world{specs: []string{"token-bucket,rate=8,burst=14,headers=none,by=key"}, roster: r, seed: 5, net: loopback})
	j := Judge(tr)
	if len(j.Limits) != 1 || !slices.Equal(j.Limits[0].Scope, []string{"key"}) || j.Limits[0].IPv6Prefix != nil {
		t.Errorf("%+v", j.Limits)
	}
	if slices.ContainsFunc(j.NotTested, func(s string) bool { return strings.Contains(s, "IPv6") }) {
		t.Errorf("%q", j.NotTested)
	}
}

// The address that a vantage is seen from counts, not the one it has.
func TestIPv6PrefixOfAddressesThatWereTold(t *testing.T) {
	t.Parallel()
	r := newRecord(trace.Roster{Vantages: []string{"a", "b"}, Routes: []string{"/"}, Addresses: map[string]string{"a": "fd00::1"}})
	for v, a := range map[string]string{"a": near[0], "b": near[1]} {
		r.observe(trace.Observation{Identity: trace.Identity{Vantage: v}, Route: "http://ip/", Egress: a})
	}
	if c, ok := common(r.roster, "a", "b"); !ok || c != 126 {
		t.Errorf("%d bits in common, %v", c, ok)
	}
}

// A vantage that was seen to share the baseline's counter is asked nothing more,
// whichever part of the record the engine looks at by then.
func TestAVantageThatSharesIsAskedOnce(t *testing.T) {
	t.Parallel()
	r := sixes(near...)
	tr, _ := assess(t, world{specs: []string{"token-bucket,rate=8,burst=14,headers=none,by=ip,ipv6-prefix=64,route=/", "token-bucket,rate=3,burst=5,headers=none,by=ip,ipv6-prefix=64,route=/a"}, roster: r, seed: 5, net: loopback})
	asked := 0
	for _, o := range tr.Observations {
		if o.Step > 0 && o.Identity.Vantage == near[1] {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}
