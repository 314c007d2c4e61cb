package infer

import (
	"slices"
	"strings"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// dims are the dimensions a counter's key can be made of, in verdict order.
var dims = []trace.Dim{trace.DimForwarded, trace.DimIP, trace.DimKey, trace.DimOwner, trace.DimRoute, trace.DimUser}

// scope is a set of dimensions: bit i stands for dims[i]. A limiter with that
// scope has one counter for each combination of their values.
type scope uint8

// everyDim has a counter for each caller and route.
const everyDim scope = 1<<6 - 1

func (s scope) has(d trace.Dim) bool { return s&scopeOf(d) != 0 }

func scopeOf(d trace.Dim) scope { return 1 << slices.Index(dims, d) }

// project is the counter that a request belongs to under the scope.
func (s scope) project(id trace.Identity, route string) string {
	var b strings.Builder
	for i, d := range dims {
		if s&(1<<i) != 0 {
			b.WriteString(id.Value(d, route))
		}
		b.WriteByte(0)
	}
	return b.String()
}

// names are the verdict's names: an owner is a user.
func (s scope) names() []string {
	out := []string{}
	for i, d := range dims {
		if s&(1<<i) == 0 {
			continue
		}
		if d == trace.DimOwner {
			d = trace.DimUser
		}
		if !slices.Contains(out, string(d)) {
			out = append(out, string(d))
		}
	}
	slices.Sort(out)
	return out
}

// contrast changes some dimensions of the baseline. While the baseline's
// counter is exhausted, a variant that is rejected shares it, and one that is
// admitted, between two rejected controls, has a counter of its own.
type contrast struct {
	changes scope
	id      trace.Identity
	route   string
	shared  int // times it was rejected
	own     int // times it was admitted between rejected controls
	unclear int // times a control was admitted too
}

// vote says what the contrast showed: +1 a counter of its own, -1 shared, 0
// nothing yet. One rejection is conclusive unless an admission contradicts it.
func (c *contrast) vote() int {
	switch {
	case c.own > c.shared:
		return 1
	case c.shared > c.own:
		return -1
	}
	return 0
}

// possible lists every scope that could hold for the roster, untested
// dimensions included: whoever has one key only cannot know whether others have
// counters of their own.
func possible(r trace.Roster) []scope {
	var usable scope
	for _, d := range []trace.Dim{trace.DimIP, trace.DimKey, trace.DimRoute} {
		usable |= scopeOf(d)
	}
	// A user is one that travels by itself, or the account behind a key.
	owners := r.Count(trace.DimOwner) > 0
	users := r.Count(trace.DimUser) > 0
	if owners {
		usable |= scopeOf(trace.DimOwner)
	}
	if users || !owners {
		usable |= scopeOf(trace.DimUser)
	}
	if r.Count(trace.DimForwarded) > 0 {
		usable |= scopeOf(trace.DimForwarded)
	}
	var out []scope
	for s := scope(0); s < 1<<len(dims); s++ {
		if s&^usable == 0 {
			out = append(out, s)
		}
	}
	return out
}

// consistent says whether the contrast's outcome is what scope s predicts.
// Whether two keys belong to one account is unknown unless owners were told, so
// a scope per user predicts nothing about them, unless the rest of it does.
func (c *contrast) consistent(s scope, r trace.Roster) bool {
	same := s.project(c.id, c.route) == s.project(r.Baseline(), r.Routes[0])
	if same && s.has(trace.DimUser) && len(r.Users) == 0 && c.changes&scopeOf(trace.DimKey) != 0 {
		return true
	}
	switch c.vote() {
	case 1:
		return !same
	case -1:
		return same
	}
	return true
}

// candidates are the scopes that every contrast leaves.
func (r *record) candidates(cs []contrast) []scope {
	var out []scope
	for _, s := range possible(r.roster) {
		ok := !r.ownPolicy || !s.has(trace.DimRoute)
		for i := range cs {
			ok = ok && cs[i].consistent(s, r.roster)
		}
		if ok {
			out = append(out, s)
		}
	}
	return out
}

// singles makes the contrasts that change as little as possible, one for each
// dimension that has a second value.
func singles(r trace.Roster) []contrast {
	base, route := r.Baseline(), r.Routes[0]
	var out []contrast
	add := func(id trace.Identity, route string) {
		c := contrast{id: id, route: route}
		for _, d := range dims {
			if id.Value(d, route) != base.Value(d, r.Routes[0]) {
				c.changes |= scopeOf(d)
			}
		}
		out = append(out, c)
	}
	for _, v := range others(r) {
		id := base
		id.Vantage = v
		add(id, route)
	}
	if len(r.Keys) > 1 {
		// Another key of the same owner, and a key of another owner: a pair
		// that tells per key from per account.
		var same, other *trace.Key
		for i, k := range r.Keys[1:] {
			if k.Owner == r.Keys[0].Owner && same == nil {
				same = &r.Keys[i+1]
			}
			if k.Owner != r.Keys[0].Owner && other == nil {
				other = &r.Keys[i+1]
			}
		}
		for _, k := range []*trace.Key{same, other} {
			if k != nil {
				id := base
				id.Key, id.Owner = k.Name, k.Owner
				add(id, route)
			}
		}
	}
	if len(r.Users) > 1 {
		id := base
		id.User = r.Users[1]
		add(id, route)
	}
	if len(r.Forwarded) > 1 {
		id := base
		id.Forwarded = r.Forwarded[1]
		add(id, route)
	}
	for _, route := range r.Routes[1:] {
		add(base, route)
	}
	return out
}

// union changes everything that the given contrasts change.
func union(r trace.Roster, cs []contrast) contrast {
	base := r.Baseline()
	out := contrast{id: base, route: r.Routes[0]}
	for _, c := range cs {
		out.changes |= c.changes
		if c.id.Vantage != base.Vantage {
			out.id.Vantage = c.id.Vantage
		}
		if c.id.Key != base.Key {
			out.id.Key, out.id.Owner = c.id.Key, c.id.Owner
		}
		if c.id.User != base.User {
			out.id.User = c.id.User
		}
		if c.id.Forwarded != base.Forwarded {
			out.id.Forwarded = c.id.Forwarded
		}
		if c.route != r.Routes[0] {
			out.route = c.route
		}
	}
	return out
}

// surelyBy tells a limit that keeps counters by d under every scope that is left.
func surelyBy(l verdict.Limit, d trace.Dim) bool {
	without := func(names []string) bool { return !slices.Contains(names, string(d)) }
	return len(l.ScopeCandidates) > 0 && !slices.ContainsFunc(l.ScopeCandidates, without)
}

// partition picks one of the candidates to split the trace by. Those within the
// tested dimensions say most; an untested one splits nothing.
func partition(cs []scope, tested scope) scope {
	best, found := scope(0), false
	for _, s := range cs {
		if s&^tested == 0 && (!found || bits(s) < bits(best)) {
			best, found = s, true
		}
	}
	return best
}

func bits(s scope) int {
	n := 0
	for ; s != 0; s &= s - 1 {
		n++
	}
	return n
}
