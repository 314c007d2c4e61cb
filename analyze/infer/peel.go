package infer

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"apisonde/analyze/model"
	"apisonde/probe/trace"
)

// Two limits on one path are told apart by peeling: the inner one, which a burst
// meets first, is learnt from the part of the trace before the first refusal
// that no single limit explains. What it cannot explain afterwards is the outer
// one's, and each gets a record of its own, in which the other's refusals are
// either nothing or charged like any request.

// peel explains the record by two limits that must both admit. The readings are
// of each one's own record. Verdicts are patient, and a run before it ends; a run that
// goes on is not.
func (x *reading) peel(patient bool) (inner, outer *reading, ok bool) {
	bouts := x.r.bouts()
	var before *posterior
	n := sort.Search(len(bouts), func(i int) bool {
		y := x.r.prefix(bouts[i]).readOn(before, glance, x.rng)
		if !y.doubtful() {
			before = y.post
		}
		return y.doubtful()
	})
	for n < len(bouts) { // a glance may have missed what explains more
		y := x.r.prefix(bouts[n]).readOn(before, inferBank, x.rng)
		if y.doubtful() {
			break
		}
		before = y.post
		n++
	}
	looks := []separation{{fit: glance, cuts: mostCuts}, {fit: inferBank, cuts: 1}, {fit: inferBank, cuts: 1, charged: true}}
	switch {
	case len(x.r.samples) > longPath:
		looks[0].cuts, patient = 1, false
	case patient:
		looks[1] = separation{fit: glance, cuts: mostCuts, patient: true}
		looks[2] = separation{fit: glance, cuts: mostCuts / 2, patient: true, charged: true}
	}
	var heads []*reading         // of them those that one limit explains
	firsts := map[int]*reading{} // by where they end, since every way begins with them
	for _, way := range looks {
		cuts := max(1, min(way.cuts, cutSamples/len(x.r.samples)))
		for i := n - 1; i >= max(0, n-cuts); i-- {
			if firsts[i] == nil {
				firsts[i] = x.r.prefix(bouts[i]).readOn(nil, inferBank, x.rng)
				firsts[i].alone = bouts[i]
			}
			first := firsts[i]
			if first.doubtful() || !first.post.bounded() && !patient {
				continue
			}
			if !slices.Contains(heads, first) {
				heads = append(heads, first)
			}
			in, out, found := x.separate(first, way)
			if !found {
				continue
			}
			if !ok || in.post.evidence()+out.post.evidence() > inner.post.evidence()+outer.post.evidence() {
				inner, outer, ok = in, out, true
			}
			break
		}
		if ok && !(patient && (inner.post.blocks() || outer.post.blocks())) {
			break
		}
	}
	if !ok && patient {
		return x.afresh(heads)
	}
	return inner, outer, ok
}

// blocks says whether what explains best is a block: of two limits on one path that may
// be what counting the other one's refusals looks like.
func (p *posterior) blocks() bool {
	top, _ := p.leader()
	return p.fits[top].v.Blocks()
}

// longPath is how many requests are too many for a search that is patient.
const longPath = 1500

// cutSamples bounds how many places are tried in a long record, where each takes the longer:
// so many requests in all.
const cutSamples = 1600

// mostCuts bounds how many places are tried at which the outer limit may have
// begun to refuse.
const mostCuts = 4

// bouts are the places in the record at which refusals begin after admissions: up
// to one of them one limit may explain everything.
func (r *record) bouts() []int {
	var out []int
	last := trace.Ignored
	for i, s := range r.samples {
		if s.outcome == trace.Limited && last == trace.Admitted {
			out = append(out, i)
		}
		if s.outcome != trace.Ignored {
			last = s.outcome
		}
	}
	return out
}

// prefix is the record of the first n samples.
func (r *record) prefix(n int) *record {
	return r.relabel(n, func(_ int, s sample) trace.Outcome { return s.outcome })
}

// separation is how hard two limits are told apart.
type separation struct {
	fit     search
	cuts    int  // so many places are tried at which the outer limit may have begun to refuse
	charged bool // the outer one may count what the inner one refused
	// patient: every scope that is open is tried for the outer one, and both limits are
	// walked together.
	patient bool
}

// separate attributes every refusal, given what the inner limit may be, and reads
// both records: under every order in which two limits can be asked. The inner one
// first, so that it counts what the outer one refuses; both before either counts.
// With charged the outer one counts what the inner one refuses, and the inner one what
// the outer one refuses or not: that explains more by chance, so that it is tried where
// nothing else explains, or only a block. Where two orders explain as much, figures are open between them.
func (x *reading) separate(first *reading, way separation) (inner, outer *reading, ok bool) {
	orders := []struct{ inner, outer bool }{{true, false}, {false, false}}
	if way.charged {
		orders = []struct{ inner, outer bool }{{false, true}, {true, true}}
	}
	type found struct {
		in, out *reading
		cost    float64
		ok      bool
	}
	all := make([]found, len(orders))
	looks := make([]reading, len(orders)) // so that neither waits for the other
	sideBySide(len(orders), x.rng, func(i int, rng *rand.Rand) {
		looks[i] = *x
		looks[i].rng, looks[i].regroups = rng, x.regroups+i // as if those before had tried
		f := &all[i]
		if f.in, f.out, f.ok = looks[i].settle(first, orders[i].inner, orders[i].outer, way); f.ok {
			f.cost = f.in.post.best() + f.out.post.best()
		}
	})
	least, tried := math.Inf(1), 0
	for i, f := range all {
		tried += looks[i].regroups - x.regroups - i
		if f.ok && f.cost < least {
			inner, outer, least = f.in, f.out, f.cost
		}
	}
	x.regroups += tried
	for _, f := range all {
		if f.ok && f.in != inner && f.cost < least+duetMore { // then the order is open, and so are the figures
			inner.also = append(inner.also, f.in.post.typical(24)...)
			outer.also = append(outer.also, f.out.post.typical(24)...)
		}
	}
	return inner, outer, inner != nil
}

// settle reads the two records by turns, each time attributing the refusals by what
// is known of both limits, until that changes nothing.
func (x *reading) settle(first *reading, inner, outer bool, way separation) (in, out *reading, ok bool) {
	in = &reading{part: first.part, post: first.post, charged: inner, alone: first.alone}
	owners, clear := x.r.attribute(in, nil)
	var ins, outs []particle
	for turn := range mostTurns {
		if !clear || !enough(owners) {
			return nil, nil, false
		}
		in = x.r.without(owners, inner).by(in.part).readOn(in.post, way.fit, x.rng)
		in.charged, in.alone = inner, first.alone
		if in.hopeless() {
			return nil, nil, false
		}
		if out == nil { // by sharper figures than the first ones
			if owners, clear = x.r.attribute(in, nil); !clear || !enough(owners) {
				return nil, nil, false
			}
			out = x.r.only(owners, outer).readOn(nil, way.fit, x.rng)
		} else {
			out = x.r.only(owners, outer).by(out.part).readOn(out.post, way.fit, x.rng)
		}
		if way.patient && turn == 0 && x.regroups < mostRegroups {
			x.regroups++
			out.regroup()
		}
		out.charged = outer
		if out.hopeless() {
			return nil, nil, false
		}
		ins, outs = append(ins, in.post.typical(8)...), append(outs, out.post.typical(8)...)
		next, still := x.r.attribute(in, out)
		if slices.Equal(next, owners) {
			break
		}
		owners, clear = next, still
	}
	if way.patient && (in.doubtful() || out.doubtful()) {
		in, out = x.jointly(in, out, ins, outs)
	}
	return in, out, !in.doubtful() && !out.doubtful()
}

// jointly reads both records where every refusal is whose it is by a walk of both
// limits together, or returns what was.
func (x *reading) jointly(in, out *reading, ins, outs []particle) (*reading, *reading) {
	best, owners, cost := x.together(in, out).search(ins, outs)
	if cost > mostStrays*model.StrayCost || !enough(owners) {
		return in, out
	}
	return x.apart(in, out, owners, best)
}

// apart reads both records by what a walk found: a pair, and whose every refusal is.
func (x *reading) apart(in, out *reading, owners []owner, found pair) (one, two *reading) {
	inner, outer := x.r.without(owners, in.charged).by(in.part), x.r.only(owners, out.charged).by(out.part)
	inner.fine, outer.fine = true, true // as the walk saw it
	one = inner.readOn(in.post.seeded(found.in), inferBank, x.rng)
	two = outer.readOn(out.post.seeded(found.out), inferBank, x.rng)
	one.charged, one.alone, two.charged = in.charged, in.alone, out.charged
	return one, two
}

// hopeless says whether a reading is so far off that to attribute the refusals anew
// would not mend it.
func (x *reading) hopeless() bool {
	return len(x.scopes) == 0 || x.post.misfit > mostStrays*model.StrayCost
}

// mostStrays are how many refusals either limit may not explain at first: those of the
// other one that were taken for its own while figures were not sharp yet.
const mostStrays = 3

// mostTurns bounds how often the refusals are attributed anew.
const mostTurns = 4

// mostRegroups bounds how often other callers are tried for the outer limit: each time
// takes a fit for every scope, and where none is better from one start, it hardly is
// from the next.
const mostRegroups = 3

// leastBlamed refusals that one limit cannot explain are no stray ones.
const leastBlamed = 3

func enough(owners []owner) bool {
	n := 0
	for _, o := range owners {
		if o == outers {
			n++
		}
	}
	return n >= leastBlamed
}

// typical are at most n parameter sets, two or more, that explain the trace about as
// well as the best, from the quickest limiter to the slowest: whatever all of them say,
// the truth says too.
func (p *posterior) typical(n int) []particle {
	var out []particle
	best := math.Inf(1)
	for i, f := range p.fits {
		if p.prob[i] >= likely {
			best = min(best, f.best)
		}
	}
	for i, f := range p.fits {
		if p.prob[i] < likely {
			continue
		}
		for _, q := range f.parts {
			if q.cost < best+1 {
				out = append(out, q)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b particle) int { return cmpFloat(b.v.Rate(b.p), a.v.Rate(a.p)) })
	if len(out) <= n {
		return out
	}
	spread := make([]particle, n)
	for i := range spread {
		spread[i] = out[i*(len(out)-1)/(n-1)]
	}
	return spread
}

// likely is the probability from which a variant is heard.
const likely = 0.02

// relabel is a record of the first n samples with other outcomes.
func (r *record) relabel(n int, outcome func(int, sample) trace.Outcome) *record {
	v := newRecord(r.roster)
	v.ownPolicy, v.united, v.refused, v.rules = r.ownPolicy, r.united, r.refused, r.rules
	for i, s := range r.samples[:n] {
		s.outcome = outcome(i, s)
		v.keep(s)
	}
	return v
}
