package infer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"apisonde/probe/lab/limit"
	"apisonde/probe/plan"
	"apisonde/probe/sim"
	"apisonde/probe/trace"
)

// twoOfEach has two values in every dimension, so every scope can be told.
func twoOfEach() trace.Roster {
	return trace.Roster{
		Vantages: []string{"127.0.0.1", "127.0.0.2"}, Keys: []trace.Key{{Name: "k1"}, {Name: "k2"}},
		Users: []string{"u1", "u2"}, Routes: []string{"/", "/a", "/b"},
	}
}

// oneOfEach is a developer with one key.
func oneOfEach() trace.Roster {
	return trace.Roster{Vantages: []string{"127.0.0.1"}, Keys: []trace.Key{{Name: "k1"}}, Routes: []string{"/"}}
}

// world is a limiter of the lab and the path to it.
type world struct {
	specs  []string
	roster trace.Roster
	seed   uint64
	net    sim.Net
	start  time.Time
	budget trace.Budget
}

// loopback is a path as on one machine, where deciding takes a while.
var loopback = sim.Net{RTT: 400 * time.Microsecond, Jitter: 200 * time.Microsecond, Think: 20 * time.Millisecond}

// longWay is a path over which answers take 20 to 60 ms.
var longWay = sim.Net{RTT: 20 * time.Millisecond, Jitter: 40 * time.Millisecond, Think: 20 * time.Millisecond, Timeout: 30 * time.Second}

// assess runs the engine in virtual time and returns its trace.
func assess(t *testing.T, w world) (trace.Trace, *limit.Stack) {
	t.Helper()
	return assessFrom(t, w, time.Time{})
}

// assessFrom fixes when the server started, to which windows may be aligned.
func assessFrom(t *testing.T, w world, server time.Time) (trace.Trace, *limit.Stack) {
	t.Helper()
	tr, stack, _ := ask(t, w, server)
	return tr, stack
}

// watched notes in which steps the engine looked for a further limit.
type watched struct {
	*Engine
	steps   int
	further map[int]bool
}

func (a *watched) Next(now time.Duration) (plan.Step, bool) {
	step, ok := a.Engine.Next(now)
	a.steps++
	a.further[a.steps] = step.Question == furtherLimit
	return step, ok
}

// ask also says how many requests the search for a further limit took.
func ask(t *testing.T, w world, server time.Time) (tr trace.Trace, stack *limit.Stack, further int) {
	t.Helper()
	stack, err := limit.Parse(w.specs)
	if err != nil {
		t.Fatal(err)
	}
	if !server.IsZero() {
		stack.Start(server)
	}
	if w.budget.MaxRequests == 0 {
		w.budget = trace.Budget{MaxRequests: 20000, MaxDuration: 20 * time.Minute, MaxInflight: 256}
	}
	e := &watched{Engine: New(Config{Roster: w.roster, Budget: w.budget, Seed: w.seed}), further: map[int]bool{}}
	tr = sim.Run(e, sim.Config{Stack: stack, Roster: w.roster, Budget: w.budget, Seed: w.seed, Loopback: true, Net: w.net, Start: w.start})
	tr.Meta.Seed = w.seed
	for _, o := range tr.Observations {
		if e.further[o.Step] {
			further++
		}
	}
	return tr, stack, further
}

// kinds are the limiters that random worlds are made of.
var kinds = []string{
	"fixed-window,align=clock", "fixed-window,align=first-request", "fixed-window,align=process-start",
	"fixed-window,align=last-request,count-rejected", "sliding-log", "sliding-log,count-rejected",
	"sliding-counter,align=clock", "sliding-counter,align=process-start", "sliding-counter,align=first-request",
	"sliding-counter,align=clock,count-rejected", "token-bucket",
	"fixed-window,align=first-request,whole-seconds", "sliding-counter,align=first-request,count-rejected,whole-seconds",
	"fixed-window,align=first-request,penalty=P", "fixed-window,align=first-request,penalty=P,penalty-extends",
	"fixed-window,align=first-request,penalty=P,penalty-clears", "fixed-window,align=clock,penalty=P,penalty-status=403",
	"sliding-log,penalty=P", "sliding-log,penalty=P,penalty-extends,penalty-clears",
	"sliding-counter,align=clock,penalty=P,penalty-clears", "sliding-counter,align=first-request,penalty=P,penalty-extends",
	"sliding-counter,align=first-request,penalty=P,penalty-expires,penalty-status=403",
	"token-bucket,penalty=P,penalty-status=403", "token-bucket,penalty=P,penalty-extends,penalty-clears",
}

// randomSpec draws the figures of a limiter of the given kind: half of the
// windows are round, as people configure them.
func randomSpec(r *rand.Rand, kind string) string {
	limit := int(math.Round(5 * math.Exp(r.Float64()*math.Log(30))))
	window := math.Exp(r.Float64() * math.Log(40))
	if r.IntN(2) == 0 {
		window = []float64{1, 2, 5, 10, 15, 20, 30}[r.IntN(7)]
	}
	if strings.HasSuffix(kind, "whole-seconds") {
		window = math.Ceil(window)
	}
	by := []string{"global", "ip", "key", "user", "ip+key", "ip+route", "ip+user"}[r.IntN(7)]
	kind = strings.ReplaceAll(kind, "=P", fmt.Sprintf("=%.3fs", window*(1.2+r.Float64())))
	if strings.HasPrefix(kind, "token-bucket") {
		return fmt.Sprintf("%s,rate=%.3f,burst=%d,by=%s,headers=none", kind, min(40, float64(limit)/window), limit, by)
	}
	return fmt.Sprintf("%s,limit=%d,window=%.3fs,by=%s,headers=none", kind, limit, window, by)
}
