package infer

import (
	"math"
	"slices"

	"apisonde/analyze/model"
)

// The limit need not be guessed where the rest is: with durations and phase drawn,
// the trace says how much was in use at every admission and every refusal, and the
// limit lies between the most that was admitted and the least that was refused. Where
// a search over limit, window and phase has a thin ridge to find, that is a line.
// Every event counts at one instant here, so the answer is a starting point and no
// more: what it is worth the model says.

// sized is the limit that suits the rest of q best. A block, which refuses whatever is
// in use, tells none.
func (p *proposer) sized(v *model.Variant, q model.Params) (limit float64, ok bool) {
	if v.Blocks() {
		return 0, false
	}
	admitted, refused := p.used(v, q)
	return size(admitted, refused), true
}

// used is how much is in use under q with each admission and at each refusal, so that
// the limit is no less than the former and no more than the latter.
func (p *proposer) used(v *model.Variant, q model.Params) (admitted, refused []float64) {
	admitted, refused = p.admitted[:0], p.refused[:0]
	last := 0.0 // less than that the last admission exceeds the limit by
	switch {
	case v.Core != model.CoreCounter:
	case model.Rounding(q.K) == model.RoundBelow:
		last = 1 - 1e-5 // an estimate of just one less is below the limit, too
	case model.Rounding(q.K) == model.RoundNearest:
		last = 0.5
	}
	u := newUsage(v, q)
	for i, ev := range p.arms {
		u.rest(p.log)
		for j := range ev {
			x := &ev[j]
			t := u.grain(p.mid[i][j])
			n := u.at(t) + float64(x.Admitted)
			if x.Admitted > 0 {
				admitted = append(admitted, n-last)
			}
			if x.Limited > 0 {
				refused = append(refused, n)
			}
			u.add(t, x)
		}
		p.log = u.log
	}
	p.admitted, p.refused = admitted, refused
	return admitted, refused
}

// size is the limit between what was admitted and what was refused. Where these
// overlap by more than rounding none is right; the middle of what was refused is
// wrong least often.
func size(admitted, refused []float64) float64 {
	most := 0.0
	for _, n := range admitted {
		if n > most {
			most = n
		}
	}
	most = max(1, math.Ceil(most-1e-6))
	if len(refused) > 0 && most > slices.Min(refused)+1 {
		slices.Sort(refused)
		return max(1, math.Round(refused[len(refused)/2]))
	}
	return most
}

// overuse is the sum of what was admitted beyond q's limit and of what was refused
// short of it: zero for the truth and, unlike the cost, ever less on the way to it.
func (p *proposer) overuse(v *model.Variant, q *model.Params) float64 {
	admitted, refused := p.used(v, *q)
	q.L = size(admitted, refused)
	sum := 0.0
	for _, n := range admitted {
		sum += max(0, n-q.L)
	}
	for _, n := range refused {
		sum += max(0, q.L-n)
	}
	return sum
}

// descend goes from a coarse grid of windows and phases downhill in overuse.
func (f *fitter) descend(v *model.Variant, try func(model.Params)) {
	if v.Blocks() || v.HasTick() || v.Seconds {
		return
	}
	type spot struct {
		p    model.Params
		over float64
	}
	var spots []spot
	phases := 1
	if v.HasPhase() {
		phases = 12
	}
	lo, hi := f.windows()
	for w := lo; w < hi; w *= 1.01 {
		best := spot{over: math.Inf(1)}
		for k := range phases {
			q := model.Params{W: w, K: float64(f.rng.IntN(model.Roundings))}
			if v.Core == model.CoreBucket {
				q.W /= f.draws.limit()
			}
			if v.HasPhase() {
				q.Phase = (float64(k) + f.rng.Float64()) / float64(phases) * w
			}
			if over := f.draws.overuse(v, &q); over < best.over {
				best = spot{q, over}
			}
		}
		spots = append(spots, best)
	}
	slices.SortFunc(spots, func(a, b spot) int { return cmpFloat(a.over, b.over) })
	for _, x := range spots[:min(len(spots), f.descents())] {
		for scale := 0.02; scale > 1e-5 && x.over > 0; {
			y := x
			f.turn(v, &y.p, math.Exp(scale*f.rng.NormFloat64()))
			if v.HasPhase() {
				y.p.Phase += y.p.W * scale * f.rng.NormFloat64()
			}
			if v.HasRounding() && f.rng.IntN(6) == 0 {
				y.p.K = float64(f.rng.IntN(model.Roundings))
			}
			if y.over = f.draws.overuse(v, &y.p); y.over < x.over {
				x = y
			} else {
				scale *= 0.96
			}
		}
		try(x.p)
	}
}

// descents is how many windows of the grid the descent starts from: the fewer the
// longer each takes.
func (f *fitter) descents() int {
	n := 1
	for _, ev := range f.arms {
		n += len(ev)
	}
	return max(4, min(80, 40_000/n))
}

// usage is how much of a limit with the figures q is in use.
type usage struct {
	kind counting
	v    *model.Variant
	q    model.Params
	meter
	log []batch
}

// meter is what a usage has counted.
type meter struct {
	begun bool
	from  float64 // start of the window, origin of the grid, or the last change of a bucket
	index float64 // of the window on the grid
	count float64 // in the window, or what a bucket lacks
	past  float64 // in the window before
	gone  int     // batches of the log that no window holds any more
}

// batch is n requests at one instant.
type batch struct{ t, n float64 }

// counting is how a variant counts; asked of it once, since the events are many.
type counting uint8

const (
	countsGrid counting = iota
	countsSliding
	countsTicks
	countsOpened
	countsLog
	countsTokens
	countsWholeTokens
)

func newUsage(v *model.Variant, q model.Params) *usage {
	u := &usage{v: v, q: q}
	switch {
	case v.Core == model.CoreLog:
		u.kind = countsLog
	case v.Core == model.CoreBucket && v.Whole:
		u.kind = countsWholeTokens
	case v.Core == model.CoreBucket:
		u.kind = countsTokens
	case v.Core == model.CoreTick:
		u.kind = countsTicks
	case v.Core == model.CoreCounter:
		u.kind = countsSliding
	case v.Opened():
		u.kind = countsOpened
	}
	return u
}

// rest begins anew, with a log in the memory of another.
func (u *usage) rest(log []batch) { u.meter, u.log = meter{}, log[:0] }

// at is what is in use at t on the limiter's clock, no earlier than any instant before.
func (u *usage) at(t float64) float64 {
	switch u.kind {
	case countsLog:
		for u.gone < len(u.log) && u.log[u.gone].t <= t-u.q.W {
			u.count -= u.log[u.gone].n
			u.gone++
		}
	case countsWholeTokens:
		u.count = max(0, u.count-math.Floor((t-u.from)/u.q.W))
	case countsTokens:
		u.count, u.from = max(0, u.count-(t-u.from)/u.q.W), t
	case countsOpened:
		if u.begun && t-u.from >= u.q.W {
			u.begun, u.count = false, 0
		}
	case countsSliding:
		u.turn(t)
		return u.count + u.past*(1-(t-u.from)/u.q.W+u.index)
	default:
		u.turn(t)
	}
	return u.count
}

// add counts the event at t, of which at was asked last.
func (u *usage) add(t float64, x *model.Event) {
	n := float64(x.Admitted)
	if u.v.OnReject == model.RejectCounted {
		n += float64(x.Limited)
	}
	switch u.kind {
	case countsLog:
		if n > 0 {
			u.log = append(u.log, batch{t, n})
		}
	case countsWholeTokens:
		if n > 0 {
			u.from = t
		}
	case countsOpened:
		if !u.begun || u.v.Anchor == model.AnchorLastAny || u.v.Anchor == model.AnchorLastAdmitted && x.Admitted > 0 {
			u.from = t
		}
	}
	u.begun = true
	u.count += n
}

// grain is t on the limiter's clock.
func (u *usage) grain(t float64) float64 {
	if u.v.Seconds {
		return math.Floor(t - u.q.Phase)
	}
	return t
}

// turn moves to the window of the grid that holds t.
func (u *usage) turn(t float64) {
	if !u.begun {
		u.from = t
		if u.v.Anchor == model.AnchorFree {
			u.from = u.q.Phase
		}
		u.index = math.Floor((t - u.from) / u.q.W)
		return
	}
	next := math.Floor((t - u.from) / u.q.W)
	switch {
	case next == u.index:
	case u.kind == countsTicks: // tokens come with every tick
		u.count = max(0, u.count-u.q.K*(next-u.index))
	case next > u.index+1:
		u.past, u.count = 0, 0
		if u.v.Anchor == model.AnchorIdle {
			u.from, next = t, 0
		}
	default:
		u.past, u.count = u.count, 0
	}
	u.index = next
}
