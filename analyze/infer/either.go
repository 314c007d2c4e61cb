package infer

import (
	"fmt"
	"math"
	"math/rand/v2"

	"apisonde/analyze/model"
	"apisonde/analyze/verdict"
)

// Two windows of which either admits are no variant: they have twice the parameters of
// one. They are looked for where nothing in the bank explains the record.

// either is what explains a record by two windows of which either admits: the best, and
// whatever explains as much.
type either struct {
	best spell
	all  []spell
	gain float64 // nats by which the bank explains it worse
}

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
	e := x.gains(x.eitherAnew())
	if e == nil || len(x.others()) == 0 {
		return e
	}
	other := *x // one limit of other callers may explain it as well
	if other.regroup(); !other.doubtful() {
		return nil
	}
	return e
}

// eitherAtLength is either where time matters less than a needle that it misses: what
// explains ever longer parts of the record is followed.
func (x *reading) eitherAtLength() *either {
	e := x.either()
	if e != nil || x.spread || len(x.scopes) == 0 || len(x.others()) > 0 || tooLong(x.r.arms(x.part)) {
		return e
	}
	n := len(x.r.samples)
	for k := 1; k < eitherParts; k++ {
		y := *x
		y.r = x.r.prefix(n * k / eitherParts)
		if e == nil {
			e = y.eitherAnew()
		} else {
			e = y.still(e)
		}
	}
	if e != nil {
		e = x.gains(x.still(e))
	}
	return e
}

// eitherParts is how many such parts there are.
const eitherParts = 4

// eitherAnew searches the record from scratch.
func (x *reading) eitherAnew() *either {
	var anchors []*model.Variant
	for i := range model.Bank {
		if v := &model.Bank[i]; v.CountsAnew() && !v.Seconds && v.Anchor != model.AnchorGrid {
			anchors = append(anchors, v)
		}
	}
	found := make([]*either, len(anchors))
	sideBySide(len(anchors), x.rng, func(i int, rng *rand.Rand) {
		found[i] = x.eitherSearch(rng).from(anchors[i])
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
		best.settle()
	}
	return best
}

// gains is e where it explains the record eitherGain better than the bank does, else nil.
func (x *reading) gains(e *either) *either {
	if e == nil {
		return nil
	}
	if e.gain = x.post.best() - e.best.cost; e.gain < eitherGain {
		return nil
	}
	return e
}

// still says whether what explained the record before explains what came since as well,
// and how; nil if not.
func (x *reading) still(before *either) *either {
	s := x.eitherSearch(x.rng)
	starts := make([]spell, 0, eitherStarts)
	for k := range eitherStarts {
		y := before.all[k*(len(before.all)-1)/(eitherStarts-1)]
		y.cost = s.weigh(&y, math.Inf(1)).Total
		starts = append(starts, y)
	}
	e := s.walked(starts)
	if e != nil {
		e.settle()
	}
	return e
}

// eitherStarts is how many of the parameters that explained a record are tried on a
// longer one.
const eitherStarts = 2000

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

// cycles are how long both windows may take to come back, from the shortest to the longest
// that explains the record.
func (e *either) cycles() (lo, hi float64) {
	f := e.figure(spell.cycle)
	return f.Lo, f.Hi
}

// figure is what a quantity of the two windows is, with all that explains as much.
func (e *either) figure(of func(spell) float64) *verdict.Figure {
	out := &verdict.Figure{Value: of(e.best), Lo: of(e.best), Hi: of(e.best)}
	for _, s := range e.all {
		out.Lo, out.Hi = min(out.Lo, of(s)), max(out.Hi, of(s))
	}
	return out
}

// toldConfidence is the most that is stated of two windows of which either admits, and
// eitherConfidence where one of them is not told within eitherTold: that the longer one
// comes back when it should is what other limits do least.
const (
	toldConfidence   = 0.93
	eitherConfidence = 0.85
	eitherTold       = 0.05
)

// confidence is what is stated of both windows.
func (e *either) confidence() float64 {
	if e.within(eitherTold) {
		return toldConfidence
	}
	return eitherConfidence
}

// within says whether both windows are told to a share of their length.
func (e *either) within(share float64) bool {
	return !wider(e.figure(spell.short), share) && !wider(e.figure(spell.cycle), share)
}

// eitherName is what screens call it.
const eitherName = "two windows of which either admits"

// state says what both admit together. Verdicts have no name for them: their algorithm is
// unknown, and what it is stands in words.
func (e *either) state(x *reading) verdict.Limit {
	most := e.confidence()
	l := verdict.Limit{Unit: "requests", Source: "measured", Algorithm: verdict.Unknown, Equivalent: []string{}, AlgorithmConfidence: most}
	stateScope(&l, x.scopes, x.cs, true)
	l.Limit = e.figure(spell.limit)
	l.Burst = l.Limit
	l.RatePerS = e.figure(spell.rate)
	margin := walkMargin*(l.RatePerS.Hi-l.RatePerS.Lo) + clockShare*l.RatePerS.Value // as of one window
	l.RatePerS.Lo, l.RatePerS.Hi = l.RatePerS.Lo-margin, l.RatePerS.Hi+margin
	if _, longest := e.cycles(); longest > x.r.cost().WallS { // the second may not have come back
		l.RatePerS.Lo = min(l.RatePerS.Lo, e.figure(spell.least).Lo)
	}
	l.Rejection.Statuses = x.r.rejectionStatuses()
	l.Rejection.RetryAfter.Verdict = "absent"
	spent, _ := x.r.spent()
	x.r.evidence(&l, x.cs, spent)
	l.Settle = fmt.Sprintf("%s explain every answer: %s", eitherName, e.best.words())
	l.Confidence = most * l.ScopeConfidence
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
