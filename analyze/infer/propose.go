package infer

import (
	"math"
	"math/rand/v2"
	"slices"

	"apisonde/analyze/model"
)

// A fit starts from parameters that the trace suggests: a window is the span
// between an admission and the reopening it caused, a rate is so many tokens
// over a gap. proposer draws such starting points.
type proposer struct {
	rng     *rand.Rand
	arms    [][]model.Event
	mid     [][]float64 // the middle of each event
	reopens []reopening
	limits  []float64 // candidate limits, ascending
	rates   []float64 // long-run rates that buckets fitted, requests per second
	span    float64   // of the trace, seconds
	end     float64   // of the trace
	fixed   bracket   // of a block that a bout's first rejection starts
	growing bracket   // of one that each rejection starts anew
	// refusing is the longest that nothing was admitted in a bout, in seconds: no window
	// on a grid is shorter.
	refusing float64

	admitted, refused []float64 // scratch
	log               []batch
}

// bracket is the tightest span, in seconds, between a refusal that was still part
// of a block and an admission after it.
type bracket struct{ lo, hi float64 }

// narrow takes in one block: it lasted longer than lo and no longer than hi. What
// contradicts a narrower one was no single block.
func (b *bracket) narrow(lo, hi float64) {
	if b.hi = min(b.hi, hi); lo < b.hi {
		b.lo = max(b.lo, lo)
	}
	if b.lo >= b.hi {
		b.lo = 0.5 * b.hi
	}
}

// reopening is an admission after rejections: the limiter let go somewhere in
// [after, before].
type reopening struct {
	arm, at       int     // the admitting event
	after, before float64 // last rejection sent, admission decided at the latest
	rejected      float64 // when the last rejection was sent
	first         float64 // when the rejections of this bout began
}

func newProposer(arms [][]model.Event, rng *rand.Rand) *proposer {
	p := &proposer{rng: rng, arms: arms, fixed: bracket{0, math.Inf(1)}, growing: bracket{0, math.Inf(1)}}
	p.mid = make([][]float64, len(arms))
	for a, ev := range arms {
		p.mid[a] = make([]float64, len(ev))
		for i, x := range ev {
			p.mid[a][i] = (x.S + x.E) / 2
		}
	}
	first := math.Inf(1)
	seen := map[float64]bool{}
	for a, ev := range arms {
		if len(ev) == 0 {
			continue
		}
		first = min(first, ev[0].S)
		p.end = max(p.end, ev[len(ev)-1].E)
		var run, doubt float64
		bout := math.NaN()
		for i, x := range ev {
			run += float64(x.Admitted)
			doubt += float64(x.Unknown)
			if x.Limited == 0 {
				continue
			}
			if x.Admitted > 0 {
				seen[float64(x.Admitted)] = true
			}
			if run > 0 {
				seen[run], seen[run+doubt] = true, true
			}
			run, doubt = 0, 0
			if math.IsNaN(bout) || x.Admitted > 0 {
				bout = x.S
			}
			if i+1 < len(ev) && ev[i+1].Admitted == 0 {
				p.growing.narrow(ev[i+1].S-x.E, p.growing.hi)
			}
			if i+1 < len(ev) && ev[i+1].Admitted > 0 {
				p.reopens = append(p.reopens, reopening{a, i + 1, x.S, ev[i+1].E, x.S, bout})
				p.refusing = max(p.refusing, x.S-bout)
				p.fixed.narrow(x.S-bout-0.05, ev[i+1].E-bout)
				p.growing.narrow(0, ev[i+1].E-x.S)
				bout = math.NaN()
			}
		}
		if run > 0 {
			seen[run] = true
		}
	}
	for l := range seen {
		p.limits = append(p.limits, l)
	}
	slices.Sort(p.limits)
	p.span = p.end - first
	return p
}

// limit draws a candidate limit, the largest half of the time.
func (p *proposer) limit() float64 {
	if len(p.limits) == 0 {
		return 10
	}
	if p.rng.IntN(2) == 0 {
		return p.limits[len(p.limits)-1]
	}
	return p.limits[p.rng.IntN(len(p.limits))]
}

// within draws from the open interval.
func (p *proposer) within(lo, hi float64) float64 {
	return lo + (0.02+0.96*p.rng.Float64())*(hi-lo)
}

func (p *proposer) logUniform(lo, hi float64) float64 {
	return lo * math.Exp(p.rng.Float64()*math.Log(hi/lo))
}

func (p *proposer) reopening() reopening { return p.reopens[p.rng.IntN(len(p.reopens))] }

// phase draws an instant at which something reopened, or any.
func (p *proposer) phase(w float64) float64 {
	if len(p.reopens) > 0 && p.rng.IntN(4) > 0 {
		r := p.reopening()
		return p.within(r.after, r.before)
	}
	return p.rng.Float64() * w
}

// grid sets the window and the phase of q so that two reopenings lie on its grid, which
// leaves much less to find than either alone: both as exact as these were seen.
func (p *proposer) grid(q *model.Params) {
	if len(p.reopens) < 2 {
		return
	}
	a, b := p.reopening(), p.reopening()
	if a == b {
		return
	}
	from, to := p.within(a.after, a.before), p.within(b.after, b.before)
	most := maxGridSpan
	if p.refusing > 0 {
		most = int(math.Abs(to-from) / p.refusing)
	}
	if most < 1 {
		return
	}
	q.W, q.Phase = math.Abs(to-from)/float64(1+p.rng.IntN(min(most, maxGridSpan))), from
}

// maxGridSpan is how many windows may lie between two reopenings of which the grid is
// drawn.
const maxGridSpan = 12

// window draws a window length that one reopening suggests: since some earlier
// admission, between two reopenings, a round value, or any.
func (p *proposer) window(v *model.Variant) float64 {
	switch k := p.rng.IntN(8); {
	case len(p.reopens) > 0 && k < 4:
		r := p.reopening()
		i := p.rng.IntN(r.at)
		x := p.arms[r.arm][i]
		if x.Admitted == 0 && v.Anchor != model.AnchorLastAny && v.OnReject < model.RejectBlocks {
			x = p.arms[r.arm][0]
		}
		return p.within(r.after-x.E, r.before-x.S)
	case len(p.reopens) > 1 && k < 6:
		a, b := p.reopening(), p.reopening()
		w := math.Abs(p.within(b.after, b.before) - p.within(a.after, a.before))
		return w / float64(1+p.rng.IntN(3))
	case k == 6:
		nice := v.Nice()
		return nice[p.rng.IntN(len(nice))]
	}
	return p.logUniform(0.03, 4*p.span+1)
}

// unbounded draws parameters for a trace in which nothing ever reopened: only
// lower bounds are known.
func (p *proposer) unbounded(v *model.Variant) model.Params {
	w := 0.9 * p.logUniform(max(0.03, p.span), 2e5)
	q := model.Params{L: p.limit(), W: w, P: w, K: 1}
	if v.HasTick() {
		q.K = math.Round(p.logUniform(1, q.L+1))
	}
	if v.HasRounding() {
		q.K = float64(p.rng.IntN(model.Roundings))
	}
	if v.HasPhase() {
		q.Phase = p.end + w*p.rng.Float64()
	}
	if v.HasPenalty() {
		q.C = float64(p.rng.IntN(v.Aftermaths()))
		q.W = w * math.Exp(-6*p.rng.Float64())
	}
	if v.Core == model.CoreBucket {
		q.W = w / max(1, q.L*p.rng.Float64())
	}
	return q
}

// draw makes one starting point for v.
func (p *proposer) draw(v *model.Variant) model.Params {
	if len(p.reopens) == 0 && p.rng.IntN(3) > 0 {
		return p.unbounded(v)
	}
	var q model.Params
	switch v.Core {
	case model.CoreBucket:
		q = p.bucket()
	case model.CoreTick:
		q = p.tick(v)
	case model.CoreCounter:
		q = p.counter(v)
	default:
		q = model.Params{L: p.limit(), W: p.window(v)}
		if v.HasPhase() {
			q.Phase = p.phase(q.W)
		}
		if v.Anchor == model.AnchorFree && p.rng.IntN(2) == 0 {
			p.grid(&q)
		}
	}
	if v.OnReject == model.RejectCounted && p.rng.IntN(2) == 0 {
		q.L += float64(p.rng.IntN(5))
	}
	if v.HasPenalty() {
		q = p.penalised(v, q)
	}
	if v.Seconds {
		q.Phase = p.rng.Float64()
		q.W = max(1, math.Floor(q.W+p.rng.Float64()))
	}
	return p.resized(v, q)
}

// resized is q, half of the time with the limit that suits the rest.
func (p *proposer) resized(v *model.Variant, q model.Params) model.Params {
	if p.rng.IntN(2) == 0 {
		if l, ok := p.sized(v, q); ok {
			q.L = l
		}
	}
	return q
}

func (p *proposer) bucket() model.Params {
	q := model.Params{L: p.limit(), W: p.logUniform(5e-4, 4*(p.span+1))}
	if p.rng.IntN(4) > 0 {
		if w, ok := p.perToken(); ok {
			q.W = w
		}
	}
	if p.rng.IntN(3) == 0 { // tokens that came during the drain
		q.L = max(1, math.Round(q.L*(0.4+0.6*p.rng.Float64())))
	}
	return q
}

// perToken draws the seconds per token between a rejection and admissions soon
// after.
func (p *proposer) perToken() (float64, bool) {
	if len(p.reopens) == 0 {
		return 0, false
	}
	r := p.reopening()
	ev := p.arms[r.arm]
	last := min(len(ev), r.at+12)
	n, from := 0.0, r.after
	j := r.at + p.rng.IntN(last-r.at)
	for i := r.at; i <= j; i++ {
		n += float64(ev[i].Admitted)
	}
	w := p.within(ev[j].S-from, ev[j].E-from+1e-4) / (n + p.rng.Float64())
	return w, w > 1e-4
}

func (p *proposer) tick(v *model.Variant) model.Params {
	q := model.Params{L: p.limit(), K: 1}
	ev := p.arms[p.rng.IntN(len(p.arms))]
	if len(ev) > 0 && p.rng.IntN(2) == 0 {
		if x := ev[p.rng.IntN(len(ev))]; x.Admitted > 0 {
			q.K = max(1, math.Ceil(float64(x.Admitted+p.rng.IntN(2))/float64(1+p.rng.IntN(3))))
		}
	}
	q.W = p.window(v)
	if len(p.rates) > 0 && p.rng.IntN(2) == 0 {
		if p.rng.IntN(2) == 0 {
			q.K = math.Round(p.logUniform(1, q.L+1))
		}
		q.W = q.K / p.rates[p.rng.IntN(len(p.rates))] * math.Exp(0.03*p.rng.NormFloat64())
	}
	q.K = max(1, min(q.K, q.L))
	q.Phase = p.phase(q.W)
	return q
}

func (p *proposer) counter(v *model.Variant) model.Params {
	q := model.Params{L: p.limit(), W: p.window(v), K: float64(p.rng.IntN(model.Roundings))}
	if v.HasPhase() {
		q.Phase = p.phase(q.W)
	}
	if len(p.reopens) == 0 || p.rng.IntN(3) == 0 {
		return q
	}
	// A ramp after a reopening has slope L/W.
	r := p.reopening()
	ev := p.arms[r.arm]
	phase := r.after + (-0.2+1.2*p.rng.Float64())*(r.before-r.after)
	n := 0.0
	for j := r.at; j < len(ev) && j < r.at+6; j++ {
		n += float64(ev[j].Admitted)
		if p.rng.IntN(3) == 0 || j == r.at+5 || j == len(ev)-1 {
			if w := q.L * (p.within(ev[j].S, ev[j].E) - phase) / (n + p.rng.Float64()); w > 0.02 {
				q.W, q.Phase = w, phase
			}
			break
		}
	}
	if len(p.rates) > 0 && p.rng.IntN(4) == 0 {
		q.W, q.Phase = q.L/p.rates[p.rng.IntN(len(p.rates))]*math.Exp(0.1*p.rng.NormFloat64()), phase
	}
	return q
}

func (p *proposer) penalised(v *model.Variant, q model.Params) model.Params {
	q.C = float64(p.rng.IntN(v.Aftermaths()))
	q.P = v.Refill(q) * math.Exp(2*p.rng.NormFloat64())
	if len(p.reopens) > 0 && p.rng.IntN(3) > 0 {
		block := p.growing
		if v.OnReject == model.RejectBlocks {
			block = p.fixed
		}
		if p.rng.IntN(2) == 0 {
			r := p.reopening()
			from := r.rejected
			if v.OnReject == model.RejectBlocks {
				from = r.first
			}
			block = bracket{r.after - from - 0.05, r.before - from}
		}
		q.P = p.within(block.lo, block.hi)
		q.W *= q.P / v.Refill(q) * math.Exp(0.5-4.5*p.rng.Float64())
		if v.HasPhase() {
			q.Phase = p.phase(q.W)
		}
	}
	q.P = max(0.05, q.P)
	return q
}
