package selftest

import (
	"context"
	"time"

	"apisonde/analyze"
	"apisonde/analyze/infer"
	"apisonde/analyze/verdict"
	"apisonde/probe/guard"
	"apisonde/probe/lab/limit"
	"apisonde/probe/plan"
	"apisonde/probe/sim"
	"apisonde/probe/trace"
)

// Trial is one limiter, assessed and judged.
type Trial struct {
	Seed     uint64
	Family   string
	Spec     string
	Truth    []limit.Truth
	Requests int
	Limited  int
	Wall     time.Duration // virtual
	Judgement
}

// path is one as on a single machine, on which deciding takes a while.
var path = sim.Net{RTT: 400 * time.Microsecond, Jitter: 200 * time.Microsecond, Think: 20 * time.Millisecond}

// disturbances are what may be wrong with a path, by name.
var disturbances = []struct {
	name string
	add  func(*sim.Net)
}{
	{"jitter", func(n *sim.Net) { n.Jitter = 20 * time.Millisecond }},
	{"delay", func(n *sim.Net) { n.RTT = 80 * time.Millisecond }},
	{"loss", func(n *sim.Net) { n.Loss = 0.01 }},
	{"spurious", func(n *sim.Net) { n.Spurious = 0.01 }},
}

// Disturbances are the names of what may be wrong with a path.
func Disturbances() []string {
	names := make([]string, len(disturbances))
	for i, d := range disturbances {
		names[i] = d.name
	}
	return names
}

// disturbed is the path with everything wrong that is named.
func disturbed(names []string) sim.Net {
	net := path
	for _, d := range disturbances {
		for _, name := range names {
			if name == d.name {
				d.add(&net)
			}
		}
	}
	return net
}

// roster has two values in every dimension, so that every scope can be told.
func roster() trace.Roster {
	return trace.Roster{
		Vantages: []string{"127.0.0.1", "127.0.0.2"}, Keys: []trace.Key{{Name: "k1"}, {Name: "k2"}},
		Users: []string{"u1", "u2"}, Routes: []string{"/", "/a", "/b"},
	}
}

// try runs one trial; false when ctx ended it.
func try(ctx context.Context, family string, seed uint64, net sim.Net) (Trial, bool, error) {
	t := Trial{Seed: seed, Family: family, Spec: draw(family, seed)}
	stack, err := limit.Parse([]string{t.Spec})
	if err != nil {
		return t, false, err
	}
	t.Truth = stack.Truth()
	budget := guard.DefaultBudget(true)
	engine := infer.New(infer.Config{Roster: roster(), Budget: budget, Seed: seed})
	tr := sim.Run(&stoppable{engine, ctx}, sim.Config{Stack: stack, Roster: roster(), Budget: budget, Seed: seed, Loopback: true, Net: net})
	if ctx.Err() != nil {
		return t, false, nil
	}
	v := analyze.Conclude(tr, verdict.Tool{Name: "apisonde"})
	t.Requests, t.Limited = v.Cost.Requests, v.Cost.Limited
	t.Wall = time.Duration(v.Cost.WallS * float64(time.Second))
	t.Judgement = judge(t.Truth, v.Limits)
	return t, true, nil
}

// stoppable is an engine that has nothing to ask once ctx is done.
type stoppable struct {
	*infer.Engine
	ctx context.Context
}

func (s *stoppable) Next(now time.Duration) (plan.Step, bool) {
	if s.ctx.Err() != nil {
		return plan.Step{}, false
	}
	return s.Engine.Next(now)
}
