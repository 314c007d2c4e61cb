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

// Judgement is what a trace supports: the part of a verdict that inference
// owns.
type Judgement struct {
	Outcome    string
	Cost       verdict.Cost
	TestedUpTo verdict.TestedUpTo
	Limits     []verdict.Limit
	Warnings   []string
	NotTested  []string
	Egress     []trace.Egress
}

// Judge states what t supports. It is a function of the trace alone: a live
// run, its replay and a trace from elsewhere get the same answer.
func Judge(t trace.Trace) Judgement {
	if before, rest, who := parted(t); who != nil {
		return judgeParted(t, before, rest, *who)
	}
	return judge(t)
}

func judge(t trace.Trace) Judgement {
	r := recordOf(t.Meta)
	for _, o := range t.Observations {
		r.observe(o)
	}
	policies := r.policies()
	delaying, delays := r.delaying(t)
	j := Judgement{Cost: r.cost(), TestedUpTo: r.testedUpTo(), NotTested: r.notTested(), Warnings: r.warnings(), Egress: r.egress.List()}
	switch {
	case delays:
		j.Outcome = verdict.OutcomeLimited
		if n := r.inDoubt(); n > 0 { // each may have had a place in the line
			if delaying.Burst != nil {
				delaying.Burst.Hi += float64(n)
			}
			delaying.Confidence = math.Min(delaying.Confidence, gappedConfidence)
		}
		j.Limits = []verdict.Limit{delaying}
	case len(policies) > 0 && j.Cost.Admitted == 0:
		j.Outcome = verdict.OutcomeInconclusive
		j.Warnings = append(j.Warnings, "every request was refused from the first on: let the quota recover, then probe again")
	case len(policies) > 0:
		j.Outcome = verdict.OutcomeLimited
		for _, x := range r.explanations(policies, t.Meta.Seed) {
			for _, l := range x.limits(t) {
				if x.policy.others {
					l.Routes = x.policy.routes
				}
				j.Limits = append(j.Limits, l)
			}
		}
		if r.holdsBack() {
			for i := range j.Limits {
				doubt(&j.Limits[i], "many answers were held back as well, which a limit that only refuses does not do: bursts of growing size from rest would show a queue")
			}
		}
		order(j.Limits)
		r.statePrefix(&j)
		if slices.ContainsFunc(j.Limits, func(l verdict.Limit) bool { return surelyBy(l, trace.DimForwarded) }) {
			j.Warnings = append(j.Warnings, "the API believes X-Forwarded-For from anyone: whoever claims another address there gets a quota of their own; it should believe that header from its own proxies alone")
		}
	case j.Cost.Admitted == 0:
		j.Outcome = verdict.OutcomeStopped
	case r.lateness().above > 0:
		j.Outcome = verdict.OutcomeInconclusive
		j.Warnings = append(j.Warnings, "answers were held back at times, and neither a queue nor a window that slows down explains when")
	case r.searched():
		j.Outcome = verdict.OutcomeNoLimit
	default:
		j.Outcome = verdict.OutcomeInconclusive
		j.Warnings = append(j.Warnings, "the run ended before enough was sent to say that there is no limit")
	}
	return j
}

// order sorts layers as the contract says: by rate, then limit, then scope; null
// rates last.
func order(ls []verdict.Limit) {
	value := func(f *verdict.Figure) float64 {
		if f == nil {
			return math.Inf(1)
		}
		return f.Value
	}
	slices.SortStableFunc(ls, func(a, b verdict.Limit) int {
		if c := cmpFloat(value(a.RatePerS), value(b.RatePerS)); c != 0 {
			return c
		}
		if c := cmpFloat(value(a.Limit), value(b.Limit)); c != 0 {
			return c
		}
		return slices.Compare(a.Scope, b.Scope)
	})
}

func (r *record) ever(c counter, o trace.Outcome) bool {
	return slices.ContainsFunc(r.samples, func(x sample) bool { return x.id == c.id && x.route == c.route && x.outcome == o })
}

func (r *record) cost() verdict.Cost {
	c := verdict.Cost{Requests: len(r.samples) + r.checks, Ignored: r.checks, Bytes: r.bytes}
	end := 0.0
	for _, x := range r.samples {
		switch x.outcome {
		case trace.Admitted:
			c.Admitted++
		case trace.Limited:
			c.Limited++
		default:
			c.Ignored++
		}
		end = math.Max(end, x.sent+math.Max(0, x.rtt))
	}
	c.WallS = end
	return c
}

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
	l := verdict.Limit{Unit: "requests", Source: "measured", Equivalent: []string{}}
	stateScope(&l, x.scopes, x.cs, x.explains())
	r.stateAlgorithm(&l, x.post, x.part, t)
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
		conf *= 0.88
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

// equivalentAbove is the probability from which another algorithm is not
// excluded.
const equivalentAbove = 0.04

// stateAlgorithm states the algorithm and its figures.
func (r *record) stateAlgorithm(l *verdict.Limit, post *posterior, part scope, t trace.Trace) {
	algos := post.algorithms()
	names := []string{}
	for a, p := range algos {
		if p >= equivalentAbove {
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
	l.AlgorithmConfidence = round3(math.Min(l.AlgorithmConfidence, 0.995))
	if l.Algorithm == verdict.Unknown { // the sum over everything says nothing
		l.AlgorithmConfidence = 0.5
	}
	top, _ := post.leader()
	f := &post.fits[top]
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
		if i != top && p >= equivalentAbove && len(g.parts) > 0 && g.v.HasTick() == f.v.HasTick() && (g.v.Algorithm() == f.v.Algorithm() || sameBelow(f.v, g.v)) {
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
		l.AlgorithmConfidence = math.Min(l.AlgorithmConfidence, hiddenConfidence)
	}
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

// holdsBack says whether many of the baseline's admitted requests were answered
// late, in a way that nothing known explains.
func (r *record) holdsBack() bool {
	late := r.lateness()
	if late.above == 0 {
		return false
	}
	held, all := 0, 0
	for _, x := range r.samples {
		if x.id != r.base() || x.outcome != trace.Admitted {
			continue
		}
		all++
		if x.rtt > late.above {
			held++
		}
	}
	return held >= heldRun && held*5 >= all
}

// doubt keeps what is stated from being taken for sure, and says why.
func doubt(l *verdict.Limit, why string) {
	l.Confidence, l.AlgorithmConfidence = math.Min(l.Confidence, 0.5), math.Min(l.AlgorithmConfidence, 0.5)
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

// join widens a figure by another's interval.
func join(a, b *verdict.Figure) *verdict.Figure {
	return &verdict.Figure{Value: a.Value, Lo: math.Min(a.Lo, b.Lo), Hi: math.Max(a.Hi, b.Hi)}
}

// stated is a figure's value, 0 for none.
func stated(f *verdict.Figure) float64 {
	if f == nil {
		return 0
	}
	return f.Value
}

// vague says whether a figure is too wide to set a pace by without loss.
func vague(f *verdict.Figure) bool { return f != nil && f.Hi-f.Lo > 0.06*f.Value }

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
	b := widen(f.span, 0.4)
	for _, q := range f.parts {
		b.add(q.p)
	}
	limit = &verdict.Figure{Value: best.p.L, Lo: b.lo.L, Hi: b.hi.L}
	window = &verdict.Figure{
		Value: best.p.W,
		Lo:    math.Min(b.lo.W, best.p.W*(1-clockShare)),
		Hi:    math.Max(b.hi.W, best.p.W*(1+clockShare)),
	}
	slow, fast := best.p, best.p
	slow.W, fast.W = window.Hi, window.Lo
	if f.v.Algorithm() != verdict.TokenBucket {
		slow.L, fast.L = limit.Lo, limit.Hi
	}
	rate = &verdict.Figure{Value: f.v.Rate(best.p), Lo: f.v.Rate(slow), Hi: f.v.Rate(fast)}
	return limit, window, rate
}

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
// then the ones to state: a phase that fits by chance is rare.
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
	b := widen(f.span, 0.4)
	for _, w := range f.v.Nice() {
		if w < b.lo.W || w > b.hi.W {
			continue
		}
		for off := -clockError; off <= clockError; off += clockError / 2 {
			q := best
			q.p.W, q.p.Phase = w, off-math.Mod(start, w)
			if q.cost = fit.cost(f.v, q.p, math.Inf(1)).Total; q.cost <= best.cost+2 {
				return q, true
			}
		}
	}
	return particle{}, false
}

// counterCycles is how many windows of a sliding counter must have gone by
// before its length is more than the slope of one ramp.
const counterCycles = 2

// clockShare is the relative error left to every duration, however sharp the
// trace: two clocks differ, and implementations count milliseconds and cut off what
// is less (nginx: thousandths of a request, at each one).
const clockShare = 0.002

// clockError is how far two synchronised clocks may differ, in seconds.
const clockError = 0.02

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
			Lo:    math.Min(f.span.lo.P, best.p.P*(1-clockShare)),
			Hi:    math.Max(f.span.hi.P, best.p.P*(1+clockShare)),
		}
		l.Rejection.PenaltyExtends = ptr(f.v.OnReject == model.RejectExtends)
	}
}

// judgeEffort is how much harder the last fit searches than those in mid-run,
// which have to be quick.
const judgeEffort = 3
