package infer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// A window may slow its callers down instead of refusing them: past so many
// requests answers are held back, each longer than the one before or all alike,
// until the window ends and answers are quick again. To be held back is then what
// to be refused is elsewhere, and the same questions tell whose window it is and
// how long.

// lateness is the round trip that tells answers that are held back from quick
// ones.
type lateness struct {
	above float64 // seconds; 0: none are held back
	quick float64 // seconds that a quick answer takes
}

// apply reads an answer that was held back as a refusal. What held it back was
// decided when it came in, not when it was answered.
func (l lateness) apply(x sample) sample {
	if l.above > 0 && x.outcome == trace.Admitted && x.rtt > l.above {
		x.outcome, x.rtt, x.held = trace.Limited, l.quick, true
	}
	return x
}

// heldRun is how many of the latest answers have to take far longer than others
// to make it worth asking whether something holds them back; latest, how many are
// looked at.
const heldRun, latest = 4, 6

// dragging says whether the latest answers to c were held back, or those of its
// latest burst the longer the later they were sent.
func (r *record) dragging(c counter) bool {
	least := math.Inf(1)
	var xs []sample
	for _, x := range r.samples {
		if x.id == c.id && x.route == c.route && x.outcome == trace.Admitted {
			least = min(least, x.rtt)
			xs = append(xs, x)
		}
	}
	if len(xs) < heldRun+1 {
		return false
	}
	last := xs[len(xs)-1]
	slow := 0
	for _, x := range xs[max(0, len(xs)-latest):] {
		if x.rtt > slowAbove(least) {
			slow++
		}
	}
	var burst []sample
	for _, x := range xs {
		if x.step == last.step {
			burst = append(burst, x)
		}
	}
	slices.SortStableFunc(burst, func(a, b sample) int { return cmpFloat(a.sent, b.sent) })
	return slow >= heldRun || rising(burst)
}

// lagging says whether the latest answers to c were slow, though too few to tell why.
func (r *record) lagging(c counter) bool {
	above, slow := r.usual(c), 0
	for i := len(r.samples) - 1; i >= 0 && slow < lagRun; i-- {
		x := r.samples[i]
		if x.id != c.id || x.route != c.route || x.outcome != trace.Admitted || x.rtt <= above {
			return false
		}
		slow++
	}
	return slow == lagRun
}

// lagRun is how many answers have to be slow in a row for that.
const lagRun = 2

// dragged says whether so many answers to c were slow that it is worth asking why.
func (r *record) dragged(c counter) bool {
	least, slow := math.Inf(1), 0
	for _, again := range []bool{false, true} {
		for _, x := range r.samples {
			if x.id != c.id || x.route != c.route || x.outcome != trace.Admitted {
				continue
			}
			if !again {
				least = min(least, x.rtt)
			} else if x.rtt > slowAbove(least) {
				slow++
			}
		}
	}
	return slow >= heldRun
}

// usual is a round trip, in seconds, beyond which an answer to c is slow.
func (r *record) usual(c counter) float64 {
	least := math.Inf(1)
	for _, x := range r.samples {
		if x.id == c.id && x.outcome == trace.Admitted {
			least = min(least, x.rtt)
		}
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return slowAbove(least)
}

// rising says whether the later of requests that came together waited longer, by
// far more than the first of them took.
func rising(xs []sample) bool {
	if len(xs) < 8 {
		return false
	}
	half := len(xs) / 2
	var most, late float64
	for i, x := range xs {
		if i < half {
			most = max(most, x.rtt)
		} else if x.rtt < most {
			late++
		}
	}
	return late <= float64(len(xs))/10 && xs[len(xs)-1].rtt-xs[0].rtt > 0.03+xs[0].rtt/2
}

// lateness splits the baseline's answers into quick ones and those that were held
// back, where they fall apart.
func (r *record) lateness() lateness {
	base := r.baseline()
	var ts []float64
	for _, x := range r.samples {
		if x.id == base.id && x.route == base.route && x.outcome == trace.Admitted {
			ts = append(ts, x.rtt)
		}
	}
	slices.Sort(ts)
	best, at := 0.0, 0
	for i := 1; i < len(ts); i++ {
		gap, spread := ts[i]-ts[i-1], ts[i-1]-ts[0]
		if score := gap / (0.01 + spread); gap > 0.02+spread && score > best {
			best, at = score, i
		}
	}
	held := ts[at:]
	if at == 0 || len(held) < heldRun {
		return lateness{}
	}
	// A quick answer that met a hiccup may be among them; it has no fellow, and is no
	// first of several that grow evenly.
	first := held[0]
	for i := 1; i < len(held); i++ {
		if sameWait(held[i], held[i-1]) || i+1 < len(held) && sameWait(held[i+1]-held[i], held[i]-held[i-1]) && sameWait(held[i]-held[i-1], held[i-1]-ts[0]) {
			first = held[i-1]
			break
		}
	}
	return lateness{above: ts[0] + 0.5*(first-ts[0]), quick: ts[at/2]}
}

// sameWait says whether two waits, in seconds, are the same but for what the way adds.
func sameWait(a, b float64) bool { return math.Abs(a-b) < 0.003+0.03*max(a, b) }

// slowing is a window that slows down, read as one that refuses.
type slowing struct {
	*reading
	late   lateness
	guards []string
	apart  bool
}

// slowing reads the record as that of such a window. It says whether one explains
// every answer.
func (r *record) slowing(rng *rand.Rand) (slowing, bool) {
	s := slowing{late: r.lateness()}
	if s.late.above == 0 {
		return s, false
	}
	s.guards, s.apart = r.slowed(s.late)
	if s.read(r, rng) {
		return s, true
	}
	// What was sent along other paths may have spent the same counter.
	all := slowing{late: s.late, guards: r.roster.Routes}
	if s.apart && all.read(r, rng) {
		return all, true
	}
	return s, false
}

// read reads the record of the guarded paths. It says whether a window explains it.
func (s *slowing) read(r *record, rng *rand.Rand) bool {
	v := r.view(policy{routes: s.guards, others: s.apart, late: s.late})
	v.byTime()
	if n, limited := v.spent(); !limited || n == 0 {
		return false
	}
	s.reading = v.read(rng)
	return s.explains()
}

// slowed are the routes on which the baseline is slowed down, or was not asked
// enough to say.
func (r *record) slowed(late lateness) (routes []string, apart bool) {
	v := r.view(policy{routes: r.roster.Routes, late: late})
	v.byTime()
	n, _ := v.fromRest(v.baseline())
	for i, route := range r.roster.Routes {
		if m, limited := v.fromRest(counter{r.base(), route}); i > 0 && !limited && m >= n+heldRun {
			apart = true
			continue
		}
		routes = append(routes, route)
	}
	return routes, apart
}

// byTime puts the samples in the order in which they were sent: one that is held
// back is answered after later ones.
func (r *record) byTime() {
	slices.SortStableFunc(r.samples, func(a, b sample) int { return cmpFloat(a.sent, b.sent) })
}

// holds are the longest waits of the baseline and, where they stop growing with
// the number of requests, the bound they stop at.
func (r *record) holds(late lateness) (longest, bound float64) {
	base := r.baseline()
	var ts []float64
	for _, x := range r.samples {
		if x.id == base.id && x.route == base.route && x.outcome == trace.Admitted && x.rtt > late.above {
			ts = append(ts, x.rtt-late.quick)
		}
	}
	slices.Sort(ts)
	n := len(ts)
	longest = ts[n-1]
	// At the bound many waits are alike; below it they differ by a step.
	if few := max(heldRun, n/8); n > few && ts[n-1]-ts[n-1-few] < 0.03*longest+0.02 {
		bound = ts[n-1-few/2]
	}
	return longest, bound
}

// limit states a window that slows down.
func (s *slowing) limit(r *record, t trace.Trace) verdict.Limit {
	l := s.layer(t)
	longest, bound := r.holds(s.late)
	if s.apart {
		l.Routes = s.guards
	}
	if l.Algorithm == verdict.Unknown {
		l.Confidence = min(l.Confidence, 0.5)
		return l
	}
	l.Algorithm, l.Equivalent = verdict.LeakyQueue, []string{}
	l.Undelayed, l.Burst = l.Limit, nil
	if l.WindowS != nil { // else a bucket that delays: its rate stands
		l.RatePerS = nil
	}
	l.Rejection.CountsAgainstLimit, l.Rejection.PenaltyS, l.Rejection.PenaltyExtends = nil, nil, nil
	if refused := r.refusedAfter(); refused > 0 {
		l.Limit = counted(refused, refused, refused)
		l.Burst = l.Limit
		bound = longest
	}
	if bound > 0 {
		l.MaxDelayS = &verdict.Figure{Value: bound, Lo: bound * 0.98, Hi: max(longest, bound*1.02)}
	} else {
		l.Settle = fmt.Sprintf("delays grew up to %.3g s; more requests in one window would show whether they go on growing", longest)
	}
	l.Confidence = round3(min(l.Confidence, 0.97))
	var seqs []int
	for _, x := range r.samples {
		if x.outcome == trace.Admitted && x.rtt > s.late.above && len(seqs) < 8 {
			seqs = append(seqs, x.seq)
		}
	}
	l.Evidence = append([]verdict.Evidence{{
		Claim:        fmt.Sprintf("requests past the first %d in a window were not refused but answered up to %.3g s later", int(stated(l.Undelayed)), longest),
		Observations: seqs,
	}}, l.Evidence...)
	return l
}

// refusedAfter counts the baseline's requests in the step in which the first of
// them was refused, up to then; 0 where none was.
func (r *record) refusedAfter() int {
	base := r.baseline()
	var xs []sample
	for _, x := range r.samples {
		if x.id == base.id && x.route == base.route {
			xs = append(xs, x)
		}
	}
	slices.SortStableFunc(xs, func(a, b sample) int { return cmpFloat(a.sent, b.sent) })
	n, step := 0, -1
	for _, x := range xs {
		if x.step != step {
			n, step = 0, x.step
		}
		switch x.outcome {
		case trace.Admitted:
			n++
		case trace.Limited:
			if n > 0 {
				return n
			}
		}
	}
	return 0
}
