package infer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"apisonde/analyze/model"
	"apisonde/analyze/verdict"
)

// Two windows of which either admits are no variant: they have twice the parameters of
// one. They are looked for where nothing in the bank explains the record.

// spell is two such windows, with what the record costs them.
type spell struct {
	v             *model.Variant
	first, second model.Params
	cost          float64
}

func (s spell) limit() float64 { return s.first.L + s.second.L }

func (s spell) rate() float64 { return s.first.L/s.first.W + s.second.L/s.second.W }

// cycle is how long both take to come back, and least the rate that the first alone admits.
func (s spell) cycle() float64 { return s.second.W }
func (s spell) least() float64 { return s.first.L / s.first.W }

// either is what explains a record by two windows of which either admits: the best, and
// whatever explains as much.
type either struct {
	best spell
	all  []spell
	gain float64 // nats by which the bank explains it worse
}

// eitherSearch looks for two windows of one variant in one record.
type eitherSearch struct {
	*fitter
	v     *model.Variant
	rests []float64    // what counters let through from rest
	m     model.Either // scratch
}

// eitherDraws starting points are weighed, and from the best eitherWalks a walk begins, of
// eitherSteps and the temperature duetHeat; as long as those that show what explains as much.
const (
	eitherDraws = 8000
	eitherWalks = 10
	eitherSteps = 5000
)

// Two windows of which either admits have more to choose than one limit, and few people set
// them up. So they have to explain eitherGain nats more, an answer that contradicts the
// bank; and eitherSure nats more to be stated for sure.
const (
	eitherGain = 3.5
	eitherSure = 12
)

// either looks for two windows of which either admits, nil where they do not explain the
// record, or hardly better than one limit.
func (x *reading) either() *either {
	if x.spread || len(x.scopes) == 0 {
		return nil
	}
	arms := x.r.arms(x.part)
	var anchors []*model.Variant
	for i := range model.Bank {
		if v := &model.Bank[i]; v.CountsAnew() && !v.Seconds && v.Anchor != model.AnchorGrid {
			anchors = append(anchors, v)
		}
	}
	found := make([]*either, len(anchors))
	sideBySide(len(anchors), x.rng, func(i int, rng *rand.Rand) {
		s := &eitherSearch{fitter: newFitter(arms, judgeEffort, rng), v: anchors[i], rests: fromRests(arms)}
		found[i] = s.search(x.post.best() - eitherGain)
	})
	var best *either
	for _, e := range found {
		switch {
		case e == nil:
		case best == nil || e.best.cost < best.best.cost-1:
			best = e
		case e.best.cost <= best.best.cost+1: // whichever it is
			best.all = append(best.all, e.all...)
		}
	}
	if best != nil {
		best.gain = x.post.best() - best.best.cost
		best.settle()
	}
	return best
}

// settle states, of what explains as much, windows as people set them up.
func (e *either) settle() {
	round := func(s spell) int {
		n := 0
		for _, p := range []model.Params{s.first, s.second} {
			if isNice(particle{v: s.v, p: p}) {
				n++
			}
		}
		return n
	}
	for _, s := range e.all {
		if s.cost <= e.best.cost+1 && round(s) > round(e.best) {
			e.best = s
		}
	}
}

// weigh is what the record costs s, given up beyond limit.
func (f *eitherSearch) weigh(s *spell, limit float64) float64 {
	f.m.First.V, f.m.First.Params = f.v, s.first
	f.m.Second.V, f.m.Second.Params = f.v, s.second
	sum := 0.0
	for _, ev := range f.arms {
		if sum += f.m.Run(ev, limit-sum).Total; sum > limit {
			break
		}
	}
	return sum
}

// search returns what explains the record, nil unless something does at a cost of less
// than most.
func (f *eitherSearch) search(most float64) *either {
	if len(f.draws.reopens) < 2 || len(f.draws.limits) == 0 || len(f.rests) == 0 {
		return nil
	}
	var starts []spell
	worst := math.Inf(1)
	for range eitherDraws {
		s, ok := f.draw()
		if !ok {
			continue
		}
		if s.cost = f.weigh(&s, worst); s.cost > worst {
			continue
		}
		starts = append(starts, s)
		if len(starts) >= 4*eitherWalks {
			sortSpells(starts)
			starts = starts[:2*eitherWalks]
			worst = starts[len(starts)-1].cost
		}
	}
	sortSpells(starts)
	var ends []spell
	for _, s := range starts[:min(len(starts), eitherWalks)] {
		best := s
		f.wander(s, func(k int) float64 { return duetHeat * math.Pow(0.1, float64(k)/eitherSteps) }, func(s spell) bool {
			if s.cost < best.cost {
				best = s
			}
			return best.cost >= explained/2
		})
		ends = append(ends, best)
	}
	sortSpells(ends)
	if len(ends) == 0 || ends[0].cost > min(explained, most) {
		return nil
	}
	return f.around(ends)
}

func sortSpells(all []spell) {
	slices.SortStableFunc(all, func(a, b spell) int { return cmpFloat(a.cost, b.cost) })
}

// around collects what explains about as much as the best that warm walks meet, each of
// which begins where an earlier one ended: few answers leave several windows.
func (f *eitherSearch) around(ends []spell) *either {
	e := &either{best: ends[0]}
	var all []spell
	for _, at := range ends {
		if at.cost > ends[0].cost+f.alike {
			break
		}
		all = append(all, at)
		f.wander(at, func(int) float64 { return 1 }, func(s spell) bool {
			if s.cost < e.best.cost {
				e.best = s
			}
			all = append(all, s)
			return true
		})
	}
	for _, s := range all {
		if s.cost <= e.best.cost+f.alike {
			e.all = append(e.all, s)
		}
	}
	return e
}

// draw makes a starting point: the second window is the longer one, and both together are
// what some caller got through from rest.
func (f *eitherSearch) draw() (spell, bool) {
	p := f.draws
	both := f.rests[p.rng.IntN(len(f.rests))]
	window := func() model.Params {
		q := model.Params{L: p.limits[p.rng.IntN(len(p.limits))], W: p.window(f.v)}
		if f.v.HasPhase() {
			q.Phase = p.phase(q.W)
			if p.rng.IntN(2) == 0 {
				p.grid(&q)
			}
		}
		return q
	}
	s := spell{v: f.v, first: window(), second: window()}
	if s.first.W > s.second.W {
		s.first, s.second = s.second, s.first
	}
	s.second.L = both - s.first.L
	return s, s.second.L > 0 && valid(f.v, &s.first) && valid(f.v, &s.second)
}

// fromRests are how many requests each counter let through before it first refused one.
func fromRests(arms [][]model.Event) []float64 {
	var out []float64
	for _, ev := range arms {
		n := 0.0
		for _, x := range ev {
			n += float64(x.Admitted)
			if x.Limited > 0 {
				out = append(out, n)
				break
			}
		}
	}
	return out
}

// wander is a Metropolis walk of spells.
func (f *eitherSearch) wander(at spell, heat func(k int) float64, meet func(spell) bool) {
	metropolis(f.rng, eitherSteps, at, at.cost, func(next spell) (spell, bool) {
		switch f.rng.IntN(5) {
		case 0: // what the one has no more the other has
			d := float64(f.rng.IntN(5) - 2)
			next.first.L += d
			next.second.L -= d
		case 1, 2:
			f.perturb(f.v, &next.first)
		default:
			f.perturb(f.v, &next.second)
		}
		return next, valid(f.v, &next.first) && valid(f.v, &next.second) && next.first.W <= next.second.W
	}, func(s spell, limit float64) float64 { return f.weigh(&s, limit) }, heat, func(s spell, cost float64) bool {
		s.cost = cost
		return meet(s)
	})
}

// figure is what a quantity of the two windows is, with all that explains as much.
func (e *either) figure(of func(spell) float64) *verdict.Figure {
	out := &verdict.Figure{Value: of(e.best), Lo: of(e.best), Hi: of(e.best)}
	for _, s := range e.all {
		out.Lo, out.Hi = min(out.Lo, of(s)), max(out.Hi, of(s))
	}
	return out
}

// eitherConfidence is the most that is stated of two windows of which either admits.
const eitherConfidence = 0.85

// state says what both admit together. Verdicts have no name for them: their algorithm is
// unknown, and what it is stands in words.
func (e *either) state(x *reading) verdict.Limit {
	l := verdict.Limit{Unit: "requests", Source: "measured", Algorithm: verdict.Unknown, Equivalent: []string{}, AlgorithmConfidence: eitherConfidence}
	stateScope(&l, x.scopes, x.cs, true)
	l.Limit = e.figure(spell.limit)
	l.Burst = l.Limit
	l.RatePerS = e.figure(spell.rate)
	if e.figure(spell.cycle).Hi > x.r.cost().WallS { // the second may not have come back
		l.RatePerS.Lo = min(l.RatePerS.Lo, e.figure(spell.least).Lo)
	}
	l.Rejection.Statuses = x.r.rejectionStatuses()
	l.Rejection.RetryAfter.Verdict = "absent"
	spent, _ := x.r.spent()
	x.r.evidence(&l, x.cs, spent)
	l.Settle = fmt.Sprintf("two windows of which either admits explain every answer: %s, and beyond these %s", words(e.best.first), words(e.best.second))
	l.Confidence = eitherConfidence * l.ScopeConfidence
	if wider(l.RatePerS, wideShare) {
		l.Confidence *= vagueShare
	}
	l.Confidence = round3(l.Confidence)
	if e.gain < eitherSure {
		doubt(&l, "")
	}
	return l
}

// words are what a window admits.
func words(p model.Params) string { return fmt.Sprintf("%.0f per %s s", p.L, plain(p.W)) }
