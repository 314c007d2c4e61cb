package infer

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"apisonde/analyze/header"
	"apisonde/analyze/model"
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
		y := x.r.prefix(bouts[i]).readOn(before, x.rng)
		if y.explains() {
			before = y.post
		}
		return !y.explains()
	})
	for i := n - 1; i >= 0 && i > n-1-mostCuts; i-- {
		first := x.r.prefix(bouts[i]).read(x.rng)
		if !first.explains() || !first.post.bounded() {
			continue
		}
		if inner, outer, ok = x.separate(first); ok {
			return inner, outer, true
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

// separate attributes every refusal, given what the inner limit is, and reads
// both records, under the four hypotheses of what charges what: first that the
// inner one's refusals are free for the outer one, which is how most are built.
func (x *reading) separate(first *reading) (inner, outer *reading, ok bool) {
	type half struct {
		inner  *reading
		blamed []bool
	}
	var halves []half
	for _, charged := range []bool{false, true} {
		if in, blamed, ok := x.within(first, charged); ok {
			halves = append(halves, half{in, blamed})
		}
	}
	near := false
	for _, charged := range []bool{false, true} {
		least := math.Inf(1)
		for _, h := range halves {
			out := x.r.only(h.blamed, charged).read(x.rng)
			out.charged = charged
			near = near || !charged && len(out.scopes) > 0 && out.post.misfit < chargedFrom
			if cost := h.inner.post.best() + out.post.best(); out.explains() && cost < least {
				inner, outer, ok, least = h.inner, out, true, cost
			}
		}
		if near && !ok { // one odd answer is no reason to believe in charges
			return nil, nil, false
		}
		if ok {
			return inner, outer, true
		}
	}
	return nil, nil, false
}

// chargedFrom is the misfit from which refusals are taken to charge the other
// limit: more than one answer that cannot be explained otherwise.
const chargedFrom = 6

// within reads the record of the inner limit, and says which refusals are not its
// own. charged: those charge it.
func (x *reading) within(first *reading, charged bool) (inner *reading, blamed []bool, ok bool) {
	blamed, _ = x.r.blame(first, charged)
	if !enough(blamed) {
		return nil, nil, false
	}
	inner = x.r.without(blamed, charged).read(x.rng)
	inner.charged = charged
	if !inner.explains() {
		return nil, nil, false
	}
	blamed, clear := x.r.blame(inner, charged) // by sharper figures than the first ones
	return inner, blamed, clear && enough(blamed)
}

// leastBlamed refusals that one limit cannot explain are no stray ones.
const leastBlamed = 3

func enough(blamed []bool) bool {
	n := 0
	for _, b := range blamed {
		if b {
			n++
		}
	}
	return n >= leastBlamed
}

// best is the least cost of any variant.
func (p *posterior) best() float64 {
	best := math.Inf(1)
	for _, f := range p.fits {
		best = math.Min(best, f.best)
	}
	return best
}

// blame says of every sample whether it is a refusal that the inner limit cannot
// explain; charged says whether such a refusal charges the inner limit.
// clear says whether one of them was given where the inner limit had plenty left:
// near its brink it may refuse for what its model rounds away.
func (r *record) blame(in *reading, charged bool) (blamed []bool, clear bool) {
	t := measureTiming(r.samples)
	index := map[int]int{}
	for i, s := range r.samples {
		index[s.seq] = i
	}
	out := make([]bool, len(r.samples))
	certain := make([]bool, len(r.samples))
	ps := in.post.typical(12)
	for _, xs := range r.split(in.part) {
		evs, at := runs(xs, t)
		theirs, surely, plenty := unexplained(evs, ps, charged)
		clear = clear || plenty
		for i, s := range xs {
			if s.outcome == trace.Limited {
				out[index[s.seq]] = theirs[at[i]]
				certain[index[s.seq]] = theirs[at[i]] || surely[at[i]]
			}
		}
	}
	r.byLook(out, certain)
	return out, clear
}

// unexplained says of every event of one counter whether none of the inner
// limits allows its refusals, and whether all of them require these. plenty: once
// they had far more left than was asked for.
func unexplained(evs []model.Event, ps []particle, charged bool) (theirs, required []bool, plenty bool) {
	theirs, required = make([]bool, len(evs)), make([]bool, len(evs))
	states := make([]model.Model, 0, len(ps))
	for _, q := range ps {
		states = append(states, model.New(q.v, q.p))
	}
	if slices.ContainsFunc(evs, func(x model.Event) bool { return x.Unknown > 0 }) {
		for _, q := range ps { // those in doubt may have been counted
			states = append(states, model.New(q.v, q.p))
		}
	}
	for i, x := range evs {
		if x.Unknown > 0 {
			for k := len(ps); k < len(states); k++ {
				states[k].Commit(x.S, x.E, x.Unknown, 0)
			}
			continue
		}
		n := float64(x.Admitted)
		least, most, spare := math.Inf(1), 0.0, true
		for k := range states {
			lo, hi := states[k].Bounds(x.S, x.E)
			least, most = math.Min(least, lo), math.Max(most, hi)
			spare = spare && lo-n >= math.Min(states[k].L, 1+math.Max(2, 0.2*states[k].L))
		}
		theirs[i] = x.Limited > 0 && least >= n+1
		required[i] = x.Limited > 0 && most < n+1
		plenty = plenty || theirs[i] && spare
		for k := range states {
			switch {
			case !theirs[i]:
				states[k].Commit(x.S, x.E, x.Admitted, x.Limited)
			case charged:
				states[k].Commit(x.S, x.E, x.Admitted+x.Limited, 0)
			case x.Admitted > 0:
				states[k].Commit(x.S, x.E, x.Admitted, 0)
			}
		}
	}
	return theirs, required, plenty
}

// byLook settles the refusals that either limit may have given where those that
// are certain look different: another status, other headers.
func (r *record) byLook(theirs, certain []bool) {
	outer, inner := map[uint64]bool{}, map[uint64]bool{}
	for i, s := range r.samples {
		switch {
		case s.outcome != trace.Limited || !certain[i]:
		case theirs[i]:
			outer[s.look] = true
		default:
			inner[s.look] = true
		}
	}
	for look := range outer {
		if inner[look] {
			return
		}
	}
	for i, s := range r.samples {
		if s.outcome == trace.Limited && !certain[i] && outer[s.look] {
			theirs[i] = true
		}
	}
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

// without is the record of the inner limit. The outer one's refusals reached it
// or not: with charged it admitted them.
func (r *record) without(blamed []bool, charged bool) *record {
	return r.relabel(len(r.samples), func(i int, s sample) trace.Outcome {
		switch {
		case !blamed[i]:
			return s.outcome
		case charged:
			return trace.Admitted
		}
		return trace.Ignored
	})
}

// only is the record of the outer limit. With charged it admitted what the inner
// one refused, or refused it too while it was exhausted itself.
func (r *record) only(blamed []bool, charged bool) *record {
	exhausted := false
	return r.relabel(len(r.samples), func(i int, s sample) trace.Outcome {
		switch {
		case s.outcome == trace.Admitted:
			exhausted = false
		case blamed[i]:
			exhausted = true
		case s.outcome == trace.Limited && !charged:
			return trace.Ignored
		case s.outcome == trace.Limited && !exhausted:
			return trace.Admitted
		}
		return s.outcome
	})
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

// look hashes what refusals of one limit have in common: the status, the names of
// the headers, and what they say the limits are.
func look(o trace.Observation) uint64 {
	lines := []string{strconv.Itoa(o.Status)}
	for _, h := range o.Headers {
		lines = append(lines, strings.ToLower(string(h.Name)))
	}
	for _, q := range header.Decode(o.Status, o.Headers, nil, time.Time{}).Quotas {
		lines = append(lines, fmt.Sprintf("%s %v in %v", q.Header, q.Limit, q.WindowS))
	}
	slices.Sort(lines)
	sum := fnv.New64a()
	for _, l := range lines {
		sum.Write([]byte(l + "\n"))
	}
	return sum.Sum64()
}
