package infer

import (
	"math"
	"slices"

	"apisonde/analyze/model"
	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// second asks when the longer of two windows of which either admits comes back. By then
// the shorter one is known, and of the longer one hardly more than that it has not: each
// round exhausts both, then the shorter one alone about when the longer one is expected,
// and goes on with single requests. What comes back has to be what was expected.
type second struct {
	errand
	rounds int
	begun  int // requests on record when they began
}

// mostSeconds bounds the rounds, and eitherWide is the relative width of a window from
// which another one is worth while.
const (
	mostSeconds = 20
	secondWorth = 5 // times what both admit are the most that it may cost
	eitherWide  = 0.02
)

// mostAlternates bounds how often two windows of which either admits are believed, each
// time since those before did not do what they predicted.
const mostAlternates = 2

// alternate looks for two windows of which either admits, where one limit does not explain
// what was seen, and asks about them.
func (e *Engine) alternate() bool {
	if e.split != nil || e.alternates == mostAlternates || e.log.inDoubt() > mostInDoubt || tooLong(e.log.arms(e.latest.part)) {
		return false
	}
	if e.either = e.latest.either(); e.either == nil {
		return false
	}
	e.alternates++
	e.first(&second{})
	return true
}

func (q *second) stage() string { return "validation" }

func (q *second) next(e *Engine, now float64) (plan.Step, bool) {
	switch combed := len(q.phases) > 0 && q.phases[0].comb != nil; {
	case combed && e.log.last(q.c) == trace.Admitted: // it was back before
		q.phases = nil
	case combed: // what went before took its own time
		q.phases[0].from(now)
	}
	if step, ok := q.resume(e, now); ok {
		return step, true
	}
	if q.rounds > 0 {
		x := &reading{r: e.log, rng: e.rng()}
		x.compare()
		if e.either = x.still(e.either); e.either == nil {
			e.log.recovery = 0
			e.first(&identify{})
			return plan.Step{}, false
		}
	}
	_, longest := e.either.cycles()
	e.log.recovery = longest
	if q.rounds == mostSeconds || q.rounds > 0 && e.either.within(eitherWide) || !q.plan(e, now) {
		e.find(eitherName + ": " + e.either.best.words())
		return plan.Step{}, false
	}
	q.rounds++
	return q.resume(e, now)
}

// plan prepares a round, the first one on a counter that is rested, where there is one.
func (q *second) plan(e *Engine, now float64) bool {
	if q.rounds == 0 {
		q.begun = len(e.log.samples)
		counters := e.log.counters(e.log.partition())
		q.c = counters[max(0, slices.IndexFunc(e.log.eventsOf(counters), func(ev []model.Event) bool { return len(ev) <= 2 }))]
	}
	both, one := int(e.either.best.limit())+3, int(e.either.best.first.L)+2
	teeth := min(secondTeeth, e.rejectionsLeft(q.c.id)/3) // a round may be refused nearly so often
	if spent := len(e.log.samples) - q.begun; spent > secondWorth*both || both+one+teeth > e.spare() || teeth < leastTeeth {
		return false
	}
	r := round{e: e, asked: e.log.eventsOf([]counter{q.c})[0], now: now, soon: now, teeth: teeth, spacing: max(1e-4, medianTrip(e.log.samples))}
	if e.log.last(q.c) != trace.Limited { // a refusal is by both
		r.drain, r.soon = both, now+float64(both)*r.spacing
		r.phases = []phase{{n: both, drain: true}}
	}
	if q.why = "when does the shorter of two windows come back"; wider(e.either.figure(spell.short), eitherWide) {
		r.shorter()
	} else {
		q.why = "when does the longer of two windows come back"
		r.longer(one)
	}
	q.phases = r.phases
	return r.end < seconds(e.cfg.Budget.MaxDuration)
}

// round is one round of questions in the making.
type round struct {
	e         *Engine
	asked     []model.Event // of the counter so far
	now, soon float64       // when it begins, and when both windows are exhausted
	drain     int           // requests that exhaust them
	teeth     int
	spacing   float64 // seconds between requests sent one by one
	phases    []phase
	end       float64 // when it is over at the latest
}

// expected is when one of the windows is to admit again: of nine in ten of what explains
// the record between lo and hi, and soonest what is worth asking first.
func (r *round) expected(windows func(*model.Either) []*model.Model) (lo, soonest, hi float64) {
	back := r.e.either.returns(r.asked, r.now, r.soon, r.drain, windows)
	lo, hi = back[len(back)/20], back[len(back)-1-len(back)/20]
	least, _ := r.e.either.cycles()
	return lo - 0.02*(hi-lo), min(back[len(back)/4], lo+least), hi + 0.02*(hi-lo)
}

// shorter asks when the shorter window comes back: nothing else lets a request through.
func (r *round) shorter() {
	lo, _, hi := r.expected(func(m *model.Either) []*model.Model { return []*model.Model{&m.First, &m.Second} })
	r.comb(lo, hi)
	r.end = hi
}

// longer exhausts the shorter window alone, with so many requests, about when the longer
// one comes back.
func (r *round) longer(one int) {
	lo, soonest, hi := r.expected(func(m *model.Either) []*model.Model { return []*model.Model{&m.Second} })
	best := r.e.either.best
	takes := float64(one)*r.spacing + 2*measureTiming(r.e.log.samples).slack
	at, stays := lo-takes, 0.95*best.first.W // so long it is
	if hi-at > stays {
		// Too early costs less than too late: the longer one need not be exhausted again.
		at = soonest - stays/2
	}
	at = max(best.opened(at), r.soon)
	r.phases = append(r.phases, phase{wait: at - r.soon, n: one, drain: true})
	from, to := max(lo, at+takes), min(hi, at+stays)
	if to-from > leastCombed*(hi-lo) {
		r.comb(from, to)
	}
	r.end = max(at, to)
}

// comb adds single requests from lo to hi.
func (r *round) comb(lo, hi float64) {
	if hi <= lo {
		return
	}
	comb := make([]float64, r.teeth)
	for k := range comb {
		comb[k] = lo + (hi-lo)*float64(k)/float64(r.teeth-1)
	}
	r.phases = append(r.phases, phase{comb: comb, n: r.teeth})
}

// from turns instants of a comb into offsets, at a time.
func (ph *phase) from(now float64) {
	first := max(now, ph.comb[0])
	ph.wait = first - now
	for k := range ph.comb {
		ph.comb[k] = max(0, ph.comb[k]-first)
	}
}

// secondTeeth single requests, or leastTeeth where rejections are rationed, go out about
// when a window is expected back, where they cover leastCombed of the time in which it
// may be.
const (
	secondTeeth = 10
	leastTeeth  = 3
	leastCombed = 0.1
)

// opened is the start of the shorter window that t lies in, where windows lie on a grid,
// or else t.
func (s spell) opened(t float64) float64 {
	if s.v.Anchor == model.AnchorOpen {
		return t
	}
	return t - math.Mod(t-s.first.Phase, s.first.W) + 0.02*s.first.W
}

// returns are the instants, in order, at which what explains the record expects one of the
// windows to admit again, after n requests that go out from start to end.
func (e *either) returns(asked []model.Event, start, end float64, n int, windows func(*model.Either) []*model.Model) []float64 {
	var out []float64
	for k := range secondSamples {
		s := e.all[k*(len(e.all)-1)/(secondSamples-1)]
		m := model.NewEither(s.v, s.first, s.second)
		m.Run(asked, math.Inf(1))
		if n > 0 {
			lo, hi := m.Bounds(start, end)
			m.Commit(start, end, int(min(float64(n), (lo+hi)/2)), 2)
		}
		wait := math.Inf(1)
		for _, w := range windows(&m) {
			wait = min(wait, availableAt(w, end, 1, 1.1*w.W))
		}
		out = append(out, end+wait)
	}
	slices.Sort(out)
	return out
}

// secondSamples is how many of what explains the record are asked what they expect.
const secondSamples = 60

// recovery is how many seconds of silence rest the limiter under study, and how many
// requests a rested one admits at once, zeros where nothing is known.
func (e *Engine) recovery() (rest float64, size int) {
	if e.either == nil {
		return e.post.recovery()
	}
	_, rest = e.either.cycles()
	return rest, int(e.either.best.limit())
}
