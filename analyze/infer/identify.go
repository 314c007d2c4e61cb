package infer

import (
	"fmt"
	"math"
	"slices"

	"apisonde/analyze/model"
	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// identify runs programs, one after another, each the one that teaches most
// about the algorithm and its figures, until the belief is firm; then it lets
// the belief predict an experiment of another kind.
type identify struct {
	errand    // the program in progress
	counters  []counter
	programs  int
	begun     int // requests on record when the search began
	validated int
	checking  bool       // the program in progress validates
	baffled   int        // programs in a row whose outcome nothing explains
	decided   int        // answers so far of which it is known that this limit gave them
	mute      int        // programs in a row that added none
	verdict   family     // of the belief that was validated last
	foretold  []particle // what it was then
	looks     int        // at what a block covers
}

// mostPrograms bounds the search; typical runs end within eight.
const mostPrograms = 24

// nearlySure is the probability from which an explanation that was foretold from
// outside, and has come true, needs no more to speak for it.
const nearlySure = 0.95

// mostBaffled bounds how often the search goes on in the hope that the next outcome
// shows what it missed.
const mostBaffled = 4

// mostValidations bounds how many explanations are held against an experiment of another
// kind, each since the one before did not do what it predicted.
const mostValidations = 4

// mostMute bounds how often the search goes on though its answers tell nothing.
const mostMute = 3

// restShare is the part of the time left that a search waits for at most, at a time, until
// an outer limit lets its requests through again.
const restShare = 0.2

// decided counts the answers that are evidence.
func (r *record) decided() int {
	n := 0
	for _, x := range r.samples {
		if x.outcome == trace.Admitted || x.outcome == trace.Limited {
			n++
		}
	}
	return n
}

// spent is how many requests were sent since the search began.
func (q *identify) spent(r *record) int {
	if q.begun == 0 {
		q.begun = len(r.samples)
	}
	return len(r.samples) - q.begun
}

// leadRequests is how many requests, beside those that exhaust the limit once, are
// reckoned to have gone before the search: where whose limit it is took more, the rest is
// not answered with less.
const leadRequests = 25

// worth is how many requests an answer may cost, in all, before the search ends
// with what it has: more while the algorithm is open than for sharper figures.
// A penalty has two clocks to read, and the one below it shows only where the
// limit is spent and not passed.
func worth(limit int, p float64, penalised bool) int {
	switch {
	case penalised:
		return 12*(limit+1) + 50
	case p < 0.95:
		return 6*(limit+1) + 50
	}
	return 5*(limit+1) + 50
}

func (q *identify) stage() string {
	if q.validated > 0 {
		return "validation"
	}
	return "algorithm"
}

func (q *identify) next(e *Engine, now float64) (plan.Step, bool) {
	if step, ok := q.resume(e, now); ok {
		return step, true
	}
	if n := e.log.decided(); n > q.decided {
		q.decided, q.mute = n, 0
	} else if q.mute++; q.mute == mostMute { // every answer may be the other limit's
		return plan.Step{}, false
	} else if q.checking { // then it was held against nothing
		q.validated--
	}
	q.checking = false
	e.refit()
	if !e.contradicted() {
		q.baffled = 0
	} else if q.baffled++; e.alternate() || e.divide(false) || q.baffled > mostBaffled {
		return plan.Step{}, false
	}
	q.counters = e.log.counters(e.log.partition())
	top, p := e.post.leader()
	fam := familyOf(e.post.fits[top].v)
	firm := p > 0.99 && e.post.precise(top) && !e.post.contradicted()
	if q.programs > 0 && p > nearlySure && !e.post.contradicted() && e.borneOut(top) { // the claim was the prediction
		q.validated, q.verdict, q.foretold, firm = max(1, q.validated), fam, nil, true
	}
	foretold := fam == q.verdict && e.asForetold(q.foretold)
	validated := q.validated > 0 && foretold
	if validated && firm && q.programs < mostPrograms && q.covered(e, top) {
		top, p = e.post.leader()
		firm = false
	}
	if validated && firm || q.programs >= mostPrograms {
		return plan.Step{}, false
	}
	d := q.designer(e, now, e.steer(e.log.arms(e.log.partition())))
	if len(e.post.fits[top].parts) == 0 { // nothing in the bank explains anything
		return plan.Step{}, false
	}
	prog, bits, ok := program{}, 0.0, false
	afford := q.spent(e.log)+d.seen+1+leadRequests < worth(d.seen, p, e.post.penalised())
	if (!firm || q.programs == 0) && afford {
		prog, bits, ok = d.choose()
		if d.claimed > 0 && bits < leastBits && !firm { // what is claimed is settled, other explanations are not
			d = q.designer(e, now, nil)
			prog, bits, ok = d.choose()
		}
	}
	if !ok || bits < leastBits {
		// What did not foretell the answers has to predict again, whatever it costs.
		enough := q.validated >= mostValidations || validated && (q.validated >= 2 || !afford)
		if enough || e.log.reopenedAfter() == 0 { // nobody knows when it is rested
			return plan.Step{}, false
		}
		q.validated++
		q.checking = true
		q.verdict, q.foretold = fam, e.post.typical(particlesPerFit)
		prog = validation(d, &e.post.fits[top])
		if prog.seconds() > d.left || int(prog.requests()) > d.spare {
			return plan.Step{}, false
		}
	}
	if e.split != nil && !e.split.outside && (q.mute > 0 || q.programs == 0) { // the outer limit would answer: let it rest
		if rest, _ := e.split.outer.post.recovery(); rest < restShare*e.left(now) {
			prog.phases[0].wait = max(prog.phases[0].wait, rest)
		}
	}
	q.programs++
	q.errand = errand{q.counters[prog.arm], prog.phases, prog.why}
	return q.resume(e, now)
}

// covered looks as hard as the verdict will at what counts below a block that seems to be
// known, and says whether that leaves its window open: another one may be hidden as well.
func (q *identify) covered(e *Engine, top int) bool {
	if !e.post.fits[top].v.HasPenalty() || q.looks == mostLooks {
		return false
	}
	q.looks++
	post := fitBank(e.log.arms(e.log.partition()), e.post.revived(), judgeEffort, e.rng())
	top, _ = post.leader()
	f := &post.fits[top]
	if !f.v.HasPenalty() || len(f.parts) == 0 {
		return false
	}
	if _, window, _ := f.figures(f.settled()); post.bounded() && post.seenBelow(window) {
		return false
	}
	e.post = post
	return true
}

// mostLooks bounds how often that may prolong the search.
const mostLooks = 2

// asForetold says whether what was believed before explains all that came since, about
// as well as what is believed now.
func (e *Engine) asForetold(before []particle) bool {
	f := fitter{arms: e.log.arms(e.log.partition())}
	limit := e.post.best() + surprise
	return len(before) == 0 || slices.ContainsFunc(before, func(q particle) bool { return f.cost(q.v, q.p, limit).Total <= limit })
}

// surprise is how much an explanation may cost more, in nats, than one that knows what
// came after it: of an answer or two that sharpened it, and no more.
const surprise = 8

// contradicted says whether no single limit explains what was seen of the one
// under study.
func (e *Engine) contradicted() bool {
	return e.post.misfit > misfitLimit || e.post.strained() || len(e.log.candidates(e.log.contrasts())) == 0
}

// swift says whether trips are so long that a limit of n requests recovers while they
// go out one by one.
func (e *Engine) swift(n int) bool {
	if _, _, room := e.pace(); room > 0 { // the other limit would refuse them
		return false
	}
	trip := medianTrip(e.log.samples)
	rest, _ := e.post.recovery()
	return trip > longTrip && (rest == 0 || float64(n)*trip > swiftShare*rest)
}

// swiftShare is the part of its recovery that a limit may get back meanwhile.
const swiftShare = 0.2

// designer sets the scene for choosing a program.
func (q *identify) designer(e *Engine, now float64, claimed []particle) *designer {
	byCounter := e.log.eventsOf(q.counters)
	d := newDesigner(e.post, claimed, byCounter, e.rng())
	for i, evs := range byCounter {
		d.arms[i].patience = patience(evs)
	}
	d.now = now + e.lead
	d.left = e.left(d.now)
	d.spare = min(e.spare(), e.rejectionsLeft(e.log.base())*4)
	t := measureTiming(e.log.samples)
	d.rtt = max(1e-4, t.shortest[1])
	d.jitter = t.slack
	gap, _, _ := e.pace()
	d.spacing = max(max(1e-4, medianTrip(e.log.samples)), gap)
	d.seen, _ = e.log.spent()
	if d.wide = e.swift(d.seen); d.wide { // all at once
		d.spacing = t.longest / float64(d.seen+1)
	}
	return d
}

// patience is how many seconds of silence the next program must begin with, 0 for
// none. Whoever was refused after three waits of a kind waits longer the next time:
// asking may prolong a ban, and then waits that are a little too short never end it.
func patience(events []model.Event) float64 {
	longest := 0.0
	var gaps []float64
	for i := len(events) - 1; i > 0 && events[i].Admitted == 0; i-- {
		gap := events[i].S - events[i-1].E
		gaps, longest = append(gaps, gap), max(longest, gap)
	}
	alike := 0
	for _, gap := range gaps {
		if gap > longest/2 {
			alike++
		}
	}
	if alike < 3 {
		return 0
	}
	return 1.6 * longest
}

// leading is the belief in one line.
func (e *Engine) leading() string {
	switch {
	case e.post == nil:
		return ""
	case e.either != nil:
		return fmt.Sprintf("so far %s: %s", eitherName, e.either.best.words())
	}
	i, p := e.post.leader()
	return fmt.Sprintf("so far %s leads at %.0f %%", e.post.fits[i].v.Name, 100*p)
}

// precise says whether the leading variant's durations are known well enough:
// their spread is under what pacing would notice.
func (p *posterior) precise(i int) bool {
	parts := p.fits[i].parts
	if len(parts) == 0 {
		return false
	}
	return spread(parts, func(q model.Params) float64 { return q.W }) < 0.008 &&
		(!p.fits[i].v.HasPenalty() || spread(parts, func(q model.Params) float64 { return q.P }) < 0.008)
}

// spread is the standard deviation of a duration, relative to it.
func spread(parts []particle, of func(model.Params) float64) float64 {
	var mean, sq float64
	for _, q := range parts {
		l := math.Log(of(q.p))
		mean += l * q.weight
		sq += l * l * q.weight
	}
	return math.Sqrt(max(0, sq-mean*mean))
}

// validation is an experiment of a kind that the search did not use, from rest, on
// a fresh counter if there is one: everything at once, then what has come back well
// before recovery. A block that every rejection starts looks like a window of that
// length, so where a window leads it is spent and not passed, and asked shortly
// before its end. Of one that counts anew a part is spent at once and the rest late, of a
// sliding log a half each, and both are asked once more as soon as something is forgotten:
// whatever remembers for a shorter time shows before, and whatever limits the rate besides,
// as a bucket in the same limiter does, after. Where a block leads, the limit is spent in
// two parts, whose age tells what counts below.
func validation(d *designer, f *fit) program {
	best := f.parts[0]
	for _, q := range f.parts {
		if q.cost < best.cost {
			best = q
		}
	}
	rec := best.v.Recovery(best.p)
	n := int(math.Ceil(best.p.L*1.05)) + 3
	p := program{why: "does it do what this explanation predicts from rest"}
	wait := rec*1.1 + 0.05
	for i := range d.arms {
		if d.arms[i].fresh {
			p.arm, wait = i, 0.2*d.rtt
			break
		}
	}
	limit := int(math.Round(best.p.L))
	switch v := best.v; {
	case v.HasPenalty() && limit > 1:
		gap := 0.6 * v.Refill(best.p)
		p.phases = []phase{{wait: wait, n: limit / 2}, {wait: gap, n: limit - limit/2}, {wait: gap, n: n, drain: true}}
	case v.Core == model.CoreLog || v.Core == model.CoreWindow:
		if v.HasPhase() && !v.Seconds { // all of it inside one window, whichever may be true
			wait += d.boundary(f, d.now+wait) + 0.02*best.p.W
		}
		p.phases = d.inParts(v, limit, n, rec, wait)
	case v.Core == model.CoreCounter: // on the next ramp, whose height at one instant tells slope and start
		back := d.returns(best, p.arm, d.now+wait, n, rampShare*best.p.L)
		p.phases = []phase{{wait: wait, n: n, drain: true}, {wait: back, n: n, drain: true}}
	default:
		back := rec * (0.2 + 0.25*d.rng.Float64())
		if best.v.HasTick() { // of ticks more than one, since windows do not add up
			back = max(back, 2.5*best.p.W)
		}
		p.phases = []phase{{wait: wait, n: n, drain: true}, {wait: back, n: n, drain: true}}
	}
	return p
}

// boundary is in how many seconds from start on the next window has begun by all that
// explains the trace.
func (d *designer) boundary(f *fit, start float64) float64 {
	latest := 0.0
	for _, q := range f.parts {
		latest = max(latest, q.p.W-math.Mod(start-q.p.Phase, q.p.W))
	}
	return latest
}

// inParts are the phases of a validation of a window: its limit is spent and not passed,
// asked for more shortly before the end, and as soon as something is forgotten.
func (d *designer) inParts(v *model.Variant, limit, n int, rec, wait float64) []phase {
	takes := float64(limit) * d.spacing // which begins with the first of them
	first, share, again := limit, 0.0, 0
	switch {
	case limit < 3 || takes > 0.3*rec:
	case v.CountsAnew():
		first = (limit + 3) / 4
		share, again = lateShare, 2*first+2 // a bucket that refills at that rate has less
	case v.Core == model.CoreLog && !v.Blocks():
		first, share, again = limit/2, 0.5, limit/2+2
	}
	if again == 0 {
		return []phase{{wait: wait, n: limit}, {wait: max(0.2*rec, askedShare*rec-takes), n: n, drain: true}}
	}
	return []phase{
		{wait: wait, n: first}, {wait: share*rec - float64(first)*d.spacing, n: limit - first}, {wait: (askedShare - share) * rec, n: n, drain: true},
		{wait: (1.03-askedShare)*rec + 2*d.jitter, n: again, drain: true},
	}
}

// lateShare is the part of a window after which a validation spends it, and askedShare
// that after which it asks for more.
const (
	lateShare  = 0.85
	askedShare = 0.9
)

// rampShare is the part of the limit that has come back when a ramp is asked for its
// height.
const rampShare = 0.4

// returns is how many seconds after n requests from start on, of which q admits what
// it can, it would admit need more.
func (d *designer) returns(q particle, arm int, start float64, n int, need float64) float64 {
	m := model.New(q.v, q.p)
	if i := slices.IndexFunc(d.parts, func(x particle) bool { return x.v == q.v && x.p == q.p }); i >= 0 {
		d.arms[arm].state[i].CopyTo(&m)
	}
	end := start + float64(n)*d.spacing
	lo, hi := m.Bounds(start, end)
	admitted := int(min(float64(n), (lo+hi)/2))
	m.Commit(start, end, admitted, min(2, n-admitted))
	return availableAt(&m, end, max(1, math.Floor(need)), 1.1*q.v.Recovery(q.p))
}

func (p program) seconds() float64 {
	t := 0.0
	for _, ph := range p.phases {
		t += ph.wait
		if n := len(ph.comb); n > 0 {
			t += ph.comb[n-1]
		}
	}
	return t
}

// silence is the seconds before its first request.
func (p program) silence() float64 {
	if first := p.phases[0]; len(first.comb) > 0 {
		return first.wait + first.comb[0]
	}
	return p.phases[0].wait
}

// waits is the part of the seconds that is spent in any case.
func (p program) waits() float64 {
	t := 0.0
	for _, ph := range p.phases {
		t += ph.wait
	}
	return t
}

func (p program) requests() float64 {
	n := 0
	for _, ph := range p.phases {
		n += ph.n
	}
	return float64(n)
}
