package infer

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"apisonde/analyze/model"
	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// join widens a figure by another's interval.
func join(a, b *verdict.Figure) *verdict.Figure {
	return &verdict.Figure{Value: a.Value, Lo: min(a.Lo, b.Lo), Hi: max(a.Hi, b.Hi)}
}

// stated is a figure's value, 0 for none.
func stated(f *verdict.Figure) float64 {
	if f == nil {
		return 0
	}
	return f.Value
}

// vague says whether a figure is too wide to set a pace by without loss.
func vague(f *verdict.Figure) bool { return wider(f, 0.06) }

// wider says whether a figure is wider than a share of its value.
func wider(f *verdict.Figure, share float64) bool { return f != nil && f.Hi-f.Lo > share*f.Value }

func ptr[T any](v T) *T { return &v }

func round3(x float64) float64 { return math.Round(x*1000) / 1000 }

// settled is the particle that stands for the fit in a statement: the middle
// one by duration, or of those that explain the trace as well one at a round
// duration.
func (f *fit) settled() particle {
	ps := slices.Clone(f.parts)
	slices.SortFunc(ps, func(a, b particle) int { return cmpFloat(a.p.W, b.p.W) })
	middle := ps[len(ps)/2]
	best := f.best1()
	if middle.cost > best.cost+1 {
		middle = best
	}
	for _, q := range ps {
		if q.cost <= best.cost+1 && isNice(q) && !isNice(middle) {
			middle = q
		}
	}
	return middle
}

func isNice(q particle) bool {
	w := nearestNice(q.v.Nice(), q.p.W)
	return math.Abs(w/q.p.W-1) < 1e-9
}

// figures are the limit, the window and the rate with the ends of the range that
// explains the trace.
func (f *fit) figures(best particle) (limit, window, rate *verdict.Figure) {
	margin := walkMargin
	if f.edged {
		margin = edgeMargin
	}
	b := widen(f.span, margin)
	for _, q := range f.parts {
		b.add(q.p)
	}
	limit = &verdict.Figure{Value: best.p.L, Lo: b.lo.L, Hi: b.hi.L}
	window = &verdict.Figure{
		Value: best.p.W,
		Lo:    min(b.lo.W, best.p.W*(1-clockShare)),
		Hi:    max(b.hi.W, best.p.W*(1+clockShare)),
	}
	slow, fast := best.p, best.p
	slow.W, fast.W = window.Hi, window.Lo
	if f.v.Algorithm() != verdict.TokenBucket {
		slow.L, fast.L = limit.Lo, limit.Hi
	}
	rate = &verdict.Figure{Value: f.v.Rate(best.p), Lo: f.v.Rate(slow), Hi: f.v.Rate(fast)}
	return limit, window, rate
}

// walkMargin is the share of its width by which the range of windows that walks met is
// widened at either end, and edgeMargin where the ends were looked for.
const (
	walkMargin = 0.4
	edgeMargin = 0.1
)

// bounded says whether the trace bounds the window from above: something
// reopened.
func (p *posterior) bounded() bool {
	top, _ := p.leader()
	s := p.fits[top].span
	return s.hi.W < 3*s.lo.W
}

// alignment says where the windows begin.
func alignment(v *model.Variant, clock bool) *string {
	switch v.Anchor {
	case model.AnchorOpen, model.AnchorGrid, model.AnchorIdle:
		return ptr(verdict.AlignFirstRequest)
	case model.AnchorLastAdmitted, model.AnchorLastAny:
		return ptr(verdict.AlignLastRequest)
	}
	switch {
	case v.Core == model.CoreLog:
		return nil
	case clock:
		return ptr(verdict.AlignClock)
	}
	return ptr(verdict.AlignProcessStart)
}

// onClock looks for windows that begin at multiples of a round length on the
// wall clock and explain the trace as well as the best parameters do. Those are
// then the ones to state, where few other phases would do.
func (r *record) onClock(f *fit, part scope, t trace.Trace) (particle, bool) {
	if !f.v.HasPhase() || f.v.Seconds || f.v.HasTick() {
		return particle{}, false
	}
	if f.v.Blocks() && f.span.hi.W > 1.05*f.span.lo.W { // some round window is met by chance
		return particle{}, false
	}
	fit := newFitter(r.arms(part), 1, rand.New(rand.NewPCG(t.Meta.Seed, 1)))
	start := float64(t.Meta.Started.UnixNano()%int64(24*time.Hour)) / 1e9
	best := f.best1()
	b := widen(f.span, walkMargin)
	explains := func(w, phase float64) bool {
		q := best.p
		q.W, q.Phase = w, phase
		return fit.cost(f.v, q, best.cost+2).Total <= best.cost+2
	}
	var found []particle
	chance := 0.0 // that some round window would begin where the clock says
	for _, w := range f.v.Nice() {
		if w < b.lo.W || w > b.hi.W {
			continue
		}
		for off := -clockError; off <= clockError; off += clockError / 2 {
			if phase := off - math.Mod(start, w); explains(w, phase) {
				q := best
				q.p.W, q.p.Phase = w, phase
				found = append(found, q)
				break
			}
		}
		for k := range clockPhases {
			if explains(w, (float64(k)+0.5)/clockPhases*w) {
				chance += 1. / clockPhases
			}
		}
	}
	if len(found) != 1 || chance > clockChance {
		return particle{}, false
	}
	return found[0], true
}

// clockChance is how probable it may be that windows seem to begin at multiples of a
// round length on the wall clock though they do not, for it to be said that they do.
// It is measured at clockPhases phases.
const (
	clockChance = 0.03
	clockPhases = 200
)

// counterCycles is how many windows of a sliding counter must have gone by
// before its length is more than the slope of one ramp.
const counterCycles = 2

// clockShare is the relative error left to every duration, however sharp the
// trace: two clocks differ, and implementations count milliseconds and cut off what
// is less (nginx: thousandths of a request, at each one).
const clockShare = 0.002

// clockError is how far two synchronised clocks may differ, in seconds.
const clockError = 0.02
