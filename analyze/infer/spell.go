package infer

import (
	"math"
	"math/rand/v2"
	"slices"

	"apisonde/analyze/model"
)

// spell is two windows of which either admits, with what the record costs them.
type spell struct {
	v             *model.Variant
	first, second model.Params
	cost          float64
}

func (s spell) limit() float64 { return s.first.L + s.second.L }

func (s spell) rate() float64 { return s.first.L/s.first.W + s.second.L/s.second.W }

// words are what both windows admit.
func (s spell) words() string { return words(s.first) + ", and beyond these " + words(s.second) }

// short is how long the first takes to come back.
func (s spell) short() float64 { return s.first.W }

// cycle is how long both take to come back, and least the rate that the first alone admits.
func (s spell) cycle() float64 { return s.second.W }
func (s spell) least() float64 { return s.first.L / s.first.W }

// eitherSearch looks for two windows of which either admits in one record.
type eitherSearch struct {
	*fitter
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

func (x *reading) eitherSearch(rng *rand.Rand) *eitherSearch {
	arms := x.r.arms(x.part)
	return &eitherSearch{fitter: newFitter(arms, judgeEffort, rng), rests: fromRests(arms)}
}

// weigh is what the record costs s, given up beyond limit.
func (f *eitherSearch) weigh(s *spell, limit float64) model.Cost {
	f.m.First.V, f.m.First.Params = s.v, s.first
	f.m.Second.V, f.m.Second.Params = s.v, s.second
	return f.total(&f.m, limit)
}

// from returns what of a variant explains the record, nil unless something does.
func (f *eitherSearch) from(v *model.Variant) *either {
	if len(f.draws.reopens) < 2 || len(f.draws.limits) == 0 || len(f.rests) == 0 {
		return nil
	}
	var starts []spell
	worst := math.Inf(1)
	for range eitherDraws {
		s, ok := f.draw(v)
		if !ok {
			continue
		}
		if s.cost = f.weigh(&s, worst).Total; s.cost > worst {
			continue
		}
		starts = append(starts, s)
		if len(starts) >= 4*eitherWalks {
			sortSpells(starts)
			starts = starts[:2*eitherWalks]
			worst = starts[len(starts)-1].cost
		}
	}
	return f.walked(starts)
}

// walked returns what explains the record of that to which walks from the best starts lead,
// nil unless something does.
func (f *eitherSearch) walked(starts []spell) *either {
	sortSpells(starts)
	var ends []spell
	for _, s := range strangers(starts, eitherWalks) {
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
	if len(ends) == 0 || f.weigh(&ends[0], math.Inf(1)).Violation > misfitLimit {
		return nil
	}
	return f.around(ends)
}

// strangers are at most n of the spells of each variant, the best first, that are no
// neighbours.
func strangers(all []spell, n int) []spell {
	var out []spell
	of := map[*model.Variant]int{}
	for _, s := range all {
		if of[s.v] < n && !slices.ContainsFunc(out, s.akin) {
			out = append(out, s)
			of[s.v]++
		}
	}
	return out
}

// akin says whether two spells are neighbours. Of the longer window little is known as
// long as it has not come back.
func (s spell) akin(o spell) bool {
	near := func(a, b, by float64) bool { return math.Abs(math.Log(a/b)) < by }
	return s.v == o.v && near(s.first.W, o.first.W, 0.1) && near(s.second.W, o.second.W, 0.5)
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
func (f *eitherSearch) draw(v *model.Variant) (spell, bool) {
	p := f.draws
	both := f.rests[p.rng.IntN(len(f.rests))]
	window := func() model.Params {
		q := model.Params{L: p.limits[p.rng.IntN(len(p.limits))], W: p.window(v)}
		if v.HasPhase() {
			q.Phase = p.phase(q.W)
			if p.rng.IntN(2) == 0 {
				p.grid(&q)
			}
		}
		return q
	}
	s := spell{v: v, first: window(), second: window()}
	if s.first.W > s.second.W {
		s.first, s.second = s.second, s.first
	}
	s.second.L = both - s.first.L
	return s, s.second.L > 0 && valid(v, &s.first) && valid(v, &s.second)
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
			f.perturb(next.v, &next.first)
		default:
			f.perturb(next.v, &next.second)
		}
		return next, valid(next.v, &next.first) && valid(next.v, &next.second) && next.first.W <= next.second.W
	}, func(s spell, limit float64) float64 { return f.weigh(&s, limit).Total }, heat, func(s spell, cost float64) bool {
		s.cost = cost
		return meet(s)
	})
}
