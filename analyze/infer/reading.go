package infer

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"apisonde/analyze/model"
)

// reading is what a record says of the one limit that it may show.
type reading struct {
	r      *record
	rng    *rand.Rand
	cs     []contrast
	scopes []scope
	spread bool  // connections lead to several counters
	part   scope // by which the record splits into counters
	post   *posterior
	// charged: the refusals of another limit on the path count in this one.
	charged bool
	alone   int // so many samples, from the first on, this limit explains alone
	// regroups is how often other scopes were tried for a limit behind this one.
	regroups int
	// also explains the record as well, where the refusals are shared out between two
	// limits in another way.
	also []particle
}

// search fits the bank to one record's arms, from an earlier belief, nil for none.
type search func(arms [][]model.Event, before *posterior, rng *rand.Rand) *posterior

// glance looks once, at every variant. It misses at times what inferBank finds.
func glance(arms [][]model.Event, before *posterior, rng *rand.Rand) *posterior {
	if before != nil {
		before = before.revived()
	}
	return fitBank(arms, before, 1, rng)
}

// read fits the bank to the record.
func (r *record) read(rng *rand.Rand) *reading { return r.readOn(nil, thorough, rng) }

// readOn fits the bank to the record, of a part of which before is the belief.
func (r *record) readOn(before *posterior, fit search, rng *rand.Rand) *reading {
	x := &reading{r: r, rng: rng}
	x.compare()
	if len(x.scopes) == 0 { // no partition makes sense, so no fit does
		fit = glance
	}
	x.post = fit(r.arms(x.part), before, rng)
	if len(x.scopes) > 0 && len(r.unsettled(true, false)) > 0 { // a later look may have settled it
		r.recovery, _ = x.post.recovery()
		part := x.part // by which it was fitted
		if x.compare(); slices.Contains(x.scopes, part) {
			x.part = part
		}
	}
	return x
}

// regroup looks for another way to split the record, where the contrasts leave
// several and nothing explains it by the one that was tried.
func (x *reading) regroup() {
	if !x.doubtful() || len(x.r.samples) > longPath {
		return
	}
	best := *x
	for _, s := range x.promising() {
		y := *x
		y.part, y.post = s, glance(x.r.arms(s), nil, x.rng)
		if y.post.beats(best.post) {
			best = y
		}
		if !best.doubtful() {
			break
		}
	}
	if best.part != x.part && best.doubtful() {
		best.post = thorough(x.r.arms(best.part), best.post, x.rng)
	}
	*x = best
}

// others are the other scopes by which the record may split.
func (x *reading) others() []scope {
	var out []scope
	for _, s := range x.scopes {
		if s != x.part && s&^x.r.tested() == 0 {
			out = append(out, s)
		}
	}
	return out
}

// promising are, of those, at most mostPromising by which the commonest limiters come
// closest to explaining the record.
func (x *reading) promising() []scope {
	out := x.others()
	if len(out) <= mostPromising {
		return out
	}
	off := map[scope]float64{}
	for _, s := range out {
		off[s] = plainCost(x.r.arms(s), x.rng)
	}
	slices.SortStableFunc(out, func(a, b scope) int { return cmpFloat(off[a], off[b]) })
	return out[:mostPromising]
}

// mostPromising bounds the scopes for which the whole bank is searched.
const mostPromising = 3

// narrow drops the scopes under which the record can hardly be explained, of those
// that the contrasts leave. It takes a search for each, so it is for verdicts, and for
// records that tell when the limit lets go, and of which some contrast told something:
// others exclude hardly anything.
func (x *reading) narrow() {
	if len(x.scopes) < 2 || len(x.scopes) == len(possible(x.r.roster)) || x.doubtful() || !x.post.bounded() {
		return
	}
	tested, best := x.r.tested(), x.post.evidence()
	var others []scope
	for _, s := range x.scopes {
		if s &= tested; s != x.part && !slices.Contains(others, s) {
			others = append(others, s)
		}
	}
	hardly := make([]bool, len(others))
	sideBySide(len(others), x.rng, func(i int, rng *rand.Rand) {
		arms := x.r.arms(others[i])
		y := reading{r: x.r, post: glance(arms, x.post, rng), scopes: x.scopes}
		if y.doubtful() {
			y.post = inferBank(arms, nil, rng)
		}
		hardly[i] = y.post.evidence() < best+hardlyAny
	})
	x.scopes = slices.DeleteFunc(slices.Clone(x.scopes), func(s scope) bool {
		i := slices.Index(others, s&tested)
		return i >= 0 && hardly[i]
	})
}

// sideBySide calls do for 0 to n-1, on every processor, each with random choices of its
// own, so that the answer does not depend on which is done first.
func sideBySide(n int, rng *rand.Rand, do func(i int, rng *rand.Rand)) {
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	var all sync.WaitGroup
	for i := range n {
		own := rand.New(rand.NewPCG(rng.Uint64(), uint64(i)))
		free <- struct{}{}
		all.Go(func() {
			do(i, own)
			<-free
		})
	}
	all.Wait()
}

// hardlyAny is the log of how much less probable than another a scope has to be.
const hardlyAny = -7

// sharpen searches the sliding counters anew and harder where one leads: what
// explains their ramps is thin strips, of which a quick search sees a part, and an
// interval is to cover them all.
func (x *reading) sharpen() {
	if top, _ := x.post.leader(); x.post.fits[top].v.Core != model.CoreCounter || x.doubtful() {
		return
	}
	p := fitBank(x.r.arms(x.part), x.post, 3, x.rng)
	if p.best() > x.post.best()+1 {
		return
	}
	for i, f := range x.post.fits {
		if len(f.parts) > 0 && f.best <= p.fits[i].best+1 {
			p.fits[i].span.join(f.span)
		}
	}
	x.post = p
}

// broaden lets the figures cover also.
func (x *reading) broaden() {
	for i, p := range x.post.prob {
		f := &x.post.fits[i]
		for _, q := range x.also {
			if q.v == f.v && p >= equivalentAbove && len(f.parts) > 0 {
				f.span.add(q.p)
			}
		}
	}
}

func (x *reading) compare() {
	x.cs = x.r.contrasts()
	x.scopes = x.r.candidates(x.cs)
	x.part = x.r.choose(x.scopes)
	if x.spread = x.r.spread(); x.spread && len(x.scopes) > 0 {
		x.cs = refusals(x.cs)
		x.scopes = x.r.candidates(x.cs)
	}
}

// explains says whether one limit can have given all the answers: somebody's,
// and of a kind that the bank knows.
func (x *reading) explains() bool { return len(x.scopes) > 0 && x.post.misfit <= misfitLimit }

// doubtful says whether it is worth looking for a second limit.
func (x *reading) doubtful() bool { return !x.explains() || x.post.strained() }

// secondLimit is the log of how much less often two limits guard a path than one.
const secondLimit = -5

// outdone says whether two limits explain the record better.
func (x *reading) outdone(inner, outer *reading) bool {
	return !x.explains() || inner.post.evidence()+outer.post.evidence()+secondLimit > x.post.evidence()
}
