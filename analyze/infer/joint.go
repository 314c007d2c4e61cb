package infer

import (
	"math"
	"slices"

	"apisonde/analyze/model"
	"apisonde/probe/trace"
)

// To tell two limits apart by turns may end where both readings are bent by a refusal
// or two that is the other's: each is then the best there is for what the other one
// leaves. Out of that leads a walk of both together, in which every refusal is that of
// the limit which it costs less.

// pair is two limits that must both admit.
type pair struct{ in, out particle }

// weighed is a pair with what the record costs it, in nats.
type weighed struct {
	pair
	cost float64
}

// duet weighs pairs against one record.
type duet struct {
	in, out  []model.Model // one for each counter
	charged  struct{ in, out bool }
	met      []meeting
	fits     [2]*fitter
	judgedBy []owner // whose each sample was by the latest weighing
}

// meeting is one request: the event that it is by itself, and the counters it met.
type meeting struct {
	sample  int
	x       model.Event
	in, out int
}

// together prepares to walk both limits of a record, which splits by so different
// callers for either.
func (x *reading) together(in, out *reading) *duet {
	d := &duet{judgedBy: make([]owner, len(x.r.samples))}
	d.charged.in, d.charged.out = in.charged, out.charged
	t := measureTiming(x.r.samples)
	index := [2]map[string]int{{}, {}}
	count := func(k int, part scope, s sample) int {
		key := part.project(s.id, s.route)
		if _, known := index[k][key]; !known {
			index[k][key] = len(index[k])
		}
		return index[k][key]
	}
	for i, s := range x.r.samples {
		if s.outcome != trace.Admitted && s.outcome != trace.Limited {
			continue
		}
		a := meeting{sample: i, x: model.Event{S: s.sent, E: t.latest(s)}, in: count(0, in.part, s), out: count(1, out.part, s)}
		if a.x.First = a.x.E; s.outcome == trace.Admitted {
			a.x.Admitted = 1
		} else {
			a.x.Limited = 1
		}
		d.met = append(d.met, a)
	}
	slices.SortStableFunc(d.met, func(a, b meeting) int { return cmpFloat(a.x.S, b.x.S) })
	for i := 1; i < len(d.met); i++ { // a counter decides in order
		if before := &d.met[i-1].x; before.E > d.met[i].x.S {
			before.E = max(before.S, d.met[i].x.S)
			before.First = before.E
		}
	}
	d.in, d.out = make([]model.Model, len(index[0])), make([]model.Model, len(index[1]))
	for k, part := range []scope{in.part, out.part} {
		d.fits[k] = newFitter(x.r.arms(part), 1, x.rng)
	}
	return d
}

// weigh is what the record costs a pair, in nats, given up beyond limit.
func (d *duet) weigh(p pair, limit float64) float64 {
	for i := range d.in {
		d.in[i].V, d.in[i].Params = p.in.v, p.in.p
		d.in[i].Reset()
	}
	for i := range d.out {
		d.out[i].V, d.out[i].Params = p.out.v, p.out.p
		d.out[i].Reset()
	}
	var c model.Cost
	for _, a := range d.met {
		in, out := &d.in[a.in], &d.out[a.out]
		if a.x.Admitted > 0 {
			in.Step(&a.x, &c)
			out.Step(&a.x, &c)
		} else {
			d.refused(&a, in, out, &c)
		}
		if c.Total > limit {
			break
		}
	}
	return c.Total
}

// refused gives a refusal to the limit that it costs less.
func (d *duet) refused(a *meeting, in, out *model.Model, c *model.Cost) {
	passed := a.x // as the one that did not refuse it saw it
	passed.Admitted, passed.Limited = 1, 0
	inner, outer := in.Weigh(&a.x), out.Weigh(&a.x)
	if d.charged.in {
		outer += in.Weigh(&passed)
	}
	if d.charged.out {
		inner += out.Weigh(&passed)
	}
	switch {
	case math.Abs(inner-outer) < 1:
		d.judgedBy[a.sample] = eithers
	case inner < outer:
		d.judgedBy[a.sample] = inners
	default:
		d.judgedBy[a.sample] = outers
	}
	if inner <= outer {
		in.Step(&a.x, c)
		if d.charged.out {
			out.Step(&passed, c)
		}
		return
	}
	out.Step(&a.x, c)
	if d.charged.in {
		in.Step(&passed, c)
	}
}

// search walks from the best pairs of what the readings by turns left, and says whose
// every refusal is by the best pair that it met.
func (d *duet) search(ins, outs []particle) (best pair, owners []owner, cost float64) {
	var starts []weighed
	least := math.Inf(1)
	for _, in := range ins {
		for _, out := range outs {
			p := pair{in, out}
			if c := d.weigh(p, least+15); c <= least+15 {
				starts = append(starts, weighed{p, c})
				least = min(least, c)
			}
		}
	}
	slices.SortStableFunc(starts, func(a, b weighed) int { return cmpFloat(a.cost, b.cost) })
	cost = math.Inf(1)
	var from []pair
	for _, s := range starts {
		alike := 0
		for _, p := range from {
			if p.akin(s.pair) {
				alike++
			}
		}
		if alike == duetAlike || s.cost > duetLost && len(from) >= duetHopes {
			continue
		}
		from = append(from, s.pair)
		if p, c := d.walk(s.pair, s.cost); c < cost {
			best, cost = p, c
		}
		if cost < explained || len(from) == duetStarts {
			break
		}
	}
	if math.IsInf(cost, 1) {
		return best, nil, cost
	}
	d.weigh(best, math.Inf(1))
	return best, slices.Clone(d.judgedBy), cost
}

// akin says whether two pairs are neighbours.
func (p pair) akin(q pair) bool {
	one := func(a, b particle) bool {
		return a.v == b.v && akin(a.v, candidate{p: a.p}, candidate{p: b.p})
	}
	return one(p.in, q.in) && one(p.out, q.out)
}

// duetStarts and duetSteps bound the walks, of which duetAlike may begin next to each
// other, and duetHeat is the temperature at which each begins, since a stray refusal
// costs several nats at once. One that is beyond duetLost nats after its duetTrial-th part
// finds the way no more; what begins there is tried only among the first duetHopes.
// duetMiddle pairs show where the middle of those is that explain.
const (
	duetStarts = 8
	duetAlike  = 2
	duetSteps  = 20_000
	duetTrial  = 5
	duetHopes  = 2
	duetHeat   = 4.0
	duetLost   = 60
	duetMiddle = 1000
)

// steps are fewer the longer each takes.
func (d *duet) steps() int { return min(duetSteps, duetSteps*400/(len(d.met)+1)) }

// walk is a Metropolis walk of both limits that cools down until it explains the
// record. It gives up where it is still lost after a while.
func (d *duet) walk(at pair, cost float64) (best pair, least float64) {
	best, least = at, cost
	k := 0
	d.wander(at, cost, func(step int) float64 {
		k = step
		return duetHeat * math.Pow(0.1, float64(step)/float64(d.steps()))
	}, func(p pair, c float64) bool {
		if c < least {
			best, least = p, c
		}
		return least >= explained/2 && (least <= duetLost || k < d.steps()/duetTrial)
	})
	if least < explained/2 {
		best, least = d.middle(best, least)
	}
	return best, least
}

// middle goes on from a pair that explains the record, and returns one from amid those
// that do: a walk ends at the edge at which it came in.
func (d *duet) middle(at pair, cost float64) (pair, float64) {
	all := []weighed{{at, cost}}
	d.wander(at, cost, func(int) float64 { return 1 }, func(p pair, c float64) bool {
		if c <= explained {
			all = append(all, weighed{p, c})
		}
		return len(all) < duetMiddle
	})
	slices.SortStableFunc(all, func(a, b weighed) int { return cmpFloat(a.in.p.W, b.in.p.W) })
	all = all[len(all)/3 : len(all)-len(all)/3]
	slices.SortStableFunc(all, func(a, b weighed) int { return cmpFloat(a.out.p.W, b.out.p.W) })
	x := all[len(all)/2]
	return x.pair, x.cost
}

// around are pairs that explain the record about as well as the best that a warm walk
// from at meets, whosever the refusals may be by them.
func (d *duet) around(at pair) []pair {
	least := d.weigh(at, math.Inf(1))
	all := []weighed{{at, least}}
	d.wander(at, least, func(int) float64 { return 1 }, func(p pair, c float64) bool {
		least = min(least, c)
		if c <= least+duetMore {
			all = append(all, weighed{p, c})
		}
		return true
	})
	var out []pair
	for _, x := range all {
		if x.cost <= least+duetMore {
			out = append(out, x.pair)
		}
	}
	return out
}

// shareOut notes what else explains the records of two limits, where the refusals are
// shared out in another way than that by which they were read.
func (x *reading) shareOut(in, out *reading) {
	d := x.together(in, out)
	ins, outs := in.post.typical(24), out.post.typical(24)
	if len(ins) == 0 || len(outs) == 0 {
		return
	}
	for k := range duetArounds {
		for _, p := range d.around(pair{ins[k*len(ins)/duetArounds], outs[k*len(outs)/duetArounds]}) {
			in.also, out.also = append(in.also, p.in), append(out.also, p.out)
		}
	}
}

// duetArounds is how many such walks there are, from quick limiters to slow ones.
const duetArounds = 8

// duetMore is how much more, in nats, pairs may cost that explain a record as well.
const duetMore = 1.9

// wander is a Metropolis walk of pairs.
func (d *duet) wander(at pair, cost float64, heat func(k int) float64, meet func(pair, float64) bool) {
	rng := d.fits[0].rng
	metropolis(rng, d.steps(), at, cost, func(next pair) (pair, bool) {
		q, f := &next.in, d.fits[0]
		if rng.IntN(2) == 0 {
			q, f = &next.out, d.fits[1]
		}
		f.perturb(q.v, &q.p)
		return next, valid(q.v, &q.p)
	}, d.weigh, heat, meet)
}

// seeded is p with one more parameter set to start from.
func (p *posterior) seeded(q particle) *posterior {
	s := p.revived()
	s.fits = slices.Clone(p.fits)
	for i := range s.fits {
		if f := &s.fits[i]; f.v == q.v {
			f.parts, f.untried = append([]particle{q}, f.parts...), false
		}
	}
	return s
}
