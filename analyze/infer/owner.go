package infer

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"apisonde/analyze/header"
	"apisonde/analyze/model"
	"apisonde/probe/trace"
)

// owner says which of two limits gave a refusal.
type owner uint8

const (
	nobodys owner = iota // it is no refusal
	inners
	outers
	eithers // both may have, so it is evidence of neither
)

// attribute says of every sample whose refusal it is. Without an outer limit that
// is what the inner one, in, cannot explain.
//
// clear says whether one of the outer's was given where the inner limit had plenty
// left: near its brink it may refuse for what its model rounds away.
func (r *record) attribute(in, out *reading) (owners []owner, clear bool) {
	owners = make([]owner, len(r.samples))
	inner, clear := r.verdicts(in, owners, inners)
	settle := func(i int, o owner) {
		if owners[i] = o; o == eithers && i < in.alone { // where nothing points to another one
			owners[i] = inners
		}
	}
	for i := range owners {
		settle(i, inner[i].alone())
	}
	r.byLook(owners)
	for turn := 0; out != nil && turn < mostTurns; turn++ {
		before := slices.Clone(owners)
		outer, _ := r.verdicts(out, owners, outers)
		inner, _ = r.verdicts(in, owners, inners)
		for i := range owners {
			settle(i, between(inner[i], outer[i]))
		}
		r.byLook(owners)
		if slices.Equal(owners, before) {
			break
		}
	}
	return owners, clear
}

// opinion is what a limit says of a refusal: whether it can have given it, and
// whether it must have refused.
type opinion uint8

const (
	silent opinion = iota // it is no refusal
	cannot
	may
	must
)

// alone is whose a refusal is by what the inner limit says.
func (o opinion) alone() owner {
	return [...]owner{silent: nobodys, cannot: outers, may: eithers, must: inners}[o]
}

// between is whose a refusal is by what both limits say. Where both must have
// refused, it is evidence for either one, so that it does not matter whose it is.
func between(inner, outer opinion) owner {
	switch {
	case inner == silent:
		return nobodys
	case inner == must, outer == cannot && inner == may:
		return inners
	case inner == cannot && outer == cannot: // the inner one's figures were learnt without it, so they may be wrong
		return inners
	case inner == cannot:
		return outers
	}
	return eithers
}

// verdicts asks one limit, whose refusals bear the given mark, about every
// refusal. Where owners is not settled yet, the limit's own opinion is followed.
func (r *record) verdicts(of *reading, owners []owner, mark owner) (says []opinion, clear bool) {
	says = make([]opinion, len(r.samples))
	t := measureTiming(r.samples)
	index := map[int]int{}
	for i, s := range r.samples {
		index[s.seq] = i
	}
	ps := of.post.typical(24)
	for _, xs := range r.split(of.part) {
		evs, at := runs(xs, t, true) // the first of several may be the outer limit's, and leave no room for the next
		whose := make([]owner, len(evs))
		for i, s := range xs {
			if at[i] >= 0 && s.outcome == trace.Limited {
				whose[at[i]] = owners[index[s.seq]]
			}
		}
		ops, plenty := opinions(evs, whose, mark, ps, of.charged)
		clear = clear || plenty
		for i, s := range xs {
			if s.outcome == trace.Limited {
				says[index[s.seq]] = ops[at[i]]
			}
		}
	}
	return says, clear
}

// opinions says of every event of one counter what the parameter sets, which all
// explain the limit's own refusals, say of its refusals. plenty: once they had far
// more left than was asked for.
func opinions(evs []model.Event, whose []owner, mark owner, ps []particle, charged bool) (ops []opinion, plenty bool) {
	ops = make([]opinion, len(evs))
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
			least, most = min(least, lo), max(most, hi)
			spare = spare && lo-n >= min(states[k].L, 1+max(2, 0.2*states[k].L))
		}
		own := whose[i]
		if x.Limited > 0 {
			// The truth may lie a little outside of what a few sets say.
			beyond := min(mostBeyond, (most-least)/2)
			switch {
			case least-beyond >= n+1:
				ops[i] = cannot
				plenty = plenty || spare
			case most+beyond < n+1:
				ops[i] = must
			default:
				ops[i] = may
			}
			if own == nobodys {
				own = [...]owner{cannot: inners + outers - mark, may: eithers, must: mark}[ops[i]]
			}
		}
		for k := range states {
			switch {
			case own == nobodys || own == mark && ops[i] != cannot: // else it is no evidence of where the count stands
				states[k].Commit(x.S, x.E, x.Admitted, x.Limited)
			case charged && own != eithers:
				states[k].Commit(x.S, x.E, x.Admitted+x.Limited, 0)
			case x.Admitted > 0:
				states[k].Commit(x.S, x.E, x.Admitted, 0)
			}
		}
	}
	return ops, plenty
}

// mostBeyond bounds, in requests, how far outside of the range that some parameter
// sets leave the truth is looked for.
const mostBeyond = 1.5

// byLook settles the refusals that either limit may have given where those that
// are certain look different: another status, other headers.
func (r *record) byLook(owners []owner) {
	looks := map[owner]map[uint64]bool{inners: {}, outers: {}}
	for i, s := range r.samples {
		if own := owners[i]; own == inners || own == outers {
			looks[own][s.look] = true
		}
	}
	for look := range looks[outers] {
		if looks[inners][look] {
			return
		}
	}
	for i, s := range r.samples {
		if owners[i] != eithers {
			continue
		}
		for _, own := range []owner{inners, outers} {
			if looks[own][s.look] {
				owners[i] = own
			}
		}
	}
}

// without is the record of the inner limit. The outer one's refusals reached it
// or not: with charged it admitted them.
func (r *record) without(owners []owner, charged bool) *record {
	return r.relabel(len(r.samples), func(i int, s sample) trace.Outcome {
		switch {
		case owners[i] == outers && charged:
			return trace.Admitted
		case owners[i] == outers, owners[i] == eithers:
			return trace.Ignored
		}
		return s.outcome
	})
}

// only is the record of the outer limit. With charged it admitted what the inner
// one refused, or refused it too while it was exhausted itself.
func (r *record) only(owners []owner, charged bool) *record {
	exhausted := false
	return r.relabel(len(r.samples), func(i int, s sample) trace.Outcome {
		switch {
		case s.outcome == trace.Admitted:
			exhausted = false
		case owners[i] == outers:
			exhausted = true
		case owners[i] == eithers, owners[i] == inners && !charged:
			return trace.Ignored
		case owners[i] == inners && !exhausted:
			return trace.Admitted
		}
		return s.outcome
	})
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
