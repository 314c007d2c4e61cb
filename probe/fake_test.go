package probe_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"apisonde/probe"
	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// bubble is the clock of a synctest bubble.
type bubble struct {
	origin time.Time
	stall  func(at time.Duration) time.Duration // when a precise wait for at really ends
}

func (b bubble) Now() time.Duration { return time.Since(b.origin) }

func (b bubble) Until(ctx context.Context, at time.Duration, precise bool) error {
	if precise && b.stall != nil {
		at = b.stall(at)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if wait := at - b.Now(); wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
	return nil
}

// call is one request as the fake wire sees it.
type call struct {
	at    time.Duration
	id    trace.Identity
	route string
	n     int // from 1, over the run
}

// reply is what comes of it. The zero reply is a 200 at once.
type reply struct {
	after  time.Duration
	status int
	fault  trace.Fault
	panics bool
}

// wire is a Sender, and a Journal beside it that checks that nothing leaves
// before its intent is recorded.
type wire struct {
	t      *testing.T
	clock  bubble
	answer func(call) reply
	dial   time.Duration // what a new connection takes
	refuse func(id trace.Identity) trace.Fault

	mu       sync.Mutex
	calls    []call
	dials    []time.Duration
	lines    int
	inflight int
	most     int
	rejected map[trace.Identity]int
	idle     map[trace.Identity][]*line
	die      int // so many idle lines die after they were reserved

	meta     trace.Meta
	recorded int // intents, whatever became of them later
	intents  []trace.Observation
	outcomes []trace.Observation
	ended    []trace.End
	leases   []int
	fail     func(what string, seq int) error // of the journal
}

type line struct {
	w    *wire
	id   trace.Identity
	n    int
	dead bool

	ctx  context.Context // of what was sent
	sent call
	come reply
}

func (w *wire) Reserve(ctx context.Context, id trace.Identity, fresh bool) (probe.Line, trace.Fault) {
	w.mu.Lock()
	if list := w.idle[id]; len(list) > 0 && !fresh {
		l := list[len(list)-1]
		w.idle[id] = list[:len(list)-1]
		if w.die > 0 {
			w.die--
			l.dead = true
		}
		w.mu.Unlock()
		return l, trace.FaultNone
	}
	w.dials = append(w.dials, w.clock.Now())
	w.mu.Unlock()
	if w.refuse != nil {
		if f := w.refuse(id); f != trace.FaultNone {
			return nil, f
		}
	}
	if w.clock.Until(ctx, w.clock.Now()+w.dial, false) != nil {
		return nil, trace.FaultCancelled
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines++
	return &line{w: w, id: id, n: w.lines}, trace.FaultNone
}

func (l *line) Conn() int   { return l.n }
func (l *line) Alive() bool { return !l.dead }
func (l *line) Release() {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	if !l.dead {
		l.w.idle[l.id] = append(l.w.idle[l.id], l)
	}
}

func (l *line) Send(ctx context.Context, route string) {
	w := l.w
	w.mu.Lock()
	if l.dead {
		w.t.Error("a request was sent on a dead line")
	}
	c := call{at: w.clock.Now(), id: l.id, route: route, n: len(w.calls) + 1}
	w.calls = append(w.calls, c)
	if len(w.calls) > w.recorded {
		w.t.Errorf("request %d left before its intent was recorded", c.n)
	}
	w.inflight++
	w.most = max(w.most, w.inflight)
	w.mu.Unlock()
	r := reply{}
	if w.answer != nil {
		r = w.answer(c)
	}
	if r.status == 429 {
		w.mu.Lock()
		w.rejected[l.id]++
		w.mu.Unlock()
	}
	l.ctx, l.sent, l.come = ctx, c, r
}

func (l *line) Receive() trace.Observation {
	w, ctx, c, r := l.w, l.ctx, l.sent, l.come
	if r.panics {
		w.mu.Lock()
		w.inflight--
		w.mu.Unlock()
		panic(errors.New("a credential"))
	}
	o := trace.Observation{Conn: l.n, Written: max(c.at, 1)}
	err := w.clock.Until(ctx, c.at+r.after, false)
	w.mu.Lock()
	w.inflight--
	w.mu.Unlock()
	if err != nil {
		o.Fault = trace.FaultCancelled
		return o
	}
	if o.Fault = r.fault; o.Fault == trace.FaultNone {
		o.Status = max(r.status, 200)
		o.FirstByte, o.Done = max(w.clock.Now(), 1), max(w.clock.Now(), 1)
	}
	l.Release()
	return o
}

func (w *wire) Intent(sent ...trace.Observation) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range sent {
		if w.fail != nil {
			if err := w.fail("intent", o.Seq); err != nil {
				return err
			}
		}
		if n := len(w.leases); n == 0 || w.leases[n-1] < o.Seq {
			w.t.Errorf("request %d is about to leave and no lease allows it", o.Seq)
		}
	}
	w.recorded += len(sent)
	w.intents = append(w.intents, sent...)
	return nil
}

func (w *wire) Outcome(o trace.Observation) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		if err := w.fail("outcome", o.Seq); err != nil {
			return err
		}
	}
	w.outcomes = append(w.outcomes, o)
	return nil
}

func (w *wire) Close(e trace.End) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = append(w.ended, e)
	if w.fail != nil {
		return w.fail("close", 0)
	}
	return nil
}

func (w *wire) Lease(upto int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		if err := w.fail("lease", upto); err != nil {
			return err
		}
	}
	w.leases = append(w.leases, upto)
	return nil
}

func (w *wire) Trace() (trace.Trace, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := trace.Trace{Meta: w.meta}
	for _, o := range w.intents {
		o.Fault = trace.FaultUnknown
		t.Observations = append(t.Observations, o)
	}
	for _, o := range w.outcomes {
		t.Observations[o.Seq-1] = o
	}
	if n := len(w.ended); n > 0 {
		t.End = &w.ended[n-1]
	}
	return t, nil
}

// run is one session in a bubble.
type run struct {
	*wire
	stall   func(at time.Duration) time.Duration // of the sender
	script  *script
	session *probe.Session
}

// plain is a roster with one address and one route.
var plain = trace.Roster{Vantages: []string{"a"}, Routes: []string{"/"}}

var me = trace.Identity{Vantage: "a"}

// setup makes a session whose budget is generous and whose target is not
// loopback, so that bans stop it.
func setup(t *testing.T, roster trace.Roster, answer func(call) reply, steps ...plan.Step) *run {
	w := &wire{t: t, clock: bubble{origin: time.Now()}, answer: answer, idle: map[trace.Identity][]*line{}, rejected: map[trace.Identity]int{}, meta: trace.Meta{
		Roster: roster, Budget: plan.Budget{MaxRequests: 1000, MaxDuration: time.Hour, MaxInflight: 100},
	}}
	return &run{wire: w, script: &script{steps: steps}}
}

func (r *run) start() *probe.Session {
	r.session = probe.NewSession(probe.Config{Meta: r.meta, Decider: r.script, Sender: r.wire, Journal: r.wire, Clock: bubble{r.clock.origin, r.stall}})
	return r.session
}

// do runs it to its end and checks what holds of every run.
func (r *run) do(ctx context.Context) probe.Result {
	if r.session == nil {
		r.start()
	}
	res := r.session.Run(ctx)
	if len(r.intents) != len(res.Trace.Observations) {
		r.t.Errorf("%d intents, %d observations", len(r.intents), len(res.Trace.Observations))
	}
	if len(r.ended) != 1 || r.ended[0].Requests != len(r.intents) {
		r.t.Errorf("end records %+v with %d intents", r.ended, len(r.intents))
	}
	for i, o := range res.Trace.Observations {
		if o.Seq != i+1 {
			r.t.Errorf("observation %d has sequence %d", i+1, o.Seq)
		}
	}
	if n := r.session.Snapshot().Inflight; n != 0 {
		r.t.Errorf("%d in flight at the end", n)
	}
	return res
}

// times are the instants at which requests reached the wire, canaries left out.
func (r *run) times() []string {
	var out []string
	for _, c := range r.calls[len(r.meta.Roster.Canaries()):] {
		out = append(out, fmt.Sprint(c.at.Round(time.Microsecond)))
	}
	return out
}

// at makes sends of the plain identity.
func at(offsets ...time.Duration) []plan.Send {
	var out []plan.Send
	for _, o := range offsets {
		out = append(out, plan.Send{At: o, Identity: me, Route: "/"})
	}
	return out
}
