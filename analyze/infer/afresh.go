package infer

import (
	"math"
	"math/rand/v2"
	"slices"

	"apisonde/analyze/model"
)

// Where the outer limit refused before the inner one was known, no part of the record
// shows the inner one alone, and peeling has nothing to begin with. Then pairs are drawn
// afresh. What guides the draw is that every admission passed both limits: given how the
// outer one counts, it is no less than the most that was ever in use.

// afreshDraws pairs are weighed for each scope that the outer limit may have, and of the
// best afreshStarts are walked, at most afreshAlike of one scope. Where they come no further
// down than to afreshLost nats, two limits are not what the record shows.
const (
	afreshDraws  = 1000
	afreshStarts = 16
	afreshAlike  = 2
	afreshLost   = 150
)

// mostExchanges bounds how often one way of counting, or one scope, is exchanged for
// another, with exchangeDraws phases and roundings each, of which exchangeStarts are walked.
const (
	mostExchanges  = 3
	exchangeDraws  = 12
	exchangeStarts = 16
)

// afresh is a search for two limits without a part of the record that shows the inner
// one alone.
type afresh struct {
	x       *reading
	charged bool // the inner one counts what the outer one refuses
	scopes  []scope
	duets   map[[2]scope]*duet
	draws   map[scope]*proposer
}

// start is a pair from which to walk, where the inner limit splits the record by the
// first scope and the outer one by the second.
type start struct {
	weighed
	by [2]scope
}

// afresh tells two limits apart without a part of the record that shows the inner one
// alone. heads are what single limits made of such parts.
func (x *reading) afresh(heads []*reading) (inner, outer *reading, ok bool) {
	if len(heads) == 0 || len(x.r.samples) > longPath {
		return nil, nil, false
	}
	orders := []bool{true, false}
	type found struct {
		in, out *reading
		ok      bool
	}
	all := make([]found, len(orders))
	sideBySide(len(orders), x.rng, func(i int, rng *rand.Rand) {
		y := *x
		y.rng = rng
		s := &afresh{x: &y, charged: orders[i], scopes: x.r.splits(), duets: map[[2]scope]*duet{}, draws: map[scope]*proposer{}}
		f := &all[i]
		f.in, f.out, f.ok = s.search(heads)
	})
	for _, f := range all {
		if f.ok && (!ok || f.in.post.evidence()+f.out.post.evidence() > inner.post.evidence()+outer.post.evidence()) {
			inner, outer, ok = f.in, f.out, true
		}
	}
	return inner, outer, ok
}

func (s *afresh) search(heads []*reading) (inner, outer *reading, ok bool) {
	part := heads[0].part
	var ins []particle
	for _, h := range heads {
		if h.part == part {
			ins = append(ins, h.post.typical(8)...)
		}
	}
	var starts []start
	for _, by := range s.scopes {
		starts = append(starts, s.begin([2]scope{part, by}, ins)...)
	}
	best := s.furthest(starts, afreshStarts)
	for range mostExchanges {
		if best.cost < explained || best.cost > afreshLost {
			break
		}
		next := s.furthest(s.exchanged(best), exchangeStarts)
		if next.cost >= best.cost {
			break
		}
		best = next
	}
	if best.cost > mostStrays*model.StrayCost {
		return nil, nil, false
	}
	d := s.duet(best.by)
	d.weigh(best.pair, math.Inf(1))
	owners := slices.Clone(d.judgedBy)
	if !enough(owners) {
		return nil, nil, false
	}
	in := &reading{part: best.by[0], post: s.x.post, charged: s.charged, alone: heads[0].alone}
	out := &reading{part: best.by[1], post: s.x.post}
	inner, outer = s.x.apart(in, out, owners, best.pair)
	outer.regroup()
	return inner, outer, !inner.doubtful() && !outer.doubtful()
}

// duet weighs pairs that split the record by so different callers.
func (s *afresh) duet(by [2]scope) *duet {
	if s.duets[by] == nil {
		s.duets[by] = s.x.together(&reading{part: by[0], charged: s.charged}, &reading{part: by[1]})
	}
	return s.duets[by]
}

// proposer draws limiters for a record that splits by so different callers.
func (s *afresh) proposer(by scope) *proposer {
	if s.draws[by] == nil {
		s.draws[by] = newProposer(s.x.r.arms(by), s.x.rng)
	}
	return s.draws[by]
}

// begin draws pairs, of which the inner limit is often one of ins, and returns the best.
func (s *afresh) begin(by [2]scope, ins []particle) []start {
	d, mine, theirs := s.duet(by), s.proposer(by[0]), s.proposer(by[1])
	rng := s.x.rng
	var out []start
	worst := math.Inf(1)
	for range afreshDraws {
		var p pair
		if len(ins) > 0 && rng.IntN(2) == 0 {
			p.in = ins[rng.IntN(len(ins))]
		} else {
			p.in = mine.any(plainVariants)
		}
		p.out = theirs.any(plainVariants)
		p.out.p.L = theirs.least(p.out)
		if !valid(p.in.v, &p.in.p) || !valid(p.out.v, &p.out.p) {
			continue
		}
		c := d.weigh(p, worst)
		if c > worst {
			continue
		}
		out = append(out, start{weighed{p, c}, by})
		sortStarts(out)
		if len(out) > afreshAlike {
			out = out[:afreshAlike]
			worst = out[afreshAlike-1].cost
		}
	}
	return out
}

// furthest walks from the best n of the starts and returns where it comes furthest down.
func (s *afresh) furthest(starts []start, n int) start {
	sortStarts(starts)
	best := start{weighed: weighed{cost: math.Inf(1)}}
	for _, x := range starts[:min(len(starts), n)] {
		if p, c := s.duet(x.by).walk(x.pair, x.cost); c < best.cost {
			best = start{weighed{p, c}, x.by}
		}
		if best.cost < explained {
			break
		}
	}
	return best
}

func sortStarts(all []start) {
	slices.SortStableFunc(all, func(a, b start) int { return cmpFloat(a.cost, b.cost) })
}

// exchanged are at and pairs like it of which one limit counts in another way, or splits
// the record by other callers: a walk comes to the figures sooner than to either.
func (s *afresh) exchanged(at start) []start {
	out := []start{at}
	for _, v := range plainVariants {
		for k, by := range at.by {
			best := start{weighed{cost: math.Inf(1)}, at.by}
			for range exchangeDraws {
				next := at.pair
				of := []*particle{&next.in, &next.out}[k]
				*of = s.proposer(by).recount(*of, v)
				if c := s.duet(at.by).weigh(next, best.cost); valid(of.v, &of.p) && c < best.cost {
					best.weighed = weighed{next, c}
				}
			}
			if best.in.v != nil { // some way of it makes sense
				out = append(out, best)
			}
		}
	}
	for _, by := range s.scopes {
		for k := range at.by {
			if next := at; by != at.by[k] {
				next.by[k] = by
				next.cost = s.duet(next.by).weigh(at.pair, math.Inf(1))
				out = append(out, next)
			}
		}
	}
	return out
}

// any draws a limiter of one of the variants.
func (p *proposer) any(vs []*model.Variant) particle {
	v := vs[p.rng.IntN(len(vs))]
	return particle{v: v, p: p.draw(v)}
}

// least is the least limit with which q lets through what was let through.
func (p *proposer) least(q particle) float64 {
	admitted, _ := p.used(q.v, q.p)
	return size(admitted, nil)
}

// recount is a limiter with the same limit and rate as q that counts as v does.
func (p *proposer) recount(q particle, v *model.Variant) particle {
	cycle := q.p.L / q.v.Rate(q.p)
	to := particle{v: v, p: model.Params{L: q.p.L, W: cycle, K: float64(p.rng.IntN(model.Roundings))}}
	if v.Core == model.CoreBucket {
		to.p.W = cycle / q.p.L
	}
	if v.HasPhase() {
		to.p.Phase = p.phase(cycle)
	}
	return to
}

// plainVariants are those that are met everywhere, and the commonest sliding counter.
var plainVariants = func() []*model.Variant {
	var out []*model.Variant
	for i := range model.Bank {
		v := &model.Bank[i]
		if v.Prior >= plainPrior || v.Core == model.CoreCounter && v.Anchor == model.AnchorFree && v.OnReject == model.RejectIgnored {
			out = append(out, v)
		}
	}
	return out
}()

// splits are the different ways in which the record splits into counters by at most two
// dimensions.
func (r *record) splits() []scope {
	var out []scope
	tested := r.tested()
	seen := map[string]bool{}
	for s := range everyDim + 1 {
		if s&^tested != 0 || bits(s) > 2 {
			continue
		}
		index := map[string]int{}
		var whose []byte
		for _, x := range r.samples {
			key := s.project(x.id, x.route)
			if _, known := index[key]; !known {
				index[key] = len(index)
			}
			whose = append(whose, byte(index[key]))
		}
		if !seen[string(whose)] {
			seen[string(whose)] = true
			out = append(out, s)
		}
	}
	return out
}
