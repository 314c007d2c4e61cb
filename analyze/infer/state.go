package infer

import (
	"math"
	"slices"

	"apisonde/analyze/model"
	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// layer states the limit that x shows.
func (x *reading) layer(t trace.Trace) verdict.Limit {
	r := x.r
	arms := r.arms(x.part)
	x.post = fitBank(arms, x.post.revived(), judgeEffort, x.rng)
	if x.post.strained() { // a search that starts anew is not held to what this one missed
		if again := fitBank(arms, nil, judgeEffort, x.rng); again.beats(x.post) {
			x.post = again
		}
	}
	x.stretch()
	x.broaden()
	l := verdict.Limit{Unit: "requests", Source: "measured", Equivalent: []string{}}
	stateScope(&l, x.scopes, x.cs, x.explains())
	r.stateAlgorithm(&l, x.post, x.part, t)
	x.cover(&l)
	l.Rejection.Statuses = r.rejectionStatuses()
	l.Rejection.RetryAfter.Verdict = "absent"
	spent, _ := r.spent()
	r.evidence(&l, x.cs, spent)
	conf := l.AlgorithmConfidence
	if l.Scope != nil {
		conf *= l.ScopeConfidence
	}
	if x.spread {
		l.Settle = "new connections of one caller met counters of their own, so several servers count for themselves, each up to these figures: whose the counters are shows only where one server answers every request"
	}
	if len(x.scopes) == 0 {
		giveUp(&l, "different callers were refused together at one time and apart at another: more than one limit may stand behind the refusals")
		conf = 0.3
	}
	if vague(l.WindowS) || vague(l.RatePerS) || l.Algorithm == verdict.SlidingCounter && r.cost().WallS < counterCycles*stated(l.WindowS) {
		conf *= vagueShare
	}
	if farOff(&l) {
		conf = min(conf, wideConfidence)
	}
	if top, _ := x.post.leader(); x.post.fits[top].v.Hidden() {
		conf = min(conf, coveredConfidence)
	}
	l.Confidence = round3(conf)
	if l.Algorithm != verdict.Unknown && x.post.strained() {
		doubt(&l, strainedBy)
	}
	if l.Confidence <= 0.5 && l.Limit != nil { // of an explanation that is none, the count that was met says as much
		met := float64(spent)
		l.Limit = join(l.Limit, &verdict.Figure{Value: met, Lo: met, Hi: met})
		l.Burst = l.Limit
	}
	return l
}

// cover widens what is stated by what else it would be where it is open whose counter it
// is: others may have spent some of it before it first refused.
func (x *reading) cover(l *verdict.Limit) {
	c := x.r.baseline()
	n, limited := fromRest(x.r.sharing(x.part, c))
	if !limited || n == 0 || l.Limit == nil {
		return
	}
	for _, s := range x.scopes {
		m, limited := fromRest(x.r.sharing(s, c))
		if !limited || m == n {
			continue
		}
		l.Limit = join(l.Limit, counted(m, m, m))
		l.Burst = l.Limit
		if f, more := l.RatePerS, float64(m)/float64(n); f != nil && l.Algorithm != verdict.TokenBucket {
			l.RatePerS = &verdict.Figure{Value: f.Value, Lo: min(f.Lo, f.Lo*more), Hi: max(f.Hi, f.Hi*more)}
		}
	}
}

// farOff says whether the truth may be far from what is stated. A block shows little of
// what it covers: of its windows some may do that no search met, unless they are narrow.
func farOff(l *verdict.Limit) bool {
	most := wideShare
	if l.Rejection.PenaltyS != nil {
		most = coveredShare
	}
	return wider(l.WindowS, most) || wider(l.RatePerS, most)
}

// coveredConfidence is the most that is stated of a block over anything but a window that a
// request opens: what such a block hides can be chosen so freely that others' requests on
// the same counter were explained by one, and few people set one up.
const coveredConfidence = 0.93

// wideShare is how wide a figure is, relative to its value, from which the truth may be far
// from it, and coveredShare the same of what counts below a block: of 72 random ones in
// selftest the only false figure was wider.
const (
	wideShare    = 0.3
	coveredShare = 0.15
)

func (r *record) rejectionStatuses() []int {
	out := []int{}
	for s := range r.statuses {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

// stateScope lists what the contrasts leave. A contrast that went both ways makes
// it doubtful, unless the limit explains each outcome: a token came just then.
func stateScope(l *verdict.Limit, scopes []scope, cs []contrast, explained bool) {
	l.ScopeCandidates = [][]string{}
	for _, s := range scopes {
		names := s.names()
		if !slices.ContainsFunc(l.ScopeCandidates, func(o []string) bool { return slices.Equal(o, names) }) {
			l.ScopeCandidates = append(l.ScopeCandidates, names)
		}
	}
	slices.SortFunc(l.ScopeCandidates, func(a, b []string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return slices.Compare(a, b)
	})
	if len(l.ScopeCandidates) == 1 {
		l.Scope = l.ScopeCandidates[0]
	}
	conf := 0.999
	for _, c := range cs {
		if n := c.own + c.shared; n > 0 && !explained {
			conf *= 1 - 0.5*float64(min(c.own, c.shared))/float64(n)
		}
		if c.own == 1 && c.shared == 0 { // once may have been a token that came just then
			conf *= 0.99
		}
	}
	if len(l.ScopeCandidates) == 0 {
		conf = 0
	}
	l.ScopeConfidence = round3(conf)
}

// vagueShare is the part of a confidence that is left where figures are wide: of a
// hundred such statements of single limits in selftest none was false.
const vagueShare = 0.93

// wideConfidence is the most that is stated of figures so wide that the one in the
// middle is no help.
const wideConfidence = 0.85

// equivalentAbove is the probability from which another algorithm is not
// excluded.
const equivalentAbove = 0.04

// within says whether g is what f is but for the phase, which in f follows from the
// trace, and explains as much: how much less probable it is rests on the share of
// phases that would do, which is hard to measure where it is small.
func (f *fit) within(g *fit) bool {
	return f.v.Anchored() && g.v.Anchor == model.AnchorFree && g.v.Core == f.v.Core && g.v.OnReject == f.v.OnReject && g.best <= f.best+1
}

// oneAtATime are the algorithms that are one where they admit a single request: the
// next gets through a window, or a token, after the last one that did.
var oneAtATime = []string{verdict.FixedWindow, verdict.SlidingLog, verdict.TokenBucket}

// oneAtATime says whether f is of such a limit.
func (f *fit) oneAtATime() bool {
	v := f.v
	opened := v.Core == model.CoreWindow && (v.Anchor == model.AnchorOpen || v.Anchor == model.AnchorLastAdmitted)
	return len(f.parts) > 0 && f.span.hi.L < 2 && v.OnReject == model.RejectIgnored && !v.Seconds &&
		(opened || v.Core == model.CoreLog || v.Core == model.CoreBucket)
}

// stateAlgorithm states the algorithm and its figures.
func (r *record) stateAlgorithm(l *verdict.Limit, post *posterior, part scope, t trace.Trace) {
	algos := post.algorithms()
	top, _ := post.leader()
	f := &post.fits[top]
	names := []string{}
	for a, p := range algos {
		if p >= equivalentAbove || f.oneAtATime() && slices.Contains(oneAtATime, a) {
			names = append(names, a)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if c := cmpFloat(algos[b], algos[a]); c != 0 {
			return c
		}
		return slices.Compare([]byte(a), []byte(b))
	})
	l.Algorithm = verdict.Unknown
	for _, a := range names {
		l.AlgorithmConfidence += algos[a]
	}
	misfit := post.misfit > misfitLimit
	if len(names) <= 3 && !misfit {
		l.Algorithm, l.Equivalent = names[0], append(l.Equivalent, names[1:]...)
	}
	l.AlgorithmConfidence = round3(min(l.AlgorithmConfidence, 0.995))
	if l.Algorithm == verdict.Unknown { // the sum over everything says nothing
		l.AlgorithmConfidence = 0.5
	}
	if len(f.parts) == 0 {
		return
	}
	best, clock := r.onClock(f, part, t)
	if !clock {
		best = f.settled()
	}
	limit, window, rate := f.figures(best)
	for i, p := range post.prob { // variants that may be the true one, where figures mean the same
		g := &post.fits[i]
		if i != top && (p >= equivalentAbove || f.within(g)) && len(g.parts) > 0 && g.v.HasTick() == f.v.HasTick() && (g.v.Algorithm() == f.v.Algorithm() || sameBelow(f.v, g.v)) {
			l2, w2, r2 := g.figures(g.settled())
			limit, window, rate = join(limit, l2), join(window, w2), join(rate, r2)
		}
	}
	switch {
	case clock: // a round window that also begins where the clock says is no coincidence
		window = &verdict.Figure{Value: best.p.W, Lo: best.p.W * (1 - clockShare), Hi: best.p.W * (1 + clockShare)}
		rate = &verdict.Figure{Value: best.p.L / best.p.W, Lo: limit.Lo / window.Hi, Hi: limit.Hi / window.Lo}
	case !post.bounded() || f.v.Blocks() && !post.seenBelow(window):
		window, rate = nil, nil
	}
	if post.contradicted() || f.v.Blocks() && (window == nil || len(l.Equivalent) > 0) {
		l.AlgorithmConfidence = min(l.AlgorithmConfidence, hiddenConfidence)
	}
	limit.Value = f.rounder(limit)
	l.Limit, l.Burst = limit, limit
	l.RatePerS = rate
	if f.v.Algorithm() != verdict.TokenBucket {
		l.WindowS = window
		l.Alignment = alignment(f.v, clock)
	} else if f.v.Core == model.CoreTick && best.p.K > 1 && post.prob[top] > 0.9*algos[l.Algorithm] {
		l.Alignment = ptr(verdict.AlignTick)
	}
	r.stateRejection(l, post, f, best)
	if misfit {
		giveUp(l, "none of the known algorithms explains every answer; a longer run with more identities would show which part does not fit")
	}
}

// rounder is the value of a limit, or of two of which either may well be true the one that
// people rather configure.
func (f *fit) rounder(limit *verdict.Figure) float64 {
	if limit.Hi-limit.Lo != 1 {
		return limit.Value
	}
	for _, by := range []float64{10, 5} {
		for _, x := range []float64{limit.Lo, limit.Hi} {
			n := 0
			for _, q := range f.parts {
				if q.p.L == x {
					n++
				}
			}
			if math.Mod(x, by) == 0 && float64(n) >= eitherShare*float64(len(f.parts)) {
				return x
			}
		}
	}
	return limit.Value
}

// eitherShare is the part of what explains a trace from which a limit may well be true.
const eitherShare = 0.2

// doubt keeps what is stated from being taken for sure, and says why.
func doubt(l *verdict.Limit, why string) {
	l.Confidence, l.AlgorithmConfidence = min(l.Confidence, 0.5), min(l.AlgorithmConfidence, 0.5)
	if l.Settle == "" {
		l.Settle = why
	}
}

// gappedConfidence is the most that is stated of a queue in which some of those who
// waited are not known.
const gappedConfidence = 0.85

// peeledConfidence is the most that is stated of two limits on one path: others who
// use the quota too, and a limit that changes, also refuse what one limit does not
// explain.
const peeledConfidence = 0.88

// againConfidence is the most where the outer limit began to refuse manyBouts times,
// each time when it had to: that is no chance of others' traffic, and no one change. Of
// 53 statements between 0.90 and 0.95 in selftest, most of them of such pairs, none was
// false.
const (
	againConfidence = 0.94
	manyBouts       = 4
)

// chargedConfidence is the most that is stated of an outer limit whose count rests
// on requests that the inner one refused.
const chargedConfidence = 0.8

// giveUp takes back what was stated beyond the count that was met, and says why.
func giveUp(l *verdict.Limit, why string) {
	l.Algorithm, l.Equivalent, l.AlgorithmConfidence = verdict.Unknown, []string{}, 0.3
	l.WindowS, l.RatePerS, l.Alignment = nil, nil, nil
	l.Rejection.CountsAgainstLimit, l.Rejection.PenaltyS, l.Rejection.PenaltyExtends = nil, nil, nil
	l.Settle = why
}

// stateRejection states what a rejection does.
func (r *record) stateRejection(l *verdict.Limit, post *posterior, f *fit, best particle) {
	var counted, total float64
	for i, p := range post.prob {
		v := post.fits[i].v
		if v.Algorithm() == f.v.Algorithm() {
			total += p
			if v.OnReject != model.RejectIgnored {
				counted += p
			}
		}
	}
	plain := f.v.Core == model.CoreWindow && f.v.OnReject == model.RejectIgnored && f.v.Anchor != model.AnchorLastAny
	switch share := counted / total; {
	case plain, f.v.HasPenalty():
	case f.v.Anchor == model.AnchorLastAny, share > 0.95:
		l.Rejection.CountsAgainstLimit = ptr(true)
	case share < 0.05:
		l.Rejection.CountsAgainstLimit = ptr(false)
	}
	if f.v.HasPenalty() {
		l.Rejection.PenaltyS = &verdict.Figure{
			Value: best.p.P,
			Lo:    min(f.span.lo.P, best.p.P*(1-clockShare)),
			Hi:    max(f.span.hi.P, best.p.P*(1+clockShare)),
		}
		l.Rejection.PenaltyExtends = ptr(f.v.OnReject == model.RejectExtends)
	}
}

// judgeEffort is how much harder the last fit searches than those in mid-run,
// which have to be quick.
const judgeEffort = 3
