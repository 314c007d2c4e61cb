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
	Spec     string // of its layers, and how it was disturbed
	Truth    []limit.Truth
	Requests int
	Limited  int
	Wall     time.Duration // virtual
	Judgement
}

// roster has two values in every dimension, so that every scope can be told.
func roster() trace.Roster {
	return trace.Roster{
		Vantages: []string{"127.0.0.1", "127.0.0.2"}, Keys: []trace.Key{{Name: "k1"}, {Name: "k2"}},
		Users: []string{"u1", "u2"}, Routes: []string{"/", "/a", "/b"},
	}
}

// try runs one trial; false when ctx ended it.
func try(ctx context.Context, family string, seed uint64, kinds []string) (Trial, bool, error) {
	w, err := newWorld(family, seed, kinds)
	if err != nil {
		return Trial{}, false, err
	}
	budget := guard.DefaultBudget(true)
	engine := infer.New(infer.Config{Roster: roster(), Budget: budget, Seed: seed})
	tr := sim.Run(&stoppable{engine, ctx}, sim.Config{
		Stack: w.stack, Roster: roster(), Budget: budget, Seed: seed, Loopback: true,
		Net: w.net, Others: w.others, Change: w.change,
	})
	if ctx.Err() != nil {
		return Trial{}, false, nil
	}
	v := analyze.Conclude(tr, verdict.Tool{Name: "apisonde"})
	t := Trial{
		Seed: seed, Family: family, Spec: w.describe(), Truth: w.truths[0],
		Requests: v.Cost.Requests, Limited: v.Cost.Limited,
		Wall: time.Duration(v.Cost.WallS * float64(time.Second)),
	}
	t.Judgement = judgeAny(w.truths, v.Limits)
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
