package infer

import (
	"math"
	"math/rand/v2"
	"slices"

	"apisonde/analyze/model"
)

// particle is one parameter set of a variant, weighted.
type particle struct {
	v      *model.Variant
	p      model.Params
	cost   float64
	weight float64
}

// fit is what the trace says of one variant: how probable it is and which
// parameters explain the trace.
type fit struct {
	v         *model.Variant
	logZ      float64 // log of prior times evidence
	best      float64 // least cost found
	violation float64 // least cost of outcomes outside the bounds
	parts     []particle
	untried   bool // there was no reason to
	span      box  // parameters that explain the trace about as well as the best
	edged     bool // it was followed to its shortest and its longest window
}

// box is a range of parameters around one mode.
type box struct{ lo, hi model.Params }

// Priors: logarithms of durations and limits are uniform over these spans.
const (
	spanLnW = 14.0 // 1 ms to about 20 minutes, and far beyond in both directions at little loss
	spanLnL = 7.0  // 1 to about 1,100
)

// particlesPerFit is how many parameter sets stand for a fit when experiments
// are designed.
const particlesPerFit = 24

// fitter fits variants to one trace.
type fitter struct {
	rng    *rand.Rand
	arms   [][]model.Event
	draws  *proposer
	effort int
	alike  float64     // nats by which what explains the trace as well may cost more
	m      model.Model // scratch
}

func newFitter(arms [][]model.Event, effort int, rng *rand.Rand) *fitter {
	// Where instants are sharp the truth mostly costs nothing, and all else soon very
	// much; where they are not the likelihood is smooth, and 1.9 nats leave 95 % of it.
	// What is stated allows for as much, since the truth may have met chance as well.
	alike := 0.7
	if effort >= judgeEffort {
		alike = 1.9
	}
	alike = min(2.5, alike+0.4*blur(arms))
	return &fitter{rng: rng, arms: arms, draws: newProposer(arms, rng), effort: effort, alike: alike}
}

// cost weighs the whole trace under q, giving up beyond limit.
func (f *fitter) cost(v *model.Variant, q model.Params, limit float64) model.Cost {
	f.m.V, f.m.Params = v, q
	return f.total(&f.m, limit)
}

// limiter is a model of what decides about one counter's events.
type limiter interface {
	Run(events []model.Event, limit float64) model.Cost
}

// total adds up what the arms cost under m, giving up beyond limit.
func (f *fitter) total(m limiter, limit float64) model.Cost {
	var c model.Cost
	for _, ev := range f.arms {
		x := m.Run(ev, limit-c.Total)
		c.Total += x.Total
		c.Violation += x.Violation
		if c.Total > limit {
			break
		}
	}
	return c
}

// valid rounds q to what the variant can be set to and says whether it makes
// sense.
func valid(v *model.Variant, q *model.Params) bool {
	q.L = math.Round(q.L)
	if v.Seconds {
		q.W = max(1, math.Round(q.W))
		if v.HasPenalty() {
			q.P = max(1, math.Round(q.P))
		}
		q.Phase -= math.Floor(q.Phase)
	}
	switch {
	case q.L < 1 || q.L > 20000 || q.W < 1e-4 || q.W > 4e5:
		return false
	case v.Core != model.CoreBucket && q.W < 0.02:
		return false
	case v.HasTick() && (q.K < 1 || q.K > q.L):
		return false
	case v.HasPenalty() && (q.P < 0.05 || q.P > 4e5):
		return false
	case q.C >= float64(v.Aftermaths()):
		return false
	}
	return true
}

// candidate is a starting point with its cost.
type candidate struct {
	p    model.Params
	cost float64
}

// scout finds starting points for v: drawn ones and the particles of an earlier
// fit, best first. cut is the cost beyond which none is of interest. open: nothing
// explains the trace so far, so it is worth a long search.
func (f *fitter) scout(v *model.Variant, warm []particle, cut float64, open bool) []candidate {
	var out []candidate
	best := cut
	try := func(q model.Params) {
		if !valid(v, &q) {
			return
		}
		c := f.cost(v, q, best+25)
		if c.Total > best+25 {
			return
		}
		out = append(out, candidate{q, c.Total})
		best = min(best, c.Total)
	}
	for _, w := range warm {
		try(w.p)
	}
	known := slices.ContainsFunc(out, func(c candidate) bool { return c.cost < explained })
	if v.HasPenalty() && (f.effort > 1 || !known) || !v.HasPenalty() && v.Core == model.CoreCounter {
		f.sweep(v, warm, try)
	}
	if f.effort > 1 && !known && open {
		f.descend(v, try)
	}
	n := 500 * f.effort
	if len(warm) > 0 {
		n = 120 * f.effort
	}
	if v.HasPhase() && v.Core != model.CoreWindow {
		n *= 2
	}
	for range n {
		try(f.draws.draw(v))
	}
	slices.SortFunc(out, func(a, b candidate) int { return cmpFloat(a.cost, b.cost) })
	return out
}

// sweep tries windows and phases on a grid: of a sliding counter, since several
// distant ones may explain a ramp and draws find only some of them, and of what
// counts below a penalty, since no reopening suggests a window there.
func (f *fitter) sweep(v *model.Variant, warm []particle, try func(model.Params)) {
	step, phases := 1.04, 12
	if f.effort > 1 {
		step, phases = 1.012, 40
	}
	lo, hi := f.windows()
	switch {
	case v.HasPenalty():
		p := f.draws.draw(v).P
		lo, hi = p/60, 2*p
		if !v.HasPhase() {
			phases = 3
		}
	case !v.HasPhase(): // all points for the windows
		step, phases = math.Pow(step, 1/float64(phases)), 1
	}
	at := func(w float64, phases int) {
		for k := range phases {
			q := model.Params{K: float64(f.rng.IntN(model.Roundings))}
			if v.HasPenalty() {
				q = f.draws.draw(v)
			}
			q.L, q.W = f.draws.limit(), w
			if v.HasPenalty() && len(warm) > 0 && k%2 == 0 { // the block is known, what it hides is not
				known := warm[f.rng.IntN(len(warm))].p
				q.L, q.P, q.C = known.L, known.P, known.C
			}
			if v.Core == model.CoreBucket {
				q.W /= q.L
			}
			if v.HasPhase() {
				q.Phase = (float64(k) + f.rng.Float64()) / float64(phases) * w
			}
			try(f.draws.resized(v, q))
		}
	}
	for w := lo; w < hi; w *= step {
		if v.Seconds {
			w = math.Ceil(w)
		}
		at(w, phases)
	}
	for _, w := range v.Nice() { // where half of the prior stands, a grid must not miss
		if w > lo && w < hi && (!v.HasPenalty() || f.effort > 1 && len(warm) > 0) {
			at(w, 10*phases)
		}
	}
}

// windows are the shortest and the longest that a grid covers.
func (f *fitter) windows() (lo, hi float64) {
	return max(0.05, f.draws.span/40), 3*f.draws.span + 1
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// evolve lets the best candidates of a variant with a phase or a penalty have
// offspring, at shrinking distances: what explains a ramp is a thin strip in window
// and phase, which neither draws nor a short walk from a few of them find reliably.
func (f *fitter) evolve(v *model.Variant, cs []candidate) []candidate {
	for round, scale := range []float64{0.3, 0.1, 0.03, 0.01} {
		if round > 1 && cs[0].cost < explained && f.effort == 1 {
			break
		}
		parents := diverse(v, cs, 24)
		for _, parent := range parents {
			for range 12 * f.effort {
				q := parent.p
				if f.rng.IntN(2) == 0 {
					f.turn(v, &q, math.Exp(scale*f.rng.NormFloat64()))
				} else {
					q.W *= math.Exp(scale * f.rng.NormFloat64())
				}
				if v.HasPhase() {
					q.Phase += q.W * scale * f.rng.NormFloat64()
				}
				if v.HasPenalty() && f.rng.IntN(4) == 0 { // whose length is known well by then
					f.perturbBlock(v, &q, scale/20)
				}
				if f.rng.IntN(4) == 0 {
					q.L += float64(f.rng.IntN(5) - 2)
				}
				if v.HasRounding() && f.rng.IntN(4) == 0 {
					q.K = float64(f.rng.IntN(model.Roundings))
				}
				q = f.draws.resized(v, q)
				if !valid(v, &q) {
					continue
				}
				if c := f.cost(v, q, parent.cost+3).Total; c <= parent.cost+3 {
					cs = append(cs, candidate{q, c})
				}
			}
		}
		slices.SortFunc(cs, func(a, b candidate) int { return cmpFloat(a.cost, b.cost) })
		cs = varied(v, cs)
	}
	return cs
}

// varied keeps the best candidates, few of them of one kind: offspring of the best
// would crowd out those from which what explains more may descend.
func varied(v *model.Variant, cs []candidate) []candidate {
	var out []candidate
	for _, x := range cs {
		if len(out) == mostCandidates {
			break
		}
		n := 0
		for _, y := range out {
			if akin(v, x, y) {
				n++
			}
		}
		if n < mostKin {
			out = append(out, x)
		}
	}
	return out
}

// mostCandidates is how many go on to the next generation, and mostKin how many of
// them are neighbours.
const mostCandidates, mostKin = 400, 40

// explained is a cost so low that nothing contradicts the parameters.
const explained = 2

// diverse picks at most n starts that are not neighbours of each other.
func diverse(v *model.Variant, cs []candidate, n int) []candidate {
	var out []candidate
	for _, x := range cs {
		if len(out) == n || len(out) > 0 && x.cost > out[0].cost+16 {
			break
		}
		if !slices.ContainsFunc(out, func(y candidate) bool { return akin(v, x, y) }) {
			out = append(out, x)
		}
	}
	return out
}

// akin says whether two candidates are neighbours.
func akin(v *model.Variant, x, y candidate) bool {
	const by = 1.02
	return x.p.W < by*y.p.W && y.p.W < by*x.p.W && math.Abs(x.p.L-y.p.L) <= 0.02*y.p.L && x.p.K == y.p.K &&
		(!v.HasPenalty() || math.Abs(math.Log(x.p.P/y.p.P)) < 0.1 && x.p.C == y.p.C)
}

// walk is a Metropolis walk from one start. It returns the range of parameters
// it saw within a little of the best cost, a sample of them, and that cost.
func (f *fitter) walk(v *model.Variant, start candidate, steps int) (b box, seen []particle, best, violation float64) {
	near := f.boundary(v, start.p)
	cur, cost := near(start.p), start.cost
	best = cost
	violation = f.cost(v, cur, math.Inf(1)).Violation
	b, seen = box{cur, cur}, []particle{{v: v, p: cur, cost: cost}}
	for k := range steps {
		next := cur
		f.perturb(v, &next)
		if cost > explained && f.rng.IntN(3) == 0 { // from there on the walk maps what explains the trace
			next = f.draws.resized(v, next)
		}
		if !valid(v, &next) {
			continue
		}
		limit := cost - math.Log(f.rng.Float64()+1e-12)
		c := f.cost(v, next, limit+1)
		if c.Total <= limit {
			cur, cost = near(next), c.Total
			violation = min(violation, c.Violation)
			if cost < best-0.5 {
				best, b, seen = cost, box{cur, cur}, append(seen[:0], particle{v: v, p: cur, cost: cost})
			}
		}
		if cost <= best+f.alike {
			b.add(cur)
			if k%5 == 0 {
				seen = append(seen, particle{v: v, p: cur, cost: cost})
			}
		}
	}
	return b, seen, best, violation
}

// boundary returns a function that gives parameters the phase that is nearest to q's
// boundary in the middle of the trace, of the many that a grid may be told by: a box
// around those of one mode is small then, and window and phase depend little on each
// other.
func (f *fitter) boundary(v *model.Variant, q model.Params) func(model.Params) model.Params {
	if !v.HasPhase() || v.Seconds {
		return func(q model.Params) model.Params { return q }
	}
	at := func(q model.Params, t float64) model.Params {
		q.Phase += math.Round((t-q.Phase)/q.W) * q.W
		return q
	}
	anchor := at(q, f.draws.end-f.draws.span/2).Phase
	return func(q model.Params) model.Params { return at(q, anchor) }
}

func (b *box) add(q model.Params) {
	each := func(lo, hi *float64, x float64) { *lo, *hi = min(*lo, x), max(*hi, x) }
	each(&b.lo.L, &b.hi.L, q.L)
	each(&b.lo.W, &b.hi.W, q.W)
	each(&b.lo.Phase, &b.hi.Phase, q.Phase)
	each(&b.lo.P, &b.hi.P, q.P)
	each(&b.lo.K, &b.hi.K, q.K)
	each(&b.lo.C, &b.hi.C, q.C)
}

func (b *box) join(c box) { b.add(c.lo); b.add(c.hi) }

// overlaps ignores the phase, which repeats with the window.
func (b box) overlaps(c box) bool {
	apart := func(lo, hi, lo2, hi2 float64) bool { return lo > hi2+1e-9 || hi < lo2-1e-9 }
	return !apart(b.lo.L, b.hi.L, c.lo.L, c.hi.L) && !apart(b.lo.W, b.hi.W, c.lo.W, c.hi.W) && !apart(b.lo.P, b.hi.P, c.lo.P, c.hi.P)
}

// perturb moves q a little, on every scale, along the directions in which
// traces leave parameters free.
func (f *fitter) perturb(v *model.Variant, q *model.Params) {
	scale := math.Pow(10, -5+4.7*f.rng.Float64())
	stretch := func(x *float64) { *x *= math.Exp(scale * f.rng.NormFloat64()) }
	if v.HasPenalty() && f.rng.IntN(3) == 0 {
		f.perturbBlock(v, q, scale)
		return
	}
	switch f.rng.IntN(6) {
	case 0:
		stretch(&q.W)
	case 1:
		if f.rng.IntN(3) == 0 {
			nearest := nearestNice(v.Nice(), q.W)
			f.turn(v, q, nearest/q.W)
			return
		}
		stretch(&q.W)
	case 2:
		d := float64(1 + f.rng.IntN(2))
		if f.rng.IntN(3) == 0 {
			d = math.Ceil(q.L * 0.1 * f.rng.Float64())
		}
		if f.rng.IntN(2) == 0 {
			d = -d
		}
		q.L += d
		if v.Core == model.CoreBucket && f.rng.IntN(2) == 0 {
			f.trade(q, d)
		}
	case 3, 4:
		switch {
		case v.Seconds && f.rng.IntN(2) == 0:
			q.Phase += scale * f.rng.NormFloat64()
		case v.HasPhase() && f.rng.IntN(2) == 0:
			q.Phase += q.W * scale * f.rng.NormFloat64()
		case v.HasPhase() && !v.Seconds:
			f.turn(v, q, math.Exp(scale*f.rng.NormFloat64()))
		default:
			stretch(&q.W)
		}
	case 5:
		switch {
		case v.HasTick() && f.rng.IntN(2) == 0:
			q.K += float64(f.rng.IntN(5) - 2)
		case v.HasTick(): // keep the rate
			k := math.Round(q.K * []float64{0.5, 2, 1.0 / 3, 3}[f.rng.IntN(4)])
			if k >= 1 {
				q.W *= k / q.K
				q.K = k
			}
		case v.HasRounding() && f.rng.IntN(2) == 0: // unless it is met whole, a limit is one more of another rounding
			q.K = float64(f.rng.IntN(model.Roundings))
			q.L += float64(f.rng.IntN(3) - 1)
		case v.HasPenalty(): // which hides the window
			q.W *= math.Exp(f.rng.NormFloat64())
		default:
			stretch(&q.W)
		}
	}
}

// perturbBlock moves what only a penalty has.
func (f *fitter) perturbBlock(v *model.Variant, q *model.Params, scale float64) {
	switch f.rng.IntN(4) {
	case 0:
		q.C = float64(f.rng.IntN(v.Aftermaths()))
	case 1:
		q.P = nearestNice(model.NicePenalties(), q.P)
	default:
		q.P *= math.Exp(scale * f.rng.NormFloat64())
	}
}

// trade lets a bucket that has become larger by d refill as much less between two
// events: a trace that exhausts it only after a while says the sum of both far more
// sharply than either.
func (f *fitter) trade(q *model.Params, d float64) {
	ev := f.arms[f.rng.IntN(len(f.arms))]
	if len(ev) < 2 {
		return
	}
	t := math.Abs(ev[f.rng.IntN(len(ev))].S - ev[f.rng.IntN(len(ev))].S)
	if supply := t/q.W - d; t > 0 && supply > 0 {
		q.W = t / supply
	}
}

// turn stretches the window about one of its boundaries near some event.
func (f *fitter) turn(v *model.Variant, q *model.Params, by float64) {
	if v.HasPhase() && !v.Seconds {
		ev := f.arms[f.rng.IntN(len(f.arms))]
		if len(ev) > 0 {
			x := ev[f.rng.IntN(len(ev))].S
			q.Phase += math.Round((x-q.Phase)/q.W) * q.W
		}
	}
	q.W *= by
}

func nearestNice(nice []float64, w float64) float64 {
	i, _ := slices.BinarySearch(nice, w)
	switch {
	case i == 0:
		return nice[0]
	case i == len(nice), w/nice[i-1] < nice[i]/w:
		return nice[i-1]
	}
	return nice[i]
}
