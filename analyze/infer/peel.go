package infer

import (
	"math"
	"slices"
	"sort"

	"apisonde/probe/trace"
)

// Two limits on one path are told apart by peeling: the inner one, which a burst
// meets first, is learnt from the part of the trace before the first refusal
// that no single limit explains. What it cannot explain afterwards is the outer
// one's, and each gets a record of its own, in which the other's refusals are
// either nothing or charged like any request.

// peel explains the record by two limits that must both admit. The readings are
// of each one's own record.
func (x *reading) peel() (inner, outer *reading, ok bool) {
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
	for _, look := range []struct {
		fit  search
		cuts int
	}{{glance, mostCuts}, {inferBank, 1}} {
		for i := n - 1; i >= max(0, n-look.cuts); i-- {
			first := x.r.prefix(bouts[i]).readOn(nil, look.fit, x.rng)
			if first.doubtful() || !first.post.bounded() {
				continue
			}
			if inner, outer, ok = x.separate(first, look.fit); ok {
				return inner, outer, true
			}
		}
	}
	return nil, nil, false
}

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

// separate attributes every refusal, given what the inner limit may be, and reads
// both records: under every order in which two limits can be asked. The inner one
// first, so that it counts what the outer one refuses; both before either counts;
// the outer one first, which then counts what the inner one refuses.
func (x *reading) separate(first *reading, fit search) (inner, outer *reading, ok bool) {
	least := math.Inf(1)
	for _, charged := range []struct{ inner, outer bool }{{true, false}, {false, false}, {false, true}} {
		if charged.outer && ok { // one odd answer is no reason to believe in charges
			break
		}
		in, out, found := x.settle(first, charged.inner, charged.outer, fit)
		if !found {
			continue
		}
		if cost := in.post.best() + out.post.best(); cost < least {
			inner, outer, ok, least = in, out, true, cost
		}
	}
	return inner, outer, ok
}

// settle reads the two records by turns, each time attributing the refusals by what
// is known of both limits, until that changes nothing.
func (x *reading) settle(first *reading, inner, outer bool, fit search) (in, out *reading, ok bool) {
	in = &reading{part: first.part, post: first.post, charged: inner}
	owners, clear := x.r.attribute(in, nil)
	for range mostTurns {
		if !clear || !enough(owners) {
			return nil, nil, false
		}
		in = x.r.without(owners, inner).readOn(in.post, fit, x.rng)
		in.charged = inner
		if in.doubtful() {
			return nil, nil, false
		}
		if out == nil { // by sharper figures than the first ones
			if owners, clear = x.r.attribute(in, nil); !clear || !enough(owners) {
				return nil, nil, false
			}
			out = x.r.only(owners, outer).readOn(nil, fit, x.rng)
		} else {
			out = x.r.only(owners, outer).readOn(out.post, fit, x.rng)
		}
		out.charged = outer
		if out.doubtful() {
			return nil, nil, false
		}
		next, still := x.r.attribute(in, out)
		if slices.Equal(next, owners) {
			return in, out, true
		}
		owners, clear = next, still
	}
	return in, out, true
}

// mostTurns bounds how often the refusals are attributed anew.
const mostTurns = 4

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

// typical are at most n parameter sets that explain the trace about as well as
// the best.
func (p *posterior) typical(n int) []particle {
	var out []particle
	best := p.best()
	for i, f := range p.fits {
		if p.prob[i] < 0.02 {
			continue
		}
		for _, q := range f.parts {
			if q.cost < best+2 {
				out = append(out, q)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b particle) int { return cmpFloat(a.cost, b.cost) })
	return out[:min(n, len(out))]
}

// relabel is a record of the first n samples with other outcomes.
func (r *record) relabel(n int, outcome func(int, sample) trace.Outcome) *record {
	v := newRecord(r.roster)
	v.ownPolicy, v.refused, v.rules = r.ownPolicy, r.refused, r.rules
	for i, s := range r.samples[:n] {
		s.outcome = outcome(i, s)
		v.keep(s)
	}
	return v
}
