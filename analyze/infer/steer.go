package infer

import (
	"math"
	"slices"

	"apisonde/analyze/header"
	"apisonde/analyze/model"
	"apisonde/probe/trace"
)

// claims are what the headers said of each counter. They propose experiments, and
// say where to look first; what they say is no evidence, and a verdict is judged
// without them.
type claims map[counter]*claim

// claim is what they said of one counter.
type claim struct {
	limit   float64             // requests, of the quota that was spent at the latest refusal; 0: not stated
	window  float64             // seconds, of that quota; 0: not stated
	opens   float64             // offset in seconds at which it is said to let requests through again; 0: not stated
	longest map[float64]float64 // the longest reset in seconds, by the limit it was stated with
	larger  float64             // the largest limit in requests of any other quota
}

// mostQuotas bounds how many quotas of one counter are kept.
const mostQuotas = 8

// hear takes in the headers of an answer.
func (cs claims) hear(o trace.Observation, outcome trace.Outcome) {
	if outcome != trace.Admitted && outcome != trace.Limited || o.Egress != "" {
		return
	}
	d := header.Decode(o.Status, o.Headers, nil, header.Date(o.Headers))
	if len(d.Quotas) == 0 && !d.WaitS.Known {
		return
	}
	k := counter{o.Identity, o.Route}
	c := cs[k]
	if c == nil {
		c = &claim{longest: map[float64]float64{}}
		cs[k] = c
	}
	var spent *header.Quota
	for i, q := range d.Quotas {
		if q.Unit != "requests" && q.Unit != "" || !q.Limit.Known {
			continue
		}
		if was, ok := c.longest[q.Limit.Value]; ok || len(c.longest) < mostQuotas {
			c.longest[q.Limit.Value] = max(was, q.ResetInS.Value)
		}
		if q.Remaining.Known && q.Remaining.Value == 0 && spent == nil {
			spent = &d.Quotas[i]
		}
	}
	if outcome != trace.Limited {
		return
	}
	c.opens = 0
	if d.WaitS.Known {
		c.opens = seconds(o.FirstByte) + d.WaitS.Value
	}
	if spent == nil {
		return
	}
	c.limit, c.window = spent.Limit.Value, spent.WindowS.Value
	for l := range c.longest {
		if l != c.limit {
			c.larger = max(c.larger, l)
		}
	}
}

// spans are the seconds that the window may have by what is claimed: the one stated,
// or else the longest reset that was, which is rounded up where it counts whole
// seconds, and by as much again where it is told as a time of day.
func (c *claim) spans() []float64 {
	if c == nil || c.limit == 0 {
		return nil
	}
	if c.window > 0 {
		return []float64{c.window}
	}
	var out []float64
	for w := c.longest[c.limit]; w > 0 && len(out) < 2; w-- {
		out = append(out, w)
	}
	return out
}

// trust is how much more probable an explanation is taken to be that does what the
// headers say, when experiments are chosen.
const trust = 20

// steer returns, for every variant that may explain the trace, parameters that also
// do what the headers of the counter say, weighted: the designer then asks what tells
// them from each other and from the rest.
func (e *Engine) steer(arms [][]model.Event) []particle {
	c := e.claims[e.log.baseline()]
	spans := c.spans()
	if len(spans) == 0 {
		return nil
	}
	f := fitter{arms: arms}
	rng := e.rng()
	var out []particle
	for i := range e.post.fits {
		x := &e.post.fits[i]
		if e.post.prob[i] < 2e-4 || len(x.parts) == 0 {
			continue
		}
		from := len(out)
		for k := range 2 * particlesPerFit {
			q := x.parts[k/len(spans)%len(x.parts)].p
			if !c.apply(x.v, &q, spans[k%len(spans)], rng.Float64()) || !valid(x.v, &q) {
				break
			}
			if cost := f.cost(x.v, q, x.best+3).Total; cost <= x.best+3 {
				out = append(out, particle{v: x.v, p: q, cost: cost, weight: math.Exp(x.best - cost)})
			}
			if k+1 >= len(spans) && !x.v.HasPhase() && !x.v.HasRounding() && !x.v.HasTick() { // all alike
				break
			}
		}
		sum := 0.0
		for _, q := range out[from:] {
			sum += q.weight
		}
		for j := range out[from:] {
			out[from+j].weight *= trust * e.post.prob[i] / sum
		}
	}
	return out
}

// apply makes q do what is claimed, with a window of so many seconds that ends in the
// claimed second (at says where). It says whether the variant can.
func (c *claim) apply(v *model.Variant, q *model.Params, span, at float64) bool {
	switch {
	case v.Blocks():
		return false
	case v.Core == model.CoreBucket:
		q.W = span / c.limit
	case v.Core == model.CoreTick:
		q.W = q.K * span / c.limit
	default:
		q.L, q.W = c.limit, span
	}
	if v.HasPhase() && !v.Seconds && c.opens > 0 {
		q.Phase = c.opens - at
	}
	return true
}

// opens is the offset at which c is said to let requests through again, 0 where
// nothing is.
func (cs claims) opens(c counter) float64 {
	if x := cs[c]; x != nil {
		return x.opens
	}
	return 0
}

// borneOut says whether the leading explanation does what the headers claim, with
// figures that leave little else, so that what was predicted from outside has come
// true. The slope of one ramp is no prediction of a sliding counter's window.
func (e *Engine) borneOut(top int) bool {
	c := e.claims[e.log.baseline()]
	f := &e.post.fits[top]
	if len(f.parts) == 0 || f.v.Core == model.CoreCounter {
		return false
	}
	q := f.best1()
	if _, window, rate := f.figures(q); vague(window) || vague(rate) {
		return false
	}
	return slices.ContainsFunc(c.spans(), func(span float64) bool {
		claimed := q.p
		return c.apply(f.v, &claimed, span, 0) && claimed.L == q.p.L && math.Abs(claimed.W/q.p.W-1) < claimedWithin
	})
}

// claimedWithin is how far, relatively, a duration may be from the one claimed.
const claimedWithin = 0.02
