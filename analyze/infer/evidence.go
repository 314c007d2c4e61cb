package infer

import (
	"math"
	"slices"

	"apisonde/analyze/model"
)

// fit searches the parameters of v that explain the trace and weighs them:
// evidence is the prior mass of the region that explains it, so a variant with
// a parameter to spare pays for the coincidence that the parameter fits
// (Occam's razor). cut is the least cost that any variant reached so far.
func (f *fitter) fit(v *model.Variant, warm []particle, cut float64) fit {
	r := fit{v: v, logZ: math.Inf(-1), best: math.Inf(1), violation: math.Inf(1)}
	behind := 0.0 // that counts for nothing yet, while nothing explains the trace
	if cut > explained {
		behind = cut
	}
	cs := f.scout(v, warm, cut+behind+30, cut > explained)
	if len(cs) == 0 {
		return r
	}
	if (v.HasPhase() || v.HasPenalty() || v.Core == model.CoreCounter) && cs[0].cost < cut+behind+40 {
		cs = f.evolve(v, cs)
	}
	// Variants that stay far behind get a short look only.
	n, steps := 6, 300*f.effort
	if len(warm) > 0 {
		n, steps = 4, 200*f.effort
	}
	if v.Core == model.CoreCounter { // a ramp fits at several windows
		n *= 1 + f.effort
	}
	if cs[0].cost > cut+14 {
		n, steps = 3, 120*f.effort
	}
	type mode struct {
		box
		best float64
	}
	var modes []mode
	var walked []particle
	walk := func(start candidate) {
		if start.cost > r.best+16 {
			return
		}
		b, seen, best, violation := f.walk(v, start, steps)
		if v.HasPenalty() {
			f.reach(v, &b, seen, best+f.alike)
		}
		walked = append(walked, seen...)
		modes = append(modes, mode{b, best})
		r.best = min(r.best, best)
		r.violation = min(r.violation, violation)
	}
	for _, start := range diverse(v, cs, n) {
		walk(start)
	}
	if r.best <= explained {
		for _, start := range f.aliases(v, walked, r.best) {
			walk(start)
		}
	}
	slices.SortFunc(modes, func(a, b mode) int { return cmpFloat(a.best, b.best) })
	var boxes []mode
	for _, m := range modes {
		if m.best > r.best+6 || len(boxes) == 8 {
			break
		}
		if i := slices.IndexFunc(boxes, func(b mode) bool { return b.overlaps(m.box) }); i >= 0 {
			if m.best < boxes[i].best+f.alike && !v.HasPhase() {
				boxes[i].join(m.box)
			}
			continue
		}
		boxes = append(boxes, m)
	}
	alike := f.alike
	if v.HasPenalty() { // whose truth costs more: where a block began may be open
		alike = max(alike, 1.5)
	}
	r.span = boxes[0].box
	for _, b := range boxes {
		if b.best < r.best+max(1.5, alike) {
			r.span.join(b.box)
		}
		z, parts := f.weigh(v, b.box, r.best)
		r.logZ = addLog(r.logZ, z)
		r.parts = append(r.parts, parts...)
	}
	walks := r.span
	for _, c := range cs { // what explains as much beyond the reach of a walk
		if c.cost <= r.best+alike {
			r.span.add(c.p)
		}
	}
	if math.IsInf(r.logZ, -1) {
		r.logZ = math.Log(f.mass(v, widen(boxes[0].box, 0.15))) - r.best - 1
	}
	r.logZ += math.Log(v.Prior)
	r.parts = resample(f, r.parts, walked, r.best)
	r.parts = append(r.parts, outliers(v, cs, walks, r.best+alike)...)
	for i := range r.parts {
		r.parts[i].weight = 1 / float64(len(r.parts))
	}
	return r
}

// outliers are the shortest and the longest window that explain the trace within
// cost, where they lie well outside of the range that walks saw: a search that knew
// only the bulk would end before it has asked which.
func outliers(v *model.Variant, cs []candidate, walks box, cost float64) []particle {
	var short, long *candidate
	for i, c := range cs {
		if c.cost > cost {
			break
		}
		if c.p.W < walks.lo.W*(1-wellOutside) && (short == nil || c.p.W < short.p.W) {
			short = &cs[i]
		}
		if c.p.W > walks.hi.W*(1+wellOutside) && (long == nil || c.p.W > long.p.W) {
			long = &cs[i]
		}
	}
	var out []particle
	for _, c := range []*candidate{short, long} {
		if c != nil {
			out = append(out, particle{v: v, p: c.p, cost: c.cost})
		}
	}
	return out
}

// wellOutside is how far, relatively, a window lies beyond a range to stand for
// itself.
const wellOutside = 0.01

func addLog(a, b float64) float64 {
	if b > a {
		a, b = b, a
	}
	if math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}

// widen gives a box a margin, a share of its width on either side, since a walk
// stops short of the edges.
func widen(b box, share float64) box {
	grow := func(lo, hi *float64, least float64) {
		w := max((*hi-*lo)*share, least)
		*lo, *hi = *lo-w, *hi+w
	}
	w := (math.Log(b.hi.W) - math.Log(b.lo.W)) * share
	w = max(w, 1e-5)
	b.lo.W, b.hi.W = b.lo.W*math.Exp(-w), b.hi.W*math.Exp(w)
	grow(&b.lo.Phase, &b.hi.Phase, 1e-5)
	if b.lo.P > 0 {
		b.lo.P, b.hi.P = b.lo.P*0.999, b.hi.P*1.001
	}
	return b
}

// durationPrior is the prior of a window or a penalty: half of it stands on round
// values.
type durationPrior struct {
	lo, hi float64
	round  []float64 // round values inside
	even   float64   // prior mass of the even half inside
	onNice float64   // prior mass of the round half inside
}

func newDuration(lo, hi float64, nice []float64) durationPrior {
	d := durationPrior{lo: lo, hi: hi, even: 0.5 * math.Log(hi/lo) / spanLnW}
	i, _ := slices.BinarySearch(nice, lo)
	for ; i < len(nice) && nice[i] <= hi; i++ {
		d.round = append(d.round, nice[i])
	}
	d.onNice = 0.5 * float64(len(d.round)) / float64(len(nice))
	return d
}

// mass is the prior mass of everything in b but its durations.
func (f *fitter) mass(v *model.Variant, b box) float64 {
	m := math.Log((b.hi.L+0.5)/(b.lo.L-0.5)) / spanLnL
	if v.HasPhase() {
		period := math.Sqrt(b.lo.W * b.hi.W)
		if v.Seconds {
			period = 1
		}
		m *= min(1, (b.hi.Phase-b.lo.Phase)/period)
	}
	if v.HasTick() {
		m *= math.Log((b.hi.K+0.5)/(max(1, b.lo.K)-0.5)) / spanLnL
	}
	if v.HasPenalty() {
		m *= (b.hi.C - b.lo.C + 1) / float64(v.Aftermaths())
	}
	return m
}

// weigh samples a box and returns the log of its evidence and the samples that
// explain the trace, weighted.
func (f *fitter) weigh(v *model.Variant, b box, best float64) (logZ float64, parts []particle) {
	b = widen(b, 0.15)
	base := f.mass(v, b)
	w := newDuration(b.lo.W, b.hi.W, v.Nice())
	p := durationPrior{even: 1}
	if v.HasPenalty() {
		p = newDuration(b.lo.P, b.hi.P, model.NicePenalties())
	}
	var z float64
	for _, roundW := range []bool{false, true} {
		for _, roundP := range []bool{false, true} {
			mass := base * pick(roundW, w.onNice, w.even) * pick(roundP, p.onNice, p.even)
			if mass <= 0 {
				continue
			}
			n := 100 * f.effort
			var sum float64
			for range n {
				q := f.sample(v, b)
				if roundW {
					f.turn(v, &q, w.round[f.rng.IntN(len(w.round))]/q.W)
				}
				if roundP {
					q.P = p.round[f.rng.IntN(len(p.round))]
				}
				if !valid(v, &q) {
					continue
				}
				c := f.cost(v, q, best+12).Total
				e := math.Exp(best - c)
				sum += e
				if c <= best+5 {
					parts = append(parts, particle{v: v, p: q, cost: c, weight: mass * e / float64(n)})
				}
			}
			z += mass * sum / float64(n)
		}
	}
	return math.Log(z) - best, parts
}

func pick(cond bool, a, b float64) float64 {
	if cond {
		return a
	}
	return b
}

func (f *fitter) sample(v *model.Variant, b box) model.Params {
	even := func(lo, hi float64) float64 { return lo + f.rng.Float64()*(hi-lo) }
	q := model.Params{
		L:     math.Round(even(b.lo.L-0.499, b.hi.L+0.499)),
		W:     math.Exp(even(math.Log(b.lo.W), math.Log(b.hi.W))),
		Phase: even(b.lo.Phase, b.hi.Phase),
		K:     math.Round(even(b.lo.K-0.499, b.hi.K+0.499)),
		C:     math.Round(even(b.lo.C-0.499, b.hi.C+0.499)),
	}
	if v.HasPenalty() {
		q.P = math.Exp(even(math.Log(b.lo.P), math.Log(b.hi.P)))
	}
	return q
}

// resample thins weighted particles to a fixed number. Where hardly any sample
// of the box explained the trace, or none as well as the best point of the walk,
// the walk's own points stand in.
func resample(f *fitter, parts, walked []particle, best float64) []particle {
	if !slices.ContainsFunc(parts, func(q particle) bool { return q.cost <= best+1 }) {
		parts = nil
	}
	var total float64
	for _, p := range parts {
		total += p.weight
	}
	var out []particle
	if total > 0 {
		j, acc := 0, parts[0].weight
		for i := range particlesPerFit {
			u := (float64(i) + f.rng.Float64()) / particlesPerFit * total
			for acc < u && j < len(parts)-1 {
				j++
				acc += parts[j].weight
			}
			out = append(out, parts[j])
		}
	}
	if len(parts) < 8 {
		for i := 0; i < 12 && len(walked) > 0; i++ {
			if p := walked[f.rng.IntN(len(walked))]; p.cost <= best+f.alike {
				out = append(out, p)
			}
		}
	}
	return out
}
