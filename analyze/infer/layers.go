package infer

import (
	"slices"

	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// split is what is known of two limits on one path.
type split struct {
	inner, outer *reading
	outside      bool // the outer one is the subject of the questions
	again        int  // so many samples make it worth while to tell them apart anew
}

// subject is the limit that the questions are about.
func (s *split) subject() *reading {
	if s.outside {
		return s.outer
	}
	return s.inner
}

// learn takes in what is known of the subject by now: by that the refusals of the other
// limit are told from its own, when the questions turn to that one. By which callers it
// splits the record is learnt where the way it was split is excluded since.
func (s *split) learn(x *reading) {
	of := s.subject()
	if x.doubtful() || x.part != of.part && slices.Contains(x.scopes, of.part) {
		return
	}
	known := *of
	known.post, known.part, known.scopes = x.post, x.part, x.scopes
	if s.outside {
		s.outer = &known
	} else {
		s.inner = &known
	}
}

// reconsider reads the record of one of two limits in other ways, where it has become
// hard to explain: split by other callers, of what the contrasts leave, or after the
// two were told apart anew, since whose a refusal was rests on what was known of both,
// and that was little at first.
func (e *Engine) reconsider(x *reading) *reading {
	if n := len(e.path.samples); n < e.split.again || n > longPath {
		return x
	}
	e.split.again = len(e.path.samples) * 2
	if x.regroup(); !x.doubtful() {
		e.log.likely = []scope{x.part}
		return x
	}
	whole := &reading{r: e.path, rng: x.rng}
	inner, outer, ok := whole.separate(e.split.inner, separation{fit: inferBank, patient: true})
	if !ok {
		return x
	}
	if owners, _ := e.path.attribute(inner, outer); !enough(owners) {
		return x
	}
	e.split.inner, e.split.outer = inner, outer
	e.attribute()
	x = e.split.subject()
	e.log.likely = []scope{x.part}
	return x
}

// attribute says of every refusal whose it is, and turns to the record of the
// limit under study.
func (e *Engine) attribute() {
	if e.split == nil {
		return
	}
	owners, _ := e.path.attribute(e.split.inner, e.split.outer)
	if !enough(owners) { // what looked like the outer one's is the inner one's after all
		e.rejoin()
		return
	}
	recovery, likely := e.log.recovery, e.log.likely
	if e.split.outside {
		e.log = e.path.only(owners, e.split.outer.charged)
		e.log.span = e.sandwich()
	} else {
		e.log = e.path.without(owners, e.split.inner.charged)
	}
	e.log.recovery, e.log.likely = recovery, likely
}

// rejoin takes back that two limits stand on the path.
func (e *Engine) rejoin() {
	e.split, e.whole = nil, true
	e.log, e.post = e.path, nil
}

// divide looks for two limits where one does not explain the path. It says
// whether it found them. known: the questions about the inner one are answered.
func (e *Engine) divide(known bool) bool {
	if e.split != nil || e.whole || e.log.inDoubt() > mostInDoubt {
		return false
	}
	whole := e.latest
	if !whole.doubtful() {
		return false
	}
	var inner, outer *reading
	ok := false
	if e.sound != nil && e.sound.post.bounded() { // until a moment ago one limit explained everything
		inner, outer, ok = whole.separate(e.sound, separation{fit: inferBank})
	}
	if !ok {
		inner, outer, ok = whole.peel(false)
	}
	if !ok || !whole.outdone(inner, outer) {
		return false
	}
	e.goOn(inner, outer, known)
	return true
}

// goOn turns to two limits. known: the questions about the inner one are
// answered.
func (e *Engine) goOn(inner, outer *reading, known bool) {
	e.split = &split{inner: inner, outer: outer}
	e.find("some refusals are not this limit's: another one stands behind it")
	qs := []inquiry{turn{outside: true}, &behind{}, &reopen{}, &identify{}, &behind{again: true}}
	if !known {
		qs = append(qs, turn{outside: false}, &identify{})
	}
	e.first(qs...)
}

// review reads the record as the verdict will, where something was hard to explain:
// what that sees and the run has not is still to be asked about.
type review struct{}

func (review) stage() string { return "limit" }

func (review) next(e *Engine, _ float64) (plan.Step, bool) {
	if e.split != nil || e.either != nil || e.whole || !e.doubted || e.log.inDoubt() > mostInDoubt {
		return plan.Step{}, false
	}
	x := e.path.read(e.rng())
	if !x.doubtful() || x.either() != nil {
		return plan.Step{}, false
	}
	if inner, outer, ok := x.peel(true); ok && x.outdone(inner, outer) {
		e.goOn(inner, outer, false)
	}
	return plan.Step{}, false
}

// mostInDoubt bounds the requests without an answer up to which a run that goes on
// is held up by a search for two limits: each doubles what it takes.
const mostInDoubt = 4

// turn makes one of two limits the subject of the questions that follow.
type turn struct{ outside bool }

func (turn) stage() string { return "limit" }

func (q turn) next(e *Engine, _ float64) (plan.Step, bool) {
	if e.split == nil {
		return plan.Step{}, false
	}
	e.split.outside = q.outside
	e.post, e.log.recovery, e.log.likely = nil, 0, nil
	e.attribute()
	return plan.Step{}, false
}

// pace is the seconds between requests at which the inner limit lets a caller
// through for good, and room how many it takes at once after a rest of so many
// seconds. Without an inner limit in the way all are zero.
func (e *Engine) pace() (gap, rest float64, room int) {
	if e.split == nil || !e.split.outside {
		return 0, 0, 0
	}
	top, _ := e.split.inner.post.leader()
	f := &e.split.inner.post.fits[top]
	if len(f.parts) == 0 {
		return 0, 0, 0
	}
	// Not the worst that the limit might be: figures that are not known yet may be
	// anything.
	q := f.settled()
	return paceMargin / q.v.Rate(q.p), paceMargin * q.v.Recovery(q.p), int(q.p.L)
}

// paceMargin keeps a steady series a little below the inner limit's rate.
const paceMargin = 1.1

// spaced spreads the sends so that the inner limit lets them all through.
func (e *Engine) spaced(sends []plan.Send) []plan.Send {
	gap, _, _ := e.pace()
	e.steady(sends, gap)
	return sends
}

// steady gives the sends a pace of one every gap seconds, none of them early. The gaps
// differ a little: where a window is a multiple of even ones, every request meets the
// end of an earlier one's, and it is never known on which side.
func (e *Engine) steady(sends []plan.Send, gap float64) {
	rng := e.rng()
	for i := range sends {
		sends[i].At = max(sends[i].At, duration((float64(i)+unevenness*rng.Float64())*gap))
	}
}

// unevenness is the share of a gap by which a request may be late: less than what
// paceMargin leaves.
const unevenness = 0.08

// sandwich is how far apart two refused controls may be for an admission between
// them to mean anything.
func (e *Engine) sandwich() float64 {
	gap, _, room := e.pace()
	if room < 3 {
		return max(sandwichSpan, 3*gap)
	}
	return sandwichSpan
}

// beyond asks whether a larger limit stands behind the one that is known: a
// steady series at nearly the rate that it lets through.
type beyond struct {
	sent    int
	refused bool    // a part of the series was, and the next one followed at once
	slower  float64 // by which the series is slowed down, since the known limit refused it
}

func (q *beyond) stage() string { return "limit" }

const furtherLimit = "does a larger limit stand behind this one?"

const (
	beyondRequests = 120 // at least, in all since the run began
	beyondSeconds  = 15  // at least
	// Behind a small or quick limit the search goes further, since it costs little
	// there: to beyondTimes the limit, and for as many cycles, up to smallLimit and
	// quickCycle seconds. From there on that falls to the least again.
	beyondTimes = 20
	smallLimit  = 20
	quickCycle  = 5
	beyondChunk = 24
)

func (q *beyond) next(e *Engine, now float64) (plan.Step, bool) {
	if e.post == nil || e.split != nil || e.either != nil {
		return plan.Step{}, false
	}
	c := e.log.baseline()
	refused := q.sent > 0 && e.log.last(c) == trace.Limited
	if refused {
		e.refit()
		if e.divide(true) {
			return plan.Step{}, false
		}
	}
	top, _ := e.post.leader()
	f := &e.post.fits[top]
	if len(f.parts) == 0 || !e.post.bounded() {
		return plan.Step{}, false
	}
	p := f.best1()
	gap, rest := paceMargin*(1+q.slower)/f.v.Rate(p.p), f.v.Recovery(p.p)
	requests, span := e.reach(p.p.L, gap, e.left(now))
	most := min(requests-e.log.admittedOf(e.log.base()), int(span/gap)-q.sent, e.spare())
	if refused && !q.refused { // to see what it does further on is worth a little more
		most = min(beyondChunk, e.spare())
	}
	if most <= 0 || rest > beyondSeconds {
		return plan.Step{}, false
	}
	if refused && q.refused && q.slower < 0.3 {
		q.slower += 0.1
		q.refused = false
		return plan.Step{
			Question: furtherLimit,
			Reason:   "it refused: after a rest only another limit refuses again",
			Start:    duration(now + 1.1*rest + 0.05),
			Sends:    burst(c, 2),
			Width:    1,
		}, true
	}
	step := plan.Step{
		Question:         furtherLimit,
		Reason:           "a steady series just below the rate that the known limit lets through",
		Sends:            burst(c, min(most, beyondChunk)),
		Width:            1,
		StopAfterLimited: 4,
	}
	e.steady(step.Sends, gap)
	if trip := medianTrip(e.log.samples); trip > gap { // to keep the pace
		step.Width = min(int(3*trip/gap)+1, e.inflight())
	}
	switch {
	case q.sent == 0:
		step.Start = duration(now + rest)
	default: // the series goes on
		q.refused = refused
		step.Start = duration(now + gap)
	}
	if now+rest+gap*float64(len(step.Sends)) > seconds(e.cfg.Budget.MaxDuration) {
		return plan.Step{}, false
	}
	q.sent += len(step.Sends)
	return step, true
}

// reach is how many requests of the baseline the search takes at most, in all, and
// how many seconds: the more the less it costs beside the rest, and enough for a
// larger limit that the headers state.
func (e *Engine) reach(limit, gap, left float64) (requests int, span float64) {
	further := func(x, most float64) float64 { return beyondTimes * min(x, 2*most-x) }
	requests = max(beyondRequests, int(further(limit, smallLimit)))
	span = max(beyondSeconds, further(limit*gap, quickCycle))
	c := e.claims[e.log.baseline()]
	if c == nil || c.larger <= limit {
		return requests, span
	}
	stated := int(claimedReach * c.larger)
	if took := float64(stated) * gap; stated < e.spare() && took < left/2 {
		requests, span = max(requests, stated), max(span, took)
	}
	return requests, span
}

// claimedReach is how many times a stated limit the series is long: some of it comes
// back meanwhile.
const claimedReach = 1.5

// admittedOf counts what one caller got through on the routes of the record.
func (r *record) admittedOf(id trace.Identity) int {
	n := 0
	for c, k := range r.admitted {
		if c.id == id {
			n += k
		}
	}
	return n
}
