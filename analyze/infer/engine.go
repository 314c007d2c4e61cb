// Package infer finds out how a limiter counts and whose counter it is. The
// Engine folds observations in, proposes the step that teaches most, and Judge
// states what a trace supports. It is pure: no I/O and no clock; every random
// choice comes from the seed.
//
// One file answers one question: drain.go (is there a limit, and how large),
// whose.go and behind.go (whose is it, and whose the one behind it), policy.go (what
// guards the other paths), reopen.go (when does it let go), identify.go (which
// algorithm, with which figures, and does the answer predict what was not yet
// seen), alias.go (which other grids would do), block.go (what counts below a
// penalty), either.go and second.go (are they two windows of which either admits),
// layers.go, peel.go and owner.go (does another limit stand behind it),
// nodes.go (do several servers count for themselves), slots.go (is it a limit on
// requests in flight), queue.go (does it delay instead). explanation.go weighs the
// answers against each other, and state.go puts them into words.
package infer

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"apisonde/analyze/header"
	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// Config is what an engine must know of the run it steers.
type Config struct {
	Roster trace.Roster
	Budget plan.Budget
	Seed   uint64
	Rules  header.Rules // the user's own signs of a rejection
}

// Engine decides what to ask next. It satisfies probe.Decider. Observe and Next
// are called from one goroutine; Belief from any.
type Engine struct {
	cfg    Config
	all    *record   // everything
	path   *record   // of the routes under study; all of them at first
	log    *record   // of the limit under study: the path's, or a part of it
	tour   []inquiry // questions still to ask, the current one first
	seen   int       // requests so far
	bans   []trace.Identity
	claims claims
	out    *record // of those whom a ban took out, nil where there are none

	split      *split  // once two limits show on the path
	whole      bool    // two limits were seen there and did not last
	doubted    bool    // one limit once explained badly what was seen there
	either     *either // two windows of which either admits, once they are believed
	alternates int     // how often they were
	post       *posterior
	latest     *reading // the latest belief
	sound      *reading // the latest belief that explained everything so far
	findings   []string
	belief     atomic.Pointer[Belief]

	calledAt float64 // offset of the last Next whose step was to start at once
	lead     float64 // how long deciding takes, as seen from outside
}

// inquiry is one question, asked step by step. next returns false when it is
// answered or cannot be.
type inquiry interface {
	next(e *Engine, now float64) (plan.Step, bool)
	stage() string
}

// New returns an engine that knows nothing yet.
func New(cfg Config) *Engine {
	e := &Engine{cfg: cfg, all: newRecord(cfg.Roster), claims: claims{}}
	e.all.rules = cfg.Rules
	e.path, e.log = e.all, e.all
	e.tour = []inquiry{&drain{}}
	e.publish()
	return e
}

// Observe folds one closed request in and says how it counts.
func (e *Engine) Observe(o trace.Observation) trace.Outcome {
	if e.calledAt > 0 && o.Step > 0 {
		took := seconds(o.Written) - e.calledAt
		e.lead = 0.5*e.lead + 0.5*max(0, took)
		e.calledAt = 0
	}
	e.seen++
	if e.out != nil && barred(e.bans, o.Identity) {
		return e.out.observe(o)
	}
	known := len(e.all.shared)
	outcome := e.all.observe(o)
	e.claims.hear(o, outcome)
	for _, s := range e.all.shared[known:] {
		e.path.rename(s.vantage)
		e.log.rename(s.vantage)
	}
	if e.path != e.all && slices.Contains(e.path.roster.Routes, o.Route) {
		e.path.keep(e.all.samples[len(e.all.samples)-1])
		if e.path.late.above > 0 {
			e.path.byTime()
		}
	}
	return outcome
}

// turnTo makes one policy the subject of the questions that follow.
func (e *Engine) turnTo(p policy) {
	e.path = e.all.view(p)
	e.log = e.path
	e.forget()
}

// forget drops what is believed of the limit under study.
func (e *Engine) forget() {
	e.split, e.whole, e.doubted, e.post, e.sound = nil, false, false, nil, nil
	e.either, e.alternates = nil, 0
}

// Next returns the step that would teach most, or false when nothing is left to
// ask within the budget.
func (e *Engine) Next(now time.Duration) (plan.Step, bool) {
	e.attribute()
	for len(e.tour) > 0 {
		if e.spare() <= 0 || e.left(seconds(now)) <= 0 || e.barred() {
			break
		}
		step, ok := e.tour[0].next(e, seconds(now))
		if len(e.bans) > 0 {
			step.Sends = slices.DeleteFunc(slices.Clone(step.Sends), func(s plan.Send) bool { return barred(e.bans, s.Identity) })
		}
		if ok && len(step.Sends) > 0 {
			if step.Start <= now && step.Sends[0].At == 0 {
				e.calledAt = seconds(now)
			}
			e.publish()
			return e.unhurried(step), true
		}
		e.tour = e.tour[1:]
	}
	e.tour = nil
	e.publish()
	return plan.Step{}, false
}

// then appends questions to the tour.
func (e *Engine) then(qs ...inquiry) { e.tour = append(e.tour, qs...) }

// first puts questions before all but the current one, which has ended.
func (e *Engine) first(qs ...inquiry) {
	e.tour = slices.Concat(e.tour[:1], qs, e.tour[1:])
}

// spare is the number of requests left in the budget.
func (e *Engine) spare() int {
	return e.cfg.Budget.MaxRequests - e.seen
}

// left is the seconds left in the budget.
func (e *Engine) left(now float64) float64 { return seconds(e.cfg.Budget.MaxDuration) - now }

// barred says whether the baseline has used up its rejections.
func (e *Engine) barred() bool { return e.rejectionsLeft(e.log.base()) <= 0 }

// rejectionsLeft is how often id may still be rejected.
func (e *Engine) rejectionsLeft(id trace.Identity) int {
	if e.cfg.Budget.MaxRejections <= 0 {
		return 1 << 30
	}
	return e.cfg.Budget.MaxRejections - e.all.rejected[id]
}

func (e *Engine) rng() *rand.Rand {
	return rand.New(rand.NewPCG(e.cfg.Seed, uint64(len(e.log.samples))))
}

// refit updates the belief with everything seen so far.
func (e *Engine) refit() {
	x := &reading{r: e.log, rng: e.rng()}
	x.compare()
	x.post = inferBank(e.log.arms(x.part), e.post, x.rng)
	if e.split != nil && x.doubtful() {
		x = e.reconsider(x)
	}
	e.post, e.latest = x.post, x
	switch {
	case e.split != nil:
		e.split.learn(x)
	case x.doubtful():
		e.doubted = true
	default:
		x.alone = len(e.log.samples)
		e.sound = x
	}
}

func (e *Engine) find(finding string) { e.findings = append(e.findings, finding) }

// burst is a series of n requests of one counter, one by one.
func burst(c counter, n int) []plan.Send {
	out := make([]plan.Send, n)
	for i := range out {
		out[i] = plan.Send{Identity: c.id, Route: c.route}
	}
	return out
}

// counter is a caller that stands for one counter.
type counter struct {
	id    trace.Identity
	route string
}

func duration(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
