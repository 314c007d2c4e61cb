package infer

import (
	"math"
	"math/rand/v2"
	"slices"

	"apisonde/analyze/model"
)

// posterior is the belief over the whole bank for one partition of the trace
// into counters.
type posterior struct {
	fits []fit // one for each variant of the bank, in its order
	prob []float64
	// misfit is the least violation over all variants: what even the best one
	// cannot explain. Above misfitLimit the bank does not hold the truth.
	misfit float64
	fresh  bool    // no variant is given up
	doubts float64 // nats that requests in doubt cost any explanation
}

// misfitLimit: one clear contradiction costs 2 at the least, so anything above
// this is at least one that no variant explains.
const misfitLimit = 1.9

// best is the least cost of any variant.
func (p *posterior) best() float64 {
	best := math.Inf(1)
	for _, f := range p.fits {
		best = min(best, f.best)
	}
	return best
}

// evidence is the log of the probability of the trace under the whole bank.
func (p *posterior) evidence() float64 {
	z := math.Inf(-1)
	for _, f := range p.fits {
		z = addLog(z, f.logZ)
	}
	return z
}

// beats says whether p explains the same trace better than q.
func (p *posterior) beats(q *posterior) bool {
	if (p.misfit > misfitLimit) != (q.misfit > misfitLimit) {
		return p.misfit < q.misfit
	}
	return p.best() < q.best()
}

// off says whether p explains its trace so badly that it is worth a harder search,
// where before is the belief in it until then, nil for none.
func (p *posterior) off(before *posterior) bool {
	return p.misfit > misfitLimit || p.strained() && (before == nil || p.best() > before.best()+2) ||
		before == nil && p.contradicted()
}

// inferBank fits the bank to the arms. before is the belief so far, whose particles
// are starting points; nil at first. It searches harder where what it finds
// explains the trace badly, unless that was so before.
func inferBank(arms [][]model.Event, before *posterior, rng *rand.Rand) *posterior {
	p := fitBank(arms, before, 1, rng)
	if before != nil && p.off(before) { // perhaps one that was given up too soon
		if q := fitBank(arms, before.revived(), 1, rng); q.beats(p) {
			p = q
		}
	}
	if p.off(before) {
		if q := fitBank(arms, p, 3, rng); q.beats(p) {
			p = q
		}
	}
	return p
}

// thorough is inferBank where time matters less than a needle that it misses, unless
// the trace is so long that each search would take seconds.
func thorough(arms [][]model.Event, before *posterior, rng *rand.Rand) *posterior {
	p := inferBank(arms, before, rng)
	if tooLong(arms) {
		return p
	}
	for _, again := range []func() *posterior{
		func() *posterior { return fitBank(arms, p.revived(), 3, rng) },
		func() *posterior { return climb(arms, rng) },
	} {
		if !p.off(nil) {
			break
		}
		if q := again(); q.beats(p) {
			p = q
		}
	}
	return p
}

// tooLong says whether the arms are too long to search again and again.
func tooLong(arms [][]model.Event) bool {
	n := 0
	for _, ev := range arms {
		n += len(ev)
	}
	return n > longRecord
}

// longRecord is how many events are too many for that.
const longRecord = 1000

// climb fits the bank to ever longer parts of the arms: each narrows down what
// explains the next one, where the whole would leave a needle to find.
func climb(arms [][]model.Event, rng *rand.Rand) *posterior {
	var ends []float64
	for _, ev := range arms {
		for _, x := range ev {
			ends = append(ends, x.E)
		}
	}
	slices.Sort(ends)
	var p *posterior
	for k := 1; k <= climbSteps; k++ {
		p = fitBank(until(arms, ends[(len(ends)-1)*k/climbSteps]), p, 1, rng)
	}
	return p
}

const climbSteps = 5

// until is what happened in the arms up to an instant.
func until(arms [][]model.Event, end float64) [][]model.Event {
	out := make([][]model.Event, len(arms))
	for i, ev := range arms {
		n, _ := slices.BinarySearchFunc(ev, end, func(x model.Event, t float64) int {
			if x.E <= t {
				return -1
			}
			return 1
		})
		out[i] = ev[:n]
	}
	return out
}

// plainCost is what the arms cost the best of the few variants that most others come
// close to: a bucket, a window of either kind, and a log.
func plainCost(arms [][]model.Event, rng *rand.Rand) float64 {
	f := newFitter(arms, 1, rng)
	best := math.Inf(1)
	for i := range model.Bank {
		if v := &model.Bank[i]; v.Prior >= plainPrior {
			best = min(best, f.fit(v, nil, min(best, 1e6)).best)
		}
	}
	return best
}

// plainPrior is the prior of a variant that is met everywhere.
const plainPrior = 0.1

func fitBank(arms [][]model.Event, before *posterior, effort int, rng *rand.Rand) *posterior {
	f := newFitter(arms, effort, rng)
	p := &posterior{fits: make([]fit, len(model.Bank)), prob: make([]float64, len(model.Bank)), misfit: math.Inf(1), doubts: doubts(arms)}
	cut, known := math.Inf(1), f.known(before)
	for k, i := range fitOrder {
		v := &model.Bank[i]
		if k == firstHidden && !p.penalised() && (before == nil || !before.hasTried(fitOrder[k:])) {
			for _, i := range fitOrder[k:] {
				p.fits[i] = fit{v: &model.Bank[i], logZ: math.Inf(-1), best: math.Inf(1), violation: math.Inf(1), untried: true}
			}
			break
		}
		var warm []particle
		if before != nil {
			if before.dead(i) {
				p.fits[i] = before.fits[i]
				p.fits[i].logZ, p.fits[i].best = math.Inf(-1), math.Inf(1) // of a shorter trace
				continue
			}
			warm = before.fits[i].parts
		}
		beat := cut
		if v.Core == model.CoreBucket {
			beat = min(cut, known)
		}
		p.fits[i] = f.fit(v, warm, min(beat, 1e6))
		cut = min(cut, p.fits[i].best)
		p.misfit = min(p.misfit, p.fits[i].violation)
		if v.Core == model.CoreBucket {
			for _, q := range p.fits[i].parts {
				f.draws.rates = append(f.draws.rates, 1/q.p.W)
			}
		}
	}
	f.share(p, cut)
	p.undisturbed()
	top := math.Inf(-1)
	for _, x := range p.fits {
		top = max(top, x.logZ)
	}
	if math.IsInf(top, -1) { // no variant explains anything: none is more probable
		for i := range p.prob {
			p.prob[i] = 1 / float64(len(p.prob))
		}
		p.misfit = math.Inf(1)
		return p
	}
	var sum float64
	for i, x := range p.fits {
		p.prob[i] = math.Exp(x.logZ - top)
		sum += p.prob[i]
	}
	for i := range p.prob {
		p.prob[i] /= sum
	}
	return p
}

// known is what it costs to explain the trace as an earlier fit does, infinite where that
// explains it no more. A bucket far behind it is not worth a search; of anything that
// has a thin strip to find, a search that is cut short might miss it.
func (f *fitter) known(before *posterior) float64 {
	least := math.Inf(1)
	if before == nil {
		return least
	}
	for _, x := range before.fits {
		for _, q := range x.parts {
			if valid(q.v, &q.p) {
				least = min(least, f.cost(q.v, q.p, least).Total)
			}
		}
	}
	if least > explained {
		return math.Inf(1)
	}
	return least
}

// share fits those variants anew that explain nothing although another one does that
// counts just alike with some parameters: the search for a thin strip may have found it
// for one and missed it for the other.
func (f *fitter) share(p *posterior, cut float64) {
	for i := range p.fits {
		if p.fits[i].untried || p.fits[i].best <= explained {
			continue
		}
		v := &model.Bank[i]
		var warm []particle
		for _, x := range p.fits {
			if x.best > explained {
				continue
			}
			for _, q := range x.parts {
				if same, ok := v.Like(q.v, q.p); ok {
					warm = append(warm, particle{v: v, p: same})
				}
			}
		}
		if len(warm) == 0 {
			continue
		}
		if x := f.fit(v, warm, cut); x.best < p.fits[i].best {
			p.fits[i] = x
			p.misfit = min(p.misfit, x.violation)
		}
	}
}

// undisturbed makes variants that some answer contradicts less probable where others
// explain every answer: nothing else says that the run was disturbed.
func (p *posterior) undisturbed() {
	if p.misfit > misfitLimit {
		return
	}
	for i := range p.fits {
		if p.fits[i].violation > misfitLimit {
			p.fits[i].logZ += disturbedRun
		}
	}
}

// disturbedRun is the log of how many runs get answers that are not the limiter's doing.
const disturbedRun = -7

// deadBelow is the probability under which a variant is not tried again while
// others explain the trace.
const deadBelow = 1e-6

func (p *posterior) dead(i int) bool { return p.prob[i] < deadBelow && !p.fresh && !p.fits[i].untried }

// hasTried says whether any of the variants was fitted and is not given up.
func (p *posterior) hasTried(variants []int) bool {
	return slices.ContainsFunc(variants, func(i int) bool { return !p.fits[i].untried && p.prob[i] >= deadBelow })
}

// penalised says whether the variants fitted so far leave a sign of a block: those
// with one explain the trace about as well as the rest.
func (p *posterior) penalised() bool {
	all, blocked := math.Inf(-1), math.Inf(-1)
	for _, x := range p.fits {
		if x.v == nil {
			continue
		}
		all = addLog(all, x.logZ)
		if x.v.Blocks() {
			blocked = addLog(blocked, x.logZ)
		}
	}
	return blocked > all+math.Log(blockSign)
}

// blockSign is the probability of a block from which it matters what counts below.
const blockSign = 0.2

// revived is p with every variant to be tried again.
func (p *posterior) revived() *posterior {
	q := *p
	q.fresh = true
	return &q
}

// fitOrder has the plain buckets first, since their rates are starting points
// for others, then the rest of the bank. From firstHidden on come penalties over
// anything but a window that a request opens: that one stands for them until there
// is a sign of a penalty, since a block hides what counts below it.
var fitOrder, firstHidden = func() ([]int, int) {
	var first, rest, hidden []int
	for i := range model.Bank {
		switch v := &model.Bank[i]; {
		case v.Hidden():
			hidden = append(hidden, i)
		case v.Core == model.CoreBucket:
			first = append(first, i)
		default:
			rest = append(rest, i)
		}
	}
	return slices.Concat(first, rest, hidden), len(first) + len(rest)
}()

// family groups variants that a verdict states alike.
type family struct {
	algorithm string
	anchor    model.Anchor
	reject    model.OnReject
}

func familyOf(v *model.Variant) family {
	f := family{algorithm: v.Algorithm(), reject: v.OnReject}
	if v.Core == model.CoreWindow {
		f.anchor = v.Anchor
	}
	return f
}

// leader returns the most probable variant and the probability of its family.
func (p *posterior) leader() (best int, probability float64) {
	for i := range p.prob {
		if p.prob[i] > p.prob[best] {
			best = i
		}
	}
	f := familyOf(p.fits[best].v)
	for i := range p.prob {
		if familyOf(p.fits[i].v) == f {
			probability += p.prob[i]
		}
	}
	return best, probability
}

// contradicted says whether even the leading variant leaves an answer unexplained:
// the rest of the trace may speak for it all the same, but not for sure.
func (p *posterior) contradicted() bool {
	top, _ := p.leader()
	return p.fits[top].violation > misfitLimit
}

// algorithms sums the probability by the verdict's names.
func (p *posterior) algorithms() map[string]float64 {
	out := map[string]float64{}
	for i := range p.prob {
		out[p.fits[i].v.Algorithm()] += p.prob[i]
	}
	return out
}

// recovery is how many seconds of silence rest the limiter, and how many
// requests a rested one admits at once, by the leading explanation; zeros where
// nothing is known.
func (p *posterior) recovery() (rest float64, size int) {
	if p == nil {
		return 0, 0
	}
	i, _ := p.leader()
	f := &p.fits[i]
	if len(f.parts) == 0 {
		return 0, 0
	}
	q := f.best1()
	return f.v.Recovery(q.p), int(math.Ceil(q.p.L))
}
