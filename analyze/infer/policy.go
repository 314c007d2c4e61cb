package infer

import (
	"math"
	"math/rand/v2"
	"slices"

	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// policy is what guards a group of routes: one counter for them all, or one for
// each with the same figures. Routes without a limit make no policy.
type policy struct {
	routes []string // the one the inference studies first
	others bool     // the run met routes that the policy does not guard
	late   lateness // by which it holds answers back
}

// relation is how another route stands to the one under study.
type relation int

const (
	unclear   relation = iota
	together           // they share a counter
	alike              // counters of their own, with the same limit
	different          // another limit
	unguarded          // no limit was met there
)

// policies groups the routes of the run by what guards them. The first group is
// that of the first route at which anything was refused; there is none where
// nothing was.
func (r *record) policies() []policy {
	var out []policy
	left := slices.Clone(r.roster.Routes)
	for len(left) > 0 {
		subject, ok := r.firstRefused(left)
		if !ok {
			break
		}
		group := policy{routes: []string{subject}}
		var rest []string
		for _, route := range left {
			if route == subject {
				continue
			}
			switch r.relation(subject, route) {
			case together, alike, unclear:
				group.routes = append(group.routes, route)
			default:
				rest = append(rest, route)
			}
		}
		left = rest
		group.others = len(group.routes) < len(r.roster.Routes)
		out = append(out, group)
	}
	return out
}

// firstRefused is the route of those at which the baseline was refused first.
func (r *record) firstRefused(routes []string) (string, bool) {
	for _, x := range r.samples {
		if x.id == r.base() && x.outcome == trace.Limited && slices.Contains(routes, x.route) {
			return x.route, true
		}
	}
	return "", false
}

// relation compares two routes under the baseline identity.
func (r *record) relation(subject, route string) relation {
	base := r.base()
	var seen *contrast
	v := r.view(policy{routes: []string{subject, route}})
	cs := v.contrasts()
	for i := range cs {
		if cs[i].id == base && cs[i].route == route {
			seen = &cs[i]
		}
	}
	switch {
	case seen == nil || seen.vote() == 0:
		n, limited := r.fromRest(counter{base, route})
		m, _ := r.fromRest(counter{base, subject})
		if !limited && n >= unguardedAfter(m) {
			return unguarded
		}
		return unclear
	case seen.vote() < 0:
		return together
	}
	s := everyDim
	if scopes := v.candidates(cs); len(scopes) > 0 {
		s = partition(scopes, v.tested()) | scopeOf(trace.DimRoute)
	}
	n, limited := fromRest(v.sharing(s, counter{base, route}))
	m, _ := fromRest(v.sharing(s, counter{base, subject}))
	switch {
	case limited && (nearly(n, m, 0.3) || v.oneLimit(subject, route)):
		return alike
	case limited && !r.view(policy{routes: []string{subject}}).readOn(nil, glance, r.rng()).explains():
		return unclear // what nothing explains is no other limit for that
	case limited:
		return different
	case n >= unguardedAfter(m):
		return unguarded
	}
	return unclear
}

// nearly says whether two counts differ by no more than that share, or by two.
func nearly(n, m int, share float64) bool {
	return math.Abs(float64(n-m)) <= max(2, share*float64(m))
}

// sharing are the samples that share c's counter under s, whoever sent them.
func (r *record) sharing(s scope, c counter) []sample {
	var out []sample
	key := s.project(c.id, c.route)
	for _, x := range r.samples {
		if s.project(x.id, x.route) == key {
			out = append(out, x)
		}
	}
	return out
}

// oneLimit says whether one policy for both routes is more probable than one for
// each. Counts alone mislead: a boundary inside one drain lets more through. The
// limits of two paths differ by more than a little where they do, and another limit
// behind them keeps one from explaining both.
func (r *record) oneLimit(routes ...string) bool {
	rng := r.rng()
	both := r.readOn(nil, glance, rng)
	if !both.explains() {
		return false
	}
	apart := 0.0
	for _, route := range routes {
		apart += r.view(policy{routes: []string{route}, others: true}).readOn(nil, glance, rng).post.evidence()
	}
	return both.post.evidence() > apart
}

// rng draws alike whenever the same record is read.
func (r *record) rng() *rand.Rand { return rand.New(rand.NewPCG(uint64(len(r.samples)), 0xbb67ae85)) }

// unguardedAfter is how many requests without a refusal say that a route has no
// limit, next to one that refused after m.
func unguardedAfter(m int) int { return max(3*m, 100) }

// fromRest counts what c got through before it was first refused, and says whether
// it was.
func (r *record) fromRest(c counter) (n int, limited bool) {
	return fromRest(r.sharing(everyDim, c))
}

// fromRest counts what got through before the first refusal, or together with it: of
// requests in flight at once none came before the other.
func fromRest(samples []sample) (n int, limited bool) {
	until := math.Inf(1)
	for _, x := range samples {
		if x.sent >= until {
			continue
		}
		switch x.outcome {
		case trace.Admitted:
			n++
		case trace.Limited:
			until = min(until, x.sent+x.rtt)
		}
	}
	return n, !math.IsInf(until, 1)
}

// view is the record of one policy: its routes only.
func (r *record) view(p policy) *record {
	roster := r.roster
	roster.Routes = p.routes
	v := newRecord(roster)
	v.ownPolicy = p.others && len(p.routes) == 1
	v.refused, v.late = r.refused, p.late
	for _, x := range r.samples {
		if slices.Contains(p.routes, x.route) {
			v.keep(x)
		}
	}
	return v
}

// routes asks what guards the paths that turned out to be apart: each is
// exhausted once.
type routes struct{ asked map[string]int } // steps for each path

// mostBursts of a small limit say that a path is not guarded.
const mostBursts = 12

func (q *routes) stage() string { return "scope" }

func (q *routes) next(e *Engine, _ float64) (plan.Step, bool) {
	subject := e.log.roster.Routes[0]
	limit, _ := e.log.fromRest(counter{e.log.base(), subject})
	for _, route := range e.all.roster.Routes {
		if route == subject || q.asked[route] >= mostBursts || e.all.relation(subject, route) != unclear {
			continue
		}
		c := counter{e.all.base(), route}
		used, limited := e.all.fromRest(c)
		if limited && q.asked[route] > 0 {
			continue
		}
		n := min(unguardedAfter(limit)-used, e.spare()/3)
		if n <= 0 || n < limit-used+2 {
			continue
		}
		step := plan.Step{
			Question:         "is " + route + " guarded by the same limit?",
			Reason:           "it was let through while " + subject + " was refused: it has a counter of its own, another limit, or none",
			Width:            1,
			StopAfterLimited: 2,
		}
		if medianTrip(e.log.samples) > longTrip { // one by one may not outrun the refill
			n = min(n, limit+2)
			step.Width = n
		}
		step.Sends = burst(c, n)
		if q.asked[route]++; step.Width == 1 {
			q.asked[route] = mostBursts
		}
		return step, true
	}
	return plan.Step{}, false
}

// study turns to one policy after another; it runs when the questions about one
// are answered.
type study struct{ done []string } // the path each was studied on

func (q *study) stage() string { return "limit" }

func (q *study) next(e *Engine, _ float64) (plan.Step, bool) {
	// Only that one: what looked like one policy at first may be two by now. Two
	// limits though can make paths that both guard look different.
	q.done = append(q.done, e.path.roster.Routes[0])
	if e.split != nil {
		q.done = append(q.done, e.path.roster.Routes[1:]...)
	}
	for _, p := range e.all.policies() {
		if slices.ContainsFunc(p.routes, func(r string) bool { return slices.Contains(q.done, r) }) {
			continue
		}
		e.turnTo(p)
		e.then(&whose{}, &reopen{}, &identify{}, &whose{again: true}, &beyond{}, review{}, q)
		break
	}
	return plan.Step{}, false
}
