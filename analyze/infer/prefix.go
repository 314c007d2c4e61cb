package infer

import (
	"fmt"
	"maps"
	mathbits "math/bits"
	"net/netip"
	"slices"
	"strings"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// One subscriber has billions of IPv6 addresses, so limiters often count a prefix
// of the address instead of all of it. Two addresses that agree in their first c
// bits share a counter exactly where the prefix is at most c bits long. So an
// address that shares one with the baseline is no second caller, and bounds the
// prefix from above; one that has its own bounds it from below.

// prefixes are the lengths that limiters use.
var prefixes = []int{48, 56, 64, 128}

// related addresses agree in so many bits at least: such a pair may share a counter
// by a prefix. Others that share one do so whatever their addresses are.
const related = 48

// shared is a vantage that turned out to be the baseline under another address.
type shared struct {
	vantage  string
	common   int // leading bits
	evidence []verdict.Evidence
}

// common is how many leading bits two vantages have in common; false where one
// is not known to send from an IPv6 address.
func common(r trace.Roster, v, w string) (int, bool) {
	a, err := netip.ParseAddr(r.Addresses[v])
	b, err2 := netip.ParseAddr(r.Addresses[w])
	if err != nil || err2 != nil || !a.Is6() || !b.Is6() || a.Is4In6() || b.Is4In6() {
		return 0, false
	}
	x, y := a.As16(), b.As16()
	for i := range x {
		if d := x[i] ^ y[i]; d != 0 {
			return 8*i + mathbits.LeadingZeros8(d), true
		}
	}
	return 128, true
}

// kin tells a vantage that may share the baseline's counter by a prefix alone.
func kin(r trace.Roster, v string) bool {
	if !slices.Contains(r.Vantages, v) || v == r.Vantages[0] {
		return false
	}
	c, ok := common(r, r.Vantages[0], v)
	return ok && c >= related
}

// others are the vantages to compare with the baseline: one that is surely another
// caller, then one for each step of nearness, for those tell the prefix.
func others(r trace.Roster) []string {
	var far, near []string
	taken := map[int]bool{}
	for _, v := range r.Vantages[min(1, len(r.Vantages)):] {
		if !kin(r, v) {
			far = append(far, v)
			continue
		}
		c, _ := common(r, r.Vantages[0], v)
		step, _ := slices.BinarySearch(prefixes, c+1)
		if !taken[step] {
			taken[step] = true
			near = append(near, v)
		}
	}
	return append(far[:min(1, len(far))], near...)
}

// told takes in where a vantage was seen from.
func (r *record) told(o trace.Observation) {
	if o.Egress == trace.EgressUnknown {
		return
	}
	known := map[string]string{}
	maps.Copy(known, r.roster.Addresses)
	known[o.Identity.Vantage] = o.Egress
	r.roster.Addresses = known
}

// merge makes a vantage one with the baseline once it is seen to share its counter:
// from then on its requests are the baseline's.
func (r *record) merge(v string) {
	base := r.baseline()
	cs := r.contrasts()
	at := slices.IndexFunc(cs, func(c contrast) bool {
		return c.changes == scopeOf(trace.DimIP) && c.id.Vantage == v && c.vote() < 0
	})
	if at < 0 {
		return
	}
	c, _ := common(r.roster, base.id.Vantage, v)
	r.shared = append(r.shared, shared{v, c, r.contrastEvidence(&cs[at])})
	r.rename(v)
}

// rename makes a vantage's requests the baseline's, and the vantage none.
func (r *record) rename(v string) {
	base := r.base().Vantage
	for i := range r.samples {
		if x := &r.samples[i]; x.id.Vantage == v {
			was := counter{x.id, x.route}
			x.id.Vantage = base
			if n := r.admitted[was]; n > 0 {
				delete(r.admitted, was)
				r.admitted[counter{x.id, x.route}] += n
			}
		}
	}
	r.roster = r.roster.Without(trace.Canary{Identity: trace.Identity{Vantage: v}, Dim: trace.DimIP})
}

// as is the identity that a request counts as.
func (r *record) as(id trace.Identity) trace.Identity {
	if slices.ContainsFunc(r.shared, func(s shared) bool { return s.vantage == id.Vantage }) {
		id.Vantage = r.base().Vantage
	}
	return id
}

// bounds are the ends of what the prefix may be; false where the baseline has no
// IPv6 address.
func (r *record) bounds(cs []contrast) (lo, hi int, ok bool) {
	base := r.base().Vantage
	if _, ok := common(r.roster, base, base); !ok {
		return 0, 0, false
	}
	lo, hi = 1, 128
	for _, s := range r.shared {
		hi = min(hi, s.common)
	}
	for i := range cs {
		if cs[i].changes != scopeOf(trace.DimIP) || cs[i].vote() <= 0 {
			continue
		}
		if c, ok := common(r.roster, base, cs[i].id.Vantage); ok {
			lo = max(lo, c+1)
		}
	}
	return lo, hi, lo <= hi
}

// statePrefix says how much of an IPv6 address a limit per address counts, or what
// would tell.
func (r *record) statePrefix(j *Judgement) {
	lo, hi, ok := r.bounds(r.contrasts())
	if !ok {
		return
	}
	var fit []int
	for _, p := range prefixes {
		if lo <= p && p <= hi {
			fit = append(fit, p)
		}
	}
	for i := range j.Limits {
		l := &j.Limits[i]
		if !surelyBy(*l, trace.DimIP) {
			continue
		}
		for _, s := range r.shared {
			l.Evidence = append(l.Evidence, s.evidence...)
		}
		switch len(fit) {
		case 1:
			l.IPv6Prefix = &verdict.Figure{Value: float64(fit[0]), Lo: float64(lo), Hi: float64(hi)}
		case 0: // an unusual one
			l.IPv6Prefix = &verdict.Figure{Value: float64(hi), Lo: float64(lo), Hi: float64(hi)}
		default:
			j.NotTested = append(j.NotTested, undecided(fit))
			return
		}
	}
}

// undecided words what the prefix may be, and which address would tell.
func undecided(fit []int) string {
	var names []string
	for _, p := range fit {
		names = append(names, fmt.Sprintf("/%d", p))
	}
	add := "an address in another /56 of the same /48"
	switch {
	case slices.Contains(fit, 64) && slices.Contains(fit, 128):
		add = "another address in the same /64"
	case slices.Contains(fit, 56) && slices.Contains(fit, 64):
		add = "an address in another /64 of the same /56"
	}
	return fmt.Sprintf("which part of an IPv6 address has a counter of its own (%s): add %s (--ip)", strings.Join(names, ", "), add)
}

// sameBlock says that the addresses given are near one another, which leaves open
// whether farther ones are told apart; "" where they are not.
func (r *record) sameBlock() string {
	if len(r.shared) == 0 {
		return ""
	}
	hi := 128
	for _, s := range r.shared {
		hi = min(hi, s.common)
	}
	for _, p := range slices.Backward(prefixes) {
		if p <= hi {
			return fmt.Sprintf("whether each address has a limit of its own: the IPv6 addresses given lie in one /%d and share one; add an address in another /%d (--ip)", p, p)
		}
	}
	return ""
}
