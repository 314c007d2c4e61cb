package infer

import (
	"fmt"
	"math"
	"slices"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// A queue delays instead of refusing, or before it refuses: a caller who sends
// one request after another is paced to the queue's drain and never sees a
// refusal.

// backlogContrasts reads what other callers met while requests of the baseline
// waited: whoever has a queue of their own is answered at once, whoever shares
// the baseline's waits behind it, or is refused where it is full.
func (r *record) backlogContrasts(p *pacing) []contrast {
	base := r.baseline()
	var out []contrast
	for _, step := range r.steps() {
		for i, x := range step {
			c := counter{x.id, x.route}
			if c == base {
				continue
			}
			before, after := backlog(step[:i], base, p, -1), backlog(step[i+1:], base, p, 1)
			if before == 0 || after == 0 {
				continue
			}
			at := slices.IndexFunc(out, func(o contrast) bool { return o.id == x.id && o.route == x.route })
			if at < 0 {
				at = len(out)
				out = append(out, contrast{changes: changes(base, c), id: x.id, route: x.route})
			}
			wait := x.rtt - p.base
			// Where the queue was full all the same, it may have had the last place.
			switch least := min(min(before, after), max(p.most, p.longest)); {
			case x.outcome == trace.Limited || wait > 0.6*least:
				out[at].shared++
			case wait < 0.4*least:
				out[at].own++
			default:
				out[at].unclear++
			}
		}
	}
	return out
}

// backlog is how long the baseline's request next to a position waited, in
// seconds; 0 where that was not long enough to tell a queue from an idle one. A
// refusal says that the queue was full.
func backlog(xs []sample, base counter, p *pacing, side int) float64 {
	if side < 0 {
		xs = slices.Clone(xs)
		slices.Reverse(xs)
	}
	for _, x := range xs {
		if x.id != base.id || x.route != base.route {
			continue
		}
		if x.outcome == trace.Limited {
			return math.Inf(1)
		}
		if wait := x.rtt - p.base; wait > p.clear() {
			return wait
		}
		return 0
	}
	return 0
}

// clear is the least wait, in seconds, that tells a backlog from a single
// request before and from what disturbs an answer.
func (p *pacing) clear() float64 { return max(p.telling(), 2*leastHold+5*p.noise) }

// steps are the samples whose fate is known by step, in the order of sending,
// where others than the baseline took part.
func (r *record) steps() (out [][]sample) {
	base := r.baseline()
	by := map[int][]sample{}
	var order []int
	for _, x := range answered(r.samples) {
		if x.step == 0 {
			continue
		}
		if by[x.step] == nil {
			order = append(order, x.step)
		}
		by[x.step] = append(by[x.step], x)
	}
	for _, no := range order {
		xs := by[no]
		mixed := slices.ContainsFunc(xs, func(x sample) bool { return x.id != base.id || x.route != base.route })
		if mixed {
			slices.SortStableFunc(xs, func(a, b sample) int { return cmpFloat(a.sent, b.sent) })
			out = append(out, xs)
		}
	}
	return out
}

// queueing is a queue and whose it is.
type queueing struct {
	pacing
	cs     []contrast
	scopes []scope
	guards []string // the routes that it guards
	apart  bool     // the run met routes that it does not
}

// queueing reads the record as that of a queue. The first look asks for whose
// requests together a queue explains the answers best; what was asked on purpose
// says the rest.
func (r *record) queueing() (queueing, bool) {
	first, _ := r.paced(possible(r.roster))
	if first.rate == 0 {
		return queueing{}, false
	}
	q := queueing{}
	q.guards, q.apart = r.queued(&first)
	v := r
	if q.apart {
		v = r.view(policy{routes: q.guards, others: true})
	}
	q.cs = v.backlogContrasts(&first)
	q.scopes = v.candidates(q.cs)
	var ok bool
	q.pacing, ok = v.paced(q.scopes)
	return q, ok
}

// paced fits a queue to the baseline's counter under each of the scopes that
// split the record differently, and returns the one that explains most.
func (r *record) paced(scopes []scope) (best pacing, ok bool) {
	best.wrong = math.Inf(1)
	tested := r.tested()
	for _, s := range scopes {
		if s&^tested != 0 {
			continue
		}
		if p, fits := pace(r.split(s)[0]); p.rate > 0 && p.wrong < best.wrong {
			best, ok = p, fits
		}
	}
	return best, ok
}

// queued are the routes that the baseline's queue, or others like it, guard: all
// but those that let as many of its requests through at once as made the
// baseline wait.
func (r *record) queued(p *pacing) (routes []string, apart bool) {
	for i, route := range r.roster.Routes {
		if i > 0 && r.unheld(counter{r.base(), route}, p) {
			apart = true
			continue
		}
		routes = append(routes, route)
	}
	return routes, apart
}

// unheld says whether so many requests of c came in one step, and so close together,
// that the queue would have held the last ones back, and none waited.
func (r *record) unheld(c counter, p *pacing) bool {
	counts := map[int]int{}
	quick := map[int]bool{}
	first, last := map[int]float64{}, map[int]float64{} // instants of sending
	for _, x := range r.samples {
		if x.id != c.id || x.route != c.route || x.step == 0 {
			continue
		}
		counts[x.step]++
		if counts[x.step] == 1 {
			quick[x.step], first[x.step], last[x.step] = true, x.sent, x.sent
		}
		first[x.step], last[x.step] = min(first[x.step], x.sent), max(last[x.step], x.sent)
		if x.outcome == trace.Limited || x.rtt-p.base > p.clear() {
			quick[x.step] = false
		}
	}
	for step, n := range counts {
		let := int(math.Ceil((last[step] - first[step]) * p.rate)) // out of the queue meanwhile
		if quick[step] && n-let >= p.undelayed+apartBy(p) {
			return true
		}
	}
	return false
}

// apartBy is how many requests more than wait for nothing make a wait that cannot
// be missed.
func apartBy(p *pacing) int { return 2 + int(math.Ceil(p.clear()*p.rate)) }

// limit states the queue.
func (q *queueing) limit(r *record) verdict.Limit {
	l := verdict.Limit{Unit: "requests", Source: "measured", Equivalent: []string{}, Algorithm: verdict.LeakyQueue}
	stateScope(&l, q.scopes, q.cs, false)
	if q.apart {
		l.Routes = q.guards
	}
	err := max(2.5*q.rateError, 0.001*q.rate)
	l.RatePerS = &verdict.Figure{Value: q.rate, Lo: q.rate - err, Hi: q.rate + err}
	if round := nearestRound(q.rate); math.Abs(round-q.rate) <= err {
		l.RatePerS.Value = round
	}
	l.Undelayed = counted(q.undelayed, q.uLo, q.uHi)
	if q.taken > 0 {
		l.Burst = counted(q.taken, q.takenLo, q.takenHi)
		l.MaxDelayS = &verdict.Figure{Value: q.most, Lo: min(q.most, q.longest) - q.noise, Hi: q.most + 1/q.rate + q.noise}
	} else {
		l.Settle = fmt.Sprintf("it refused nothing that waited up to %.3g s; more requests at once would show whether it ever does", q.longest)
	}
	l.AlgorithmConfidence = round3(0.99 - 2*q.wrong)
	if q.backed < 2*leastBacked {
		l.AlgorithmConfidence -= 0.1
	}
	// A server that works on one request at a time spaces its answers as a queue
	// does, by the time that one takes.
	if busy := q.base * q.rate; busy > 0.6 && busy < 1.4 && q.undelayed == 1 {
		l.AlgorithmConfidence = 0.6
	}
	conf := l.AlgorithmConfidence * max(l.ScopeConfidence, 0.3)
	for _, vague := range []bool{err > 0.02*q.rate, q.uHi-q.uLo > 1, q.taken > 0 && q.takenHi-q.takenLo > 1} {
		if vague {
			conf *= 0.9
		}
	}
	l.Confidence = round3(conf)
	l.Rejection.Statuses = r.rejectionStatuses()
	l.Rejection.RetryAfter.Verdict = "absent"
	l.Evidence = []verdict.Evidence{{
		Claim:        fmt.Sprintf("requests that came together were answered one every %.3g s, in the order of their sending", 1/q.rate),
		Observations: q.seqs[:min(len(q.seqs), 12)],
	}}
	for i := range q.cs {
		l.Evidence = append(l.Evidence, r.backlogEvidence(&q.cs[i])...)
	}
	return l
}

// backlogEvidence words what a caller met while the baseline waited.
func (r *record) backlogEvidence(c *contrast) []verdict.Evidence {
	claim := ""
	switch c.vote() {
	case 1:
		claim = r.differs(c) + " was answered at once while the baseline waited"
	case -1:
		claim = r.differs(c) + " waited together with the baseline"
	default:
		return nil
	}
	var seqs []int
	for _, x := range r.samples {
		if x.id == c.id && x.route == c.route && x.step > 0 && len(seqs) < 8 {
			seqs = append(seqs, x.seq)
		}
	}
	return []verdict.Evidence{{Claim: claim, Observations: seqs}}
}

func counted(n, lo, hi int) *verdict.Figure {
	return &verdict.Figure{Value: float64(n), Lo: float64(min(n, lo)), Hi: float64(max(n, hi))}
}

// nearestRound is the round rate nearest to x: a whole number of up to two digits
// a second or a minute.
func nearestRound(x float64) float64 {
	best := math.Inf(1)
	for _, per := range []float64{1, 60} {
		v := x * per
		if v < 0.5 {
			continue
		}
		unit := math.Pow(10, max(0, math.Floor(math.Log10(v))-1))
		if round := math.Round(v/unit) * unit / per; math.Abs(round-x) < math.Abs(best-x) {
			best = round
		}
	}
	return best
}
