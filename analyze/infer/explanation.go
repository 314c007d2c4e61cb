package infer

import (
	"math/rand/v2"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// explanation is what guards the paths of one policy: a limit on requests in
// flight, one on their rate, or two that must both admit.
type explanation struct {
	policy       policy
	r            *record
	one          *reading // nil for a limit on requests in flight
	inner, outer *reading // nil unless there are two
	either       *either  // nil unless it is two windows of which either admits
}

// explain reads the record of one policy as that of a single limit.
func (r *record) explain(p policy, rng *rand.Rand) explanation {
	x := explanation{policy: p, r: r.view(p)}
	if _, _, _, flying := x.r.slots(); !flying {
		x.one = x.r.read(rng)
		if x.one.spread { // unless tokens that came just then explain it
			united := x.r.view(p)
			united.united = true
			if y := united.read(rng); !y.doubtful() {
				x.r, x.one = united, y
			}
		}
		x.one.sharpen()
		if x.one.post.penalised() {
			x.one = x.one.beneath()
		}
	}
	return x
}

// plain says whether a single limit explains everything, and well.
func (x *explanation) plain() bool { return x.one == nil || !x.one.doubtful() }

// look looks for two windows of which either admits, for two limits and for a count below
// a block, where one limit that shows does not explain everything. It says whether any of
// these does.
func (x *explanation) look() bool {
	if x.either = x.one.eitherAtLength(); x.either != nil {
		return true
	}
	inner, outer, two := x.one.peel(true)
	two = two && x.one.outdone(inner, outer)
	if below := x.one.beneath(); !below.doubtful() && (!two || !below.outdone(inner, outer)) {
		x.one = below
		return true
	}
	if two {
		inner.narrow() // what the other one refused tells nothing
		outer.narrow()
		x.inner, x.outer = inner, outer
		x.one.shareOut(inner, outer)
	}
	return two
}

// explanations are what guards the paths, the simplest that explains everything:
// policies that each have a single limit, or one policy for all of their paths,
// which two limits can make look different from path to path.
func (r *record) explanations(policies []policy, seed uint64) []explanation {
	rng := rand.New(rand.NewPCG(seed, 0x6a09e667)) // any constant will do
	var out []explanation
	open := false
	for _, p := range policies {
		out = append(out, r.explain(p, rng))
		open = open || !out[len(out)-1].plain()
	}
	if !open {
		return out
	}
	if len(policies) > 1 {
		all := policy{}
		for _, p := range policies {
			all.routes = append(all.routes, p.routes...)
		}
		all.others = len(all.routes) < len(r.roster.Routes)
		if x := r.explain(all, rng); x.plain() || x.look() {
			return []explanation{x}
		}
	}
	for i := range out {
		if !out[i].plain() {
			out[i].look()
		}
	}
	return out
}

// likeConfidence is the most that is stated of two limits of which one is less than
// likeLimits times the other: few people set up such, and a limit that follows other
// rules than any known one may look like them.
const (
	likeConfidence = 0.85
	likeLimits     = 1.5
)

// sureOfTwo is the most that is stated of two limits on one path, of so many requests each,
// of which the outer one began to refuse so many times.
func sureOfTwo(a, b float64, bouts int) float64 {
	switch {
	case max(a, b) < likeLimits*min(a, b):
		return likeConfidence
	case bouts >= manyBouts:
		return againConfidence
	}
	return peeledConfidence
}

// limits states what the policy's limits are.
func (x *explanation) limits(t trace.Trace) []verdict.Limit {
	switch {
	case x.one == nil:
		return []verdict.Limit{x.r.inFlight()}
	case x.either != nil:
		return []verdict.Limit{x.either.state(x.one)}
	case x.inner == nil:
		return []verdict.Limit{x.one.layer(t)}
	}
	ls := []verdict.Limit{x.inner.layer(t), x.outer.layer(t)}
	most := sureOfTwo(stated(ls[0].Limit), stated(ls[1].Limit), len(x.outer.r.bouts()))
	for i := range ls {
		ls[i].Confidence = min(ls[i].Confidence, most)
	}
	if x.outer.charged { // what the inner one refused was counted in, on a guess
		ls[1].Confidence = min(ls[1].Confidence, chargedConfidence)
	}
	return ls
}
