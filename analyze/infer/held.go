package infer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"apisonde/analyze/verdict"
	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// held asks what holds answers back: a queue, which is empty again once it has
// worked off what came, or a window, which remembers.
type held struct {
	c       counter
	size    int // of the next stream
	streams int
	single  bool
	rounds  int
	asked   map[string]bool
	drain   *drain // goes on where nothing of the kind explains the answers
}

func (q *held) stage() string { return "limit" }

const (
	firstStream = 24
	// Requests that would wait longer than this, in seconds, are not sent: a
	// client does not wait for ever, nor does a server keep connections.
	longestWait = 12
	queueRounds = 2
	fineRate    = 0.003 // relative error of a rate that needs no more looks
)

// ponder turns to the question what holds c's answers back.
func ponder(e *Engine, c counter, d *drain) {
	e.turnTo(subject(e, c))
	e.find(fmt.Sprintf("answers to %s on %s slow down with the number of requests", c.id, c.route))
	e.first(&held{c: c, drain: d, size: firstStream, asked: map[string]bool{}})
}

// subject is the policy of all routes with that of c first.
func subject(e *Engine, c counter) policy {
	routes := []string{c.route}
	for _, r := range e.all.roster.Routes {
		if r != c.route {
			routes = append(routes, r)
		}
	}
	return policy{routes: routes}
}

func (q *held) next(e *Engine, now float64) (plan.Step, bool) {
	r := e.path
	if q.streams == 0 {
		return q.stream(e, now, q.lull(r))
	}
	if !q.single {
		q.single = true
		return plan.Step{
			Question: "is it a queue or a window?",
			Reason:   "a queue is empty again once it has answered; a window remembers",
			Start:    duration(now + q.gap(r)*1.5 + 0.05),
			Sends:    burst(q.c, 1),
			Width:    1,
		}, true
	}
	line, ok := r.queueing()
	if line.rate > 0 && line.wrong <= mostWrong && line.backed < leastBacked && q.streams < 4 {
		return q.stream(e, now, q.lull(r)) // a short queue shows little at a time
	}
	if !ok {
		return q.other(e)
	}
	e.log = e.path
	rest := float64(line.undelayed)/line.rate*1.05 + 0.03
	if step, ok := q.deeper(e, now, &line, rest); ok {
		return step, true
	}
	if step, ok := q.whose(e, now, &line, rest); ok {
		return step, true
	}
	if step, ok := q.elsewhere(e, now, &line, rest); ok {
		return step, true
	}
	if line.rateError > fineRate*line.rate && q.streams < 8 {
		q.size = line.undelayed + min(60, int(line.rate*2)+8)
		return q.stream(e, now, rest)
	}
	e.find(fmt.Sprintf("a queue holds them back: it lets %s a second through", plain(line.rate)))
	return plan.Step{}, false
}

// other turns to what it is if not a queue.
func (q *held) other(e *Engine) (plan.Step, bool) {
	s, ok := e.path.slowing(rand.New(rand.NewPCG(e.cfg.Seed, 7)))
	switch {
	case s.late.above > 0 && (ok || s.reading != nil && s.post != nil && !e.all.ever(q.c, trace.Limited)):
		p := subject(e, q.c)
		p.late = s.late
		e.turnTo(p)
		e.find("a window slows its callers down past so many requests")
		e.then(&whose{}, &apart{c: q.c}, &reopen{}, &identify{}, &whose{again: true}, &slowest{})
	case e.all.ever(q.c, trace.Limited):
		settle(e, q.c)
	default:
		e.turnTo(policy{routes: e.all.roster.Routes})
		q.drain.pondered = true
		e.then(q.drain)
	}
	return plan.Step{}, false
}

// gap is how long an answer is usually held back behind the one before.
func (q *held) gap(r *record) float64 {
	xs := answered(r.samples)
	gap, _ := roughGap(xs)
	return min(gap, 5)
}

// lull is a pause after which a queue that showed so far is empty.
func (q *held) lull(r *record) float64 {
	gap := q.gap(r)
	xs := answered(r.samples)
	_, least := roughGap(xs)
	quick := 0
	for _, x := range xs {
		if x.id == q.c.id && x.route == q.c.route && x.rtt <= slowAbove(least) {
			quick++
		}
	}
	q.size = max(q.size, min(quick, 300)+12)
	return min(gap*float64(quick+2)+0.05, 15)
}

// stream sends requests of the baseline close together, so that their order is
// known and the answers wait for one another.
func (q *held) stream(e *Engine, now, rest float64) (plan.Step, bool) {
	n := min(q.size, e.spare(), e.inflight())
	q.streams++
	return plan.Step{
		Question:         "how many requests does it take at once, and how long do they wait?",
		Reason:           "requests close together, until two are refused",
		Start:            duration(now + rest),
		Sends:            q.close(e, burst(q.c, n)),
		Width:            n,
		StopAfterLimited: 2,
	}, n > 1
}

// inflight is how many requests may be under way at once.
func (e *Engine) inflight() int {
	if m := e.cfg.Budget.MaxInflight; m > 0 {
		return m
	}
	return 256
}

// close spaces sends closely: far enough apart that they arrive in order, and that
// few are on their way when the first refusal comes back.
func (q *held) close(e *Engine, sends []plan.Send) []plan.Send {
	_, least := roughGap(answered(e.path.samples))
	apart := duration(min(max(0.001, least/8), 0.01))
	for i := range sends {
		sends[i].At = time.Duration(i) * apart
	}
	return sends
}

// deeper sends longer streams until some of one are refused, and once more to see
// the same again.
func (q *held) deeper(e *Engine, now float64, line *queueing, rest float64) (plan.Step, bool) {
	seen := q.refusals(e.path)
	switch {
	case seen >= 2 || q.streams >= 8:
		return plan.Step{}, false
	case seen == 1:
		q.size = line.taken + 4 + int(math.Ceil(0.02*line.rate*float64(line.taken)/8))
	default:
		most := min(e.inflight(), line.undelayed+int(longestWait*line.rate), e.spare()/2)
		if q.size >= most {
			return plan.Step{}, false
		}
		q.size = min(2*q.size, most)
	}
	if float64(q.size)/line.rate > e.left(now) {
		return plan.Step{}, false
	}
	return q.stream(e, now, rest)
}

// refusals counts the steps in which the baseline was refused.
func (q *held) refusals(r *record) int {
	steps := map[int]bool{}
	for _, x := range r.samples {
		if x.id == q.c.id && x.route == q.c.route && x.outcome == trace.Limited {
			steps[x.step] = true
		}
	}
	return len(steps)
}

// whose sends others while requests of the baseline wait, each between two more of
// its own.
func (q *held) whose(e *Engine, now float64, line *queueing, rest float64) (plan.Step, bool) {
	r := e.path
	ask := singles(r.roster)
	if q.rounds > 0 && q.rounds%2 == 1 && len(ask) > 1 {
		var kept []contrast
		for _, c := range ask {
			for _, s := range line.cs {
				if s.id == c.id && s.route == c.route && s.vote() < 0 {
					kept = append(kept, c)
				}
			}
		}
		if len(kept) > 1 { // two queues in a row hide behind each other
			ask = append(ask, union(r.roster, kept))
		}
	}
	if q.rounds >= queueRounds && (q.rounds >= 2*queueRounds || settledAll(ask, line.cs)) || len(ask) == 0 {
		return plan.Step{}, false
	}
	q.rounds++
	ahead := line.undelayed + max(5, int(math.Ceil(3*line.clear()*line.rate)))
	if line.taken > 0 {
		ahead = min(ahead, line.taken)
	}
	sends := burst(q.c, ahead)
	for _, c := range ask {
		sends = append(sends, plan.Send{Identity: c.id, Route: c.route}, plan.Send{Identity: q.c.id, Route: q.c.route})
	}
	if len(sends) > e.spare() || len(sends) > e.inflight() {
		return plan.Step{}, false
	}
	return plan.Step{
		Question: "whose queue is it?",
		Reason:   "while requests of the baseline wait, a caller that differs in one thing is answered at once only if that thing has a queue of its own",
		Start:    duration(now + rest),
		Sends:    q.close(e, sends),
		Width:    len(sends),
	}, true
}

// settledAll says whether every contrast was seen one way more often than another.
func settledAll(ask, seen []contrast) bool {
	for _, c := range ask {
		ok := false
		for _, s := range seen {
			ok = ok || s.id == c.id && s.route == c.route && s.vote() != 0
		}
		if !ok {
			return false
		}
	}
	return true
}

// elsewhere asks whether paths that do not share the queue have one at all.
func (q *held) elsewhere(e *Engine, now float64, line *queueing, rest float64) (plan.Step, bool) {
	for _, s := range line.cs {
		if s.id != q.c.id || s.vote() <= 0 || q.asked[s.route] {
			continue
		}
		q.asked[s.route] = true
		n := line.undelayed + apartBy(&line.pacing) + 2
		if n > e.spare() || n > e.inflight() {
			continue
		}
		return plan.Step{
			Question: "does " + s.route + " hold requests back too?",
			Reason:   "it answered at once while others waited: it has a queue of its own, or none",
			Start:    duration(now + rest),
			Sends:    q.close(e, burst(counter{q.c.id, s.route}, n)),
			Width:    n,
		}, true
	}
	return plan.Step{}, false
}

// apart asks of the paths that were not slowed down together with the one under
// study whether they are slowed down at all.
type apart struct {
	c     counter
	asked map[string]bool
}

func (q *apart) stage() string { return "scope" }

func (q *apart) next(e *Engine, _ float64) (plan.Step, bool) {
	if q.asked == nil {
		q.asked = map[string]bool{}
	}
	n, _ := e.path.fromRest(q.c)
	for _, s := range e.path.contrasts() {
		if s.id != q.c.id || s.vote() <= 0 || q.asked[s.route] || n+heldRun > e.spare() {
			continue
		}
		q.asked[s.route] = true
		return plan.Step{
			Question:         "does " + s.route + " slow down too?",
			Reason:           "it answered at once while others were held back: it counts for itself, or not at all",
			Sends:            burst(counter{q.c.id, s.route}, n+heldRun),
			Width:            1,
			StopAfterLimited: 2,
		}, true
	}
	if guards, some := e.all.view(subject(e, q.c)).slowed(e.path.late); some {
		e.turnTo(policy{routes: guards, others: true, late: e.path.late})
	}
	return plan.Step{}, false
}

// slowest asks how far delays grow, and whether anything is refused in the end.
type slowest struct{ asked bool }

func (q *slowest) stage() string { return "limit" }

func (q *slowest) next(e *Engine, _ float64) (plan.Step, bool) {
	c := e.path.baseline()
	n, _ := e.path.fromRest(c)
	longest, bound := e.all.view(policy{routes: e.path.roster.Routes}).holds(e.path.late)
	if q.asked || bound > 0 || e.post == nil {
		return plan.Step{}, false
	}
	q.asked = true
	step := e.path.late.above * 2
	more := min(60, int(longestWait/max(step, 0.05)), e.spare()/2, e.inflight()-n)
	if more < heldRun || longest > longestWait {
		return plan.Step{}, false
	}
	sends := burst(c, n+more)
	for i := range sends {
		sends[i].At = time.Duration(i) * time.Millisecond
	}
	return plan.Step{
		Question:         "how far do delays grow?",
		Reason:           "many requests at once within one window: each is held back longer, up to a bound",
		Sends:            sends,
		Width:            len(sends),
		StopAfterLimited: 3,
	}, true
}

// unhurried fits a step to answers that are held back: to wait for each before
// the next is sent would upset its times.
func (e *Engine) unhurried(step plan.Step) plan.Step {
	if e.path.late.above == 0 {
		return step
	}
	step.Late = duration(e.path.late.above)
	timed := step.Latest() > 0
	if !timed && step.StopAfterLimited == 0 && len(step.Sends) > 1 {
		for i := range step.Sends {
			step.Sends[i].At = time.Duration(i) * 3 * time.Millisecond
		}
		timed = true
	}
	if timed && step.Width == 1 {
		step.Width = min(len(step.Sends), 16, e.inflight())
	}
	return step
}

// delaying states what holds answers back, if anything that is known does.
func (r *record) delaying(t trace.Trace) (verdict.Limit, bool) {
	for i, route := range r.roster.Routes {
		c := counter{r.base(), route}
		if !r.dragged(c) {
			continue
		}
		routes := slices.Delete(slices.Clone(r.roster.Routes), i, i+1)
		v := r.view(policy{routes: append([]string{route}, routes...)})
		if q, ok := v.queueing(); ok {
			return q.limit(v), true
		}
		if s, ok := v.slowing(rand.New(rand.NewPCG(t.Meta.Seed, 0x3c6ef372))); ok {
			return s.limit(v, t), true
		}
	}
	return verdict.Limit{}, false
}
