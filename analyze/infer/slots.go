package infer

import (
	"fmt"
	"math"
	"slices"

	"apisonde/analyze/verdict"
	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// A limit on requests in flight refuses only while others are under way: one
// request at a time is never refused, and the same burst gets the same number
// through however often it is sent. A rate limit that a burst exhausted lets
// fewer through the next time.

// flight is one burst of the baseline: how many it let through and refused.
type flight struct {
	step               int
	admitted, rejected int
	seqs               []int
	// reused: it took so long to leave that slots may have been free again for its
	// last requests, so that more got through than there are.
	reused bool
}

// flights are the bursts of the baseline in which something was refused, in
// order. alone is whether some request was refused with no other under way.
func (r *record) flights() (out []flight, alone bool) {
	base := r.baseline()
	var mine []sample
	for _, x := range r.samples {
		if x.id == base.id && x.route == base.route && (x.outcome == trace.Admitted || x.outcome == trace.Limited) {
			mine = append(mine, x)
		}
	}
	for i, x := range mine {
		n := len(out)
		if n == 0 || out[n-1].step != x.step {
			end := i
			for end < len(mine) && mine[end].step == x.step {
				end++
			}
			out = append(out, flight{step: x.step, reused: reused(mine[i:end])})
			n++
		}
		f := &out[n-1]
		if x.outcome == trace.Admitted {
			f.admitted++
		} else {
			f.rejected++
		}
		f.seqs = append(f.seqs, x.seq)
	}
	return slices.DeleteFunc(out, func(f flight) bool { return f.rejected == 0 }), refusedAlone(mine)
}

// reused says whether the requests of a burst left over a longer time than one holds
// its slot. That is how much longer an admission takes than a refusal, which skips
// the handler.
func reused(xs []sample) bool {
	first, last := math.Inf(1), math.Inf(-1)
	trip := [2]float64{math.Inf(1), math.Inf(1)} // the shortest, by class
	for _, x := range xs {
		first, last = min(first, x.sent), max(last, x.sent)
		trip[class(x.outcome)] = min(trip[class(x.outcome)], x.rtt)
	}
	return last-first > max(0, trip[1]-trip[0])
}

// refusedAlone says whether one of xs was refused with no other under way.
func refusedAlone(xs []sample) bool {
	xs = slices.Clone(xs)
	slices.SortStableFunc(xs, func(a, b sample) int { return cmpFloat(a.sent, b.sent) })
	busy := math.Inf(-1) // until when those sent before were under way
	for i, x := range xs {
		end := x.sent + x.rtt
		if x.outcome == trace.Limited && busy <= x.sent && (i+1 == len(xs) || xs[i+1].sent >= end) {
			return true
		}
		busy = max(busy, end)
	}
	return false
}

// slots says whether the refusals are those of a limit on requests in flight,
// and how many it lets in. Of bursts that may have used slots twice the smallest
// count is all that is known: an upper end.
func (r *record) slots() (fs []flight, lo, hi int, ok bool) {
	fs, alone := r.flights()
	if alone || len(fs) < slotBursts {
		return nil, 0, 0, false
	}
	whole := slices.DeleteFunc(slices.Clone(fs), func(f flight) bool { return f.reused })
	if len(whole) >= slotBursts {
		fs = whole
	}
	lo, hi = math.MaxInt, 0
	for _, f := range fs {
		lo, hi = min(lo, f.admitted), max(hi, f.admitted)
	}
	ok = lo > 0 && hi-lo <= max(1, hi/5)
	if len(whole) < slotBursts {
		lo, hi = 1, lo
	}
	return fs, lo, hi, ok
}

// slotMargin is by how many requests, at least, a burst is larger than what a burst got
// through before.
const slotMargin = 4

// slotBursts is how often a burst has to be cut at the same number.
const slotBursts = 3

// flying asks whether what a burst met is a limit on requests in flight: single
// requests, then the burst again, twice; then, with the slots taken, others.
type flying struct {
	round int
	size  int
}

func (q *flying) stage() string { return "limit" }

func (q *flying) next(e *Engine, _ float64) (plan.Step, bool) {
	fs, alone := e.log.flights()
	if alone || len(fs) == 0 {
		return plan.Step{}, false
	}
	c := e.log.baseline()
	if q.size == 0 {
		f := fs[len(fs)-1]
		q.size = min(f.admitted+max(slotMargin, f.admitted/4), e.cfg.Budget.MaxInflight, e.spare()/4)
	}
	q.round++
	void := 0 // bursts that say too little, for which others are sent
	for _, f := range fs {
		if f.reused {
			void++
		}
	}
	most := 5 + 2*min(void, 2)
	switch {
	case q.round > 1 && q.round%2 == 0 && e.log.last(c) == trace.Limited:
		return plan.Step{}, false
	case q.round <= most && q.round%2 == 1:
		return plan.Step{
			Question:         "is one request at a time ever refused?",
			Reason:           "a limit on requests in flight refuses only while others are under way",
			Sends:            burst(c, 3),
			Width:            1,
			StopAfterLimited: 1,
		}, true
	case q.round <= most:
		return plan.Step{
			Question: "does the same burst get the same number through again?",
			Reason:   "slots are free again as soon as the answers are there; spent quota is not",
			Sends:    burst(c, q.size),
			Width:    q.size,
		}, true
	}
	if _, _, _, ok := e.log.slots(); !ok || q.round > most+2 {
		return plan.Step{}, false
	}
	return q.whose(e), true
}

// whose takes every slot with the baseline and sends the others meanwhile.
func (q *flying) whose(e *Engine) plan.Step {
	c := e.log.baseline()
	took, _ := e.log.holding()
	hold := duration(took / 2)
	sends := burst(c, q.size)
	add := func(id trace.Identity, route string) {
		sends = append(sends, plan.Send{At: hold, Identity: id, Route: route})
	}
	others := singles(e.log.roster)
	if len(others) > 1 {
		others = append(others, union(e.log.roster, others))
	}
	each := 1
	if medianTrip(e.log.samples) > longTrip { // one may come when a slot is free again
		_, _, hi, _ := e.log.slots()
		each = max(1, min(slotProbes, hi/2)) // of two others that may have slots in common
	}
	for _, v := range others {
		for range each {
			add(v.id, v.route)
		}
	}
	add(c.id, c.route)
	return plan.Step{
		Question: "whose slots are they?",
		Reason:   "while the baseline's slots are taken, a caller with slots of its own is let through",
		Sends:    sends,
		Width:    len(sends),
	}
}

// slotProbes is how many requests of another caller come together over a long way.
const slotProbes = 3

// slotContrasts reads from the bursts what other callers met while the
// baseline's slots were taken. Where one of theirs was refused, that had slots of its
// own left if it has any, they are shared, whatever came when one was free again.
func (r *record) slotContrasts(capacity int) []contrast {
	base := r.baseline()
	var out []contrast
	for _, x := range r.samples {
		c := counter{x.id, x.route}
		if c == base || x.outcome != trace.Admitted && x.outcome != trace.Limited {
			continue
		}
		taken, refused, alike := 0, false, 0
		for _, y := range r.samples {
			if y.step != x.step {
				continue
			}
			if y.id != base.id || y.route != base.route {
				if shareValue(x, y, changes(base, c)) {
					alike++
				}
				continue
			}
			if y.outcome == trace.Admitted && y.sent < x.sent && y.sent+y.rtt > x.sent+min(x.rtt, 0.5*y.rtt) {
				taken++
			}
			refused = refused || y.outcome == trace.Limited
		}
		if taken < capacity || !refused {
			continue
		}
		at := slices.IndexFunc(out, func(o contrast) bool { return o.id == x.id && o.route == x.route })
		if at < 0 {
			at = len(out)
			out = append(out, contrast{changes: changes(base, c), id: x.id, route: x.route})
		}
		switch {
		case x.outcome == trace.Admitted:
			out[at].own++
		case alike <= capacity:
			out[at].shared++
		default:
			out[at].unclear++
		}
	}
	blurred := r.blurred()
	for i := range out {
		if c := &out[i]; c.shared > 0 || blurred > mostBlurred {
			c.own, c.unclear = 0, c.unclear+c.own
		}
	}
	return out
}

// holding is how long a request holds its slot, and by how much trips differ, in
// seconds; zeros where nothing was refused.
func (r *record) holding() (took, spread float64) {
	var trips [2][]float64 // by class
	for _, x := range r.samples {
		if x.id == r.base() && (x.outcome == trace.Admitted || x.outcome == trace.Limited) {
			trips[class(x.outcome)] = append(trips[class(x.outcome)], x.rtt)
		}
	}
	refused, admitted := trips[class(trace.Limited)], trips[class(trace.Admitted)]
	if len(refused) == 0 || len(admitted) == 0 {
		return 0, 0
	}
	_, spread = describe(refused)
	return max(1e-4, slices.Min(admitted)-slices.Min(refused)), spread
}

// blurred is how many times as much trips differ as a request holds its slot.
func (r *record) blurred() float64 {
	took, spread := r.holding()
	if took == 0 {
		return 0
	}
	return spread / took
}

// mostBlurred is how blurred instants may be for an admission to mean anything, and
// sharp how blurred they may be for it to be sure.
const mostBlurred, sharp = 2.5, 0.8

// shareValue says whether x and y have the same value in one of the dimensions.
func shareValue(x, y sample, ds scope) bool {
	return slices.ContainsFunc(dims, func(d trace.Dim) bool {
		return ds.has(d) && x.id.Value(d, x.route) == y.id.Value(d, y.route)
	})
}

// blurredConfidence is the most that is stated of a scope where a request may have come
// when a slot was free again.
const blurredConfidence = 0.9

// inFlight states a limit on requests in flight.
func (r *record) inFlight() verdict.Limit {
	fs, lo, hi, _ := r.slots()
	counts := map[int]int{}
	most := 0
	for _, f := range fs {
		counts[f.admitted]++
		if counts[f.admitted] > counts[most] || counts[f.admitted] == counts[most] && f.admitted > most {
			most = f.admitted
		}
	}
	l := verdict.Limit{Unit: "requests", Source: "measured", Algorithm: verdict.Concurrency, Equivalent: []string{}}
	vague := slices.ContainsFunc(fs, func(f flight) bool { return f.reused })
	capacity := lo
	if vague {
		most, capacity = hi, hi
	}
	cs := r.slotContrasts(capacity)
	stateScope(&l, r.candidates(cs), cs, false)
	l.Limit = &verdict.Figure{Value: float64(most), Lo: float64(lo), Hi: float64(hi)}
	l.AlgorithmConfidence = 0.97
	if lo != hi {
		l.AlgorithmConfidence = 0.9
	}
	if r.blurred() > sharp {
		l.ScopeConfidence = min(l.ScopeConfidence, blurredConfidence)
	}
	l.Confidence = round3(l.AlgorithmConfidence * max(l.ScopeConfidence, 0.5))
	if vague {
		doubt(&l, "the bursts took longer to leave than a request holds its slot, so that slots may have been used twice: bursts from a machine with less to do would show how many there are")
	}
	l.Rejection.Statuses = r.rejectionStatuses()
	l.Rejection.RetryAfter.Verdict = "absent"
	for _, f := range fs {
		l.Evidence = append(l.Evidence, verdict.Evidence{
			Claim:        fmt.Sprintf("of %d requests at once %d got through, and single requests before and after all did", f.admitted+f.rejected, f.admitted),
			Observations: f.seqs,
		})
	}
	for i := range cs {
		l.Evidence = append(l.Evidence, r.contrastEvidence(&cs[i])...)
	}
	return l
}
