package infer

import (
	"math"
	"slices"

	"apisonde/probe/trace"
)

// A queue that serves r requests a second and lets U of them wait for nothing
// holds back a request that arrives at t for
//
//	max(0, next − t − (U − 1)/r)
//
// where next is the later of the last arrival and the last next, plus 1/r. It
// refuses where the wait would pass a bound. A token bucket whose callers wait
// for their token does the same, as does a leaky bucket that delays.
type pacing struct {
	rate      float64 // a second
	rateError float64 // standard error of it
	base      float64 // seconds that an answer takes without waiting
	noise     float64 // by which answers that wait for nothing differ, in seconds
	undelayed int
	uLo, uHi  int
	// taken is how many it takes at once from rest, 0 where it refused none.
	taken, takenLo, takenHi int
	longest, most           float64 // seconds: the longest wait that was seen, the longest that it allows
	wrong                   float64 // share of the answers that it does not explain
	backed                  int     // answers that waited behind several others, as it says they must
	seqs                    []int   // those
}

// leastHold is the least that an answer has to wait, in seconds, for the wait to
// stand out from what the server and the client do meanwhile.
const leastHold = 0.004

// pace fits a queue to one counter's samples, in the order of sending. It says
// whether a queue explains them and was seen to hold several requests at a time.
func pace(xs []sample) (pacing, bool) {
	var p pacing
	xs = answered(xs)
	gap, least := roughGap(xs)
	if gap == 0 {
		return p, false
	}
	p.base, p.noise = quick(xs, least)
	if !p.fitRate(xs, gap) {
		return p, false
	}
	for range 2 { // what is taken for a queue's start depends on the undelayed
		p.fitUndelayed(xs)
		p.fitQuick(xs)
	}
	p.fitTaken(xs)
	p.check(xs)
	return p, p.wrong <= mostWrong && p.backed >= leastBacked
}

const (
	mostWrong   = 0.05 // share of answers that hiccups may spoil
	leastBacked = 6
)

// answered are the samples whose fate is known.
func answered(xs []sample) []sample {
	return slices.DeleteFunc(slices.Clone(xs), func(x sample) bool {
		return x.outcome != trace.Admitted && x.outcome != trace.Limited
	})
}

// answers are the admitted samples in the order of their answers, which is that in
// which a queue let them through.
func answers(xs []sample) []sample {
	out := slices.DeleteFunc(slices.Clone(xs), func(x sample) bool { return x.outcome != trace.Admitted })
	slices.SortStableFunc(out, func(a, b sample) int { return cmpFloat(a.sent+a.rtt, b.sent+b.rtt) })
	return out
}

// slowAbove is the round trip above which an answer has waited for something.
func slowAbove(least float64) float64 { return 3*least + 2*leastHold }

// roughGap is the usual time between two answers that waited, the second of them
// sent before the first was there or right after, and the least round trip.
func roughGap(xs []sample) (gap, least float64) {
	least = math.Inf(1)
	ended := answers(xs)
	for _, x := range ended {
		least = min(least, x.rtt)
	}
	var gaps []float64
	for i := 1; i < len(ended); i++ {
		a, b := ended[i-1], ended[i]
		if a.rtt > slowAbove(least) && b.rtt > slowAbove(least) && b.sent < a.sent+a.rtt+least+0.02 {
			gaps = append(gaps, b.sent+b.rtt-a.sent-a.rtt)
		}
	}
	if len(gaps) < 3 {
		return 0, least
	}
	slices.Sort(gaps)
	return max(gaps[len(gaps)/2], 1e-4), least
}

// quick describes the answers that waited for nothing: those among the samples that
// took no longer than an idle server needs.
func quick(xs []sample, least float64) (base, noise float64) {
	var ts []float64
	for _, x := range xs {
		if x.outcome == trace.Admitted && x.rtt <= slowAbove(least) {
			ts = append(ts, x.rtt)
		}
	}
	return describe(ts)
}

func describe(ts []float64) (middle, spread float64) {
	slices.Sort(ts)
	return ts[len(ts)/2], ts[len(ts)*9/10] - ts[len(ts)/10]
}

// fitQuick describes the answers that waited for nothing by the queue that is known:
// over a long way some of those that waited are as quick as others that did not.
func (p *pacing) fitQuick(xs []sample) {
	var ts []float64
	for i, l := range p.levels(xs) {
		if xs[i].outcome == trace.Admitted && l <= max(0, float64(p.undelayed)-1.2) {
			ts = append(ts, xs[i].rtt)
		}
	}
	if len(ts) < leastQuick {
		return
	}
	if base, noise := describe(ts); noise < p.noise {
		p.base, p.noise = base, noise
	}
}

// leastQuick answers are enough to say how long one takes.
const leastQuick = 5

// waited says whether an answer was held back for longer than anything else
// explains.
func (p *pacing) waited(x sample) bool {
	return x.outcome == trace.Admitted && x.rtt-p.base > leastHold+3*p.noise
}

// fitRate takes the rate from the answers that followed one another out of the
// queue: so long as it is not empty they are 1/r apart, however they came in.
func (p *pacing) fitRate(xs []sample, gap float64) bool {
	var runs [][]sample
	var run []sample
	for _, x := range answers(xs) {
		if p.waited(x) {
			run = append(run, x)
		} else {
			runs, run = append(runs, run), nil
		}
	}
	runs = append(runs, run)
	var sxx, sxy float64
	var pieces [][][2]float64 // position in the queue, end
	for _, run := range runs {
		var piece [][2]float64
		for i, x := range run {
			end, at := x.sent+x.rtt, 0.0
			if i > 0 {
				steps := (end - run[i-1].sent - run[i-1].rtt) / gap
				k := max(1, math.Round(steps))
				if 3*p.noise > 0.3*gap { // too fast for a gap to show that one is missing
					k = 1
				}
				if steps > 3.5 || math.Abs(steps-k) > 0.5+3*p.noise/gap {
					pieces, piece = append(pieces, piece), nil
				} else if len(piece) > 0 {
					at = piece[len(piece)-1][0] + k
				}
			}
			piece = append(piece, [2]float64{at, end})
		}
		pieces = append(pieces, piece)
	}
	n := 0
	for _, piece := range pieces {
		if len(piece) < 3 {
			continue
		}
		n += len(piece) - 1
		mx, my := middle(piece)
		for _, q := range piece {
			sxx += (q[0] - mx) * (q[0] - mx)
			sxy += (q[0] - mx) * (q[1] - my)
		}
	}
	if n < 4 || sxy <= 0 {
		return false
	}
	step := sxy / sxx
	var rest float64
	for _, piece := range pieces {
		if len(piece) < 3 {
			continue
		}
		mx, my := middle(piece)
		for _, q := range piece {
			d := q[1] - my - step*(q[0]-mx)
			rest += d * d
		}
	}
	p.rate = 1 / step
	p.rateError = p.rate * math.Sqrt(rest/float64(max(1, n-1))/sxx) / step
	return true
}

func middle(piece [][2]float64) (x, y float64) {
	for _, q := range piece {
		x, y = x+q[0]/float64(len(piece)), y+q[1]/float64(len(piece))
	}
	return x, y
}

// levels are, for each sample, the requests that the queue still had to work off
// when it came in, those that wait for nothing among them. Where trips differ, not who
// was sent first came first; but a queue answers in the order in which they came. A
// refused one may have been overtaken while it was on its way for longer than any has
// to be: its level is the most that it can have met.
func (p *pacing) levels(xs []sample) []float64 {
	var in, out []int
	for i, x := range xs {
		if x.outcome == trace.Admitted {
			in = append(in, i)
		} else {
			out = append(out, i)
		}
	}
	levels := make([]float64, len(xs))
	next := math.Inf(-1)
	slices.SortStableFunc(in, func(a, b int) int { return cmpFloat(xs[a].sent+xs[a].rtt, xs[b].sent+xs[b].rtt) })
	for _, i := range in {
		levels[i] = max(0, (next-xs[i].sent)*p.rate)
		next = max(next, xs[i].sent) + 1/p.rate
	}
	least := math.Inf(1)
	for _, x := range xs {
		least = min(least, x.rtt)
	}
	came := func(i int) float64 { return xs[i].sent + xs[i].rtt - least + p.noise } // at the latest
	next = math.Inf(-1)
	slices.SortStableFunc(in, func(a, b int) int { return cmpFloat(xs[a].sent, xs[b].sent) })
	slices.SortStableFunc(out, func(a, b int) int { return cmpFloat(came(a), came(b)) })
	for _, i := range out {
		for len(in) > 0 && xs[in[0]].sent <= came(i) {
			next = max(next, xs[in[0]].sent) + 1/p.rate
			in = in[1:]
		}
		levels[i] = max(0, (next-xs[i].sent)*p.rate)
	}
	return levels
}

// fitUndelayed takes the undelayed from how much less than its level each
// request waited.
func (p *pacing) fitUndelayed(xs []sample) {
	var us []float64
	for i, l := range p.levels(xs) {
		if l > 0 && p.waited(xs[i]) {
			us = append(us, l-(xs[i].rtt-p.base)*p.rate+1)
		}
	}
	if len(us) == 0 {
		p.undelayed, p.uLo, p.uHi = 1, 1, 1
		return
	}
	slices.Sort(us)
	whole := func(share float64) int {
		return int(max(1, math.Round(us[int(share*float64(len(us)-1))])))
	}
	p.undelayed, p.uLo, p.uHi = whole(0.5), whole(0.2), whole(0.8)
}

// fitTaken takes the bound from the highest level that was let in and the lowest
// that was not.
func (p *pacing) fitTaken(xs []sample) {
	in, out := 0.0, math.Inf(1)
	for i, l := range p.levels(xs) {
		if xs[i].outcome == trace.Limited {
			out = min(out, l)
		} else {
			in = max(in, l)
			p.longest = max(p.longest, xs[i].rtt-p.base)
		}
	}
	if math.IsInf(out, 1) {
		return
	}
	// Who was let in came when it was sent, or a little later.
	const slip = 0.02
	blur := p.rate * p.noise
	p.takenLo = int(math.Floor(in-blur+slip)) + 1
	p.takenHi = max(p.takenLo, int(math.Ceil(out+blur-slip)))
	p.taken = p.takenLo
	if least, most := math.Ceil(in-blur-slip), math.Floor(out+blur+slip); least <= most { // a bound on the number of requests
		p.taken = int(min(max(math.Round((in+out)/2), least), most)) + 1
	}
	p.takenLo, p.takenHi = min(p.takenLo, p.taken), max(p.takenHi, p.taken)
	p.most = float64(p.taken-p.undelayed) / p.rate
}

// telling is the wait, in seconds, that only a queue explains: that of several
// requests, or of one where the next was refused.
func (p *pacing) telling() float64 {
	if p.taken > 0 && p.taken-p.undelayed < 3 {
		return 0.7 / p.rate
	}
	return 1.7 / p.rate
}

// check counts the answers that the queue explains, and those that waited in it
// behind several others.
func (p *pacing) check(xs []sample) {
	wrong := 0
	for i, l := range p.levels(xs) {
		x := xs[i]
		if x.outcome == trace.Limited {
			if l < float64(p.taken)-2-p.rate*p.noise {
				wrong++
			}
			continue
		}
		hold := max(0, l-float64(p.undelayed-1)) / p.rate
		off := math.Abs(x.rtt - p.base - hold)
		switch bound := 0.4/p.rate + leastHold + 3*p.noise + 0.02*hold; {
		case off > bound:
			wrong++
		case hold > p.telling() && hold > 2*bound-leastHold:
			p.backed++
			p.seqs = append(p.seqs, x.seq)
		}
	}
	p.wrong = float64(wrong) / float64(len(xs))
}
