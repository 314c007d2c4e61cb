package infer

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"apisonde/analyze/model"
	"apisonde/analyze/verdict"
)

// What explains windows on a grid, seen to the millisecond, is a thin strip of windows
// and phases. Whether it is found, and what it is worth, is no matter of chance.
func TestThinStripsAreFoundEveryTime(t *testing.T) {
	t.Parallel()
	for seed, spec := range []string{
		"fixed-window,limit=60,window=20s,by=ip,align=clock,headers=github",
		"fixed-window,limit=50,window=15s,by=user,align=process-start,headers=ietf",
		"fixed-window,limit=50,window=15s,by=user,align=process-start,headers=none",
	} {
		at := time.Date(2026, 5, 6, 7, 8, 9, seed*3e8, time.UTC)
		tr, stack := assessFrom(t, world{specs: []string{spec}, roster: twoOfEach(), seed: 1 + uint64(seed), net: loopback, start: at}, at.Add(-4*time.Second))
		truth := stack.Truth()[0]
		for again := range uint64(5) {
			tr.Meta.Seed = 100 + again
			l := Judge(tr).Limits[0]
			if l.Algorithm != verdict.FixedWindow || l.Confidence < 0.9 || !within(l.WindowS, truth.Window.Seconds(), 0.03) {
				t.Errorf("%s, verdict %d: %s %v, window %+v at %v", spec, again, l.Algorithm, l.Equivalent, l.WindowS, l.Confidence)
			}
		}
	}
}

// A grid is told by one of its boundaries, whichever it was given by.
func TestOneBoundaryTellsAGrid(t *testing.T) {
	f := newFitter([][]model.Event{{{S: 0, E: 1, Admitted: 1}, {S: 99, E: 100, Admitted: 1}}}, 1, rand.New(rand.NewPCG(1, 2)))
	grid, opened := &model.Bank[0], &model.Bank[1]
	q := model.Params{L: 5, W: 7, Phase: 2}
	near := f.boundary(grid, q)
	for k := -20.0; k <= 20; k++ {
		got := near(model.Params{L: 5, W: 7, Phase: 2 + 7*k}).Phase
		if math.Abs(got-51) > 1e-9 { // 2 + 7*7, the nearest to the middle
			t.Fatalf("shifted by %v windows: %v", k, got)
		}
	}
	if got := near(model.Params{L: 5, W: 7.01, Phase: 51.01 - 7.01*9}).Phase; math.Abs(got-51.01) > 1e-9 {
		t.Errorf("of another window: %v", got)
	}
	if got := f.boundary(opened, q)(q); got != q {
		t.Errorf("%+v, of windows that have no phase", got)
	}
}

// Windows drawn for a grid put a boundary where two reopenings were seen, and are no
// shorter than it refused without a break.
func TestGridsAreDrawnThroughReopenings(t *testing.T) {
	refuse := func(at float64) model.Event { return model.Event{S: at, E: at, Limited: 1} }
	admit := func(at float64) model.Event { return model.Event{S: at, E: at, Admitted: 3} }
	arms := [][]model.Event{{admit(0), refuse(0.1), refuse(2), admit(2.1), refuse(2.2), admit(6.3), refuse(6.4), refuse(9.9), admit(10.1)}}
	p := newProposer(arms, rand.New(rand.NewPCG(1, 2)))
	drawn := 0
	for range 1000 {
		q := model.Params{L: 3}
		if p.grid(&q); q.W == 0 {
			continue // twice the same reopening
		}
		drawn++
		if q.W < 3.5 {
			t.Fatalf("a window of %v s, and nothing was admitted for 3.5 s", q.W)
		}
		met := 0
		for _, r := range p.reopens {
			if b := q.Phase + math.Ceil((r.after-q.Phase)/q.W-1e-9)*q.W; b <= r.before+1e-9 {
				met++
			}
		}
		if met < 2 {
			t.Fatalf("%+v meets %d reopenings", q, met)
		}
	}
	if drawn < 300 {
		t.Errorf("%d of 1000 drawn", drawn)
	}
}

// An explanation that some answer contradicts is hardly probable beside one that none
// does; where every one is contradicted, something else is at work.
func TestContradictionsCountWhereOthersExplainEverything(t *testing.T) {
	weigh := func(violations ...float64) []float64 {
		p := &posterior{misfit: math.Inf(1)}
		for _, x := range violations {
			p.fits = append(p.fits, fit{violation: x})
			p.misfit = min(p.misfit, x)
		}
		p.undisturbed()
		var out []float64
		for _, x := range p.fits {
			out = append(out, x.logZ)
		}
		return out
	}
	if z := weigh(0, 4.7, 1); z[0] != 0 || z[2] != 0 || z[1] > -5 {
		t.Errorf("beside one that explains everything: %v", z)
	}
	if z := weigh(4.7, 9.4); z[0] != 0 || z[1] != 0 {
		t.Errorf("where none does: %v", z)
	}
}

// A belief foretold what came if what it held then still explains it.
func TestABeliefThatForetoldNothingIsNotValidated(t *testing.T) {
	tr, _ := assess(t, world{specs: []string{"token-bucket,rate=4,burst=12,by=key,headers=none"}, roster: twoOfEach(), seed: 2, net: loopback})
	e := New(Config{Roster: twoOfEach(), Seed: 2})
	for _, o := range tr.Observations {
		e.log.observe(o)
	}
	e.refit()
	held := e.post.typical(24)
	if !e.asForetold(held) {
		t.Error("what is believed now does not explain what it was learnt from")
	}
	for i := range held {
		held[i].p.W *= 1.5
	}
	if e.asForetold(held) {
		t.Error("a rate that is a third too slow foretold it")
	}
}
