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

func refusal(at float64) model.Event   { return model.Event{S: at, E: at, Limited: 1} }
func admission(at float64) model.Event { return model.Event{S: at, E: at, Admitted: 3} }

// Windows drawn for a grid put a boundary where two reopenings were seen, and are no
// shorter than it refused without a break.
func TestGridsAreDrawnThroughReopenings(t *testing.T) {
	arms := [][]model.Event{{admission(0), refusal(0.1), refusal(2), admission(2.1), refusal(2.2), admission(6.3), refusal(6.4), refusal(9.9), admission(10.1)}}
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

// An alias keeps a boundary at two reopenings, with a few windows more or less between.
func TestAliasesKeepBoundariesWhereTheyShow(t *testing.T) {
	arms := [][]model.Event{{admission(0), refusal(0.1), admission(1), refusal(1.1), admission(49), refusal(49.1), admission(50)}}
	f := newFitter(arms, 1, rand.New(rand.NewPCG(1, 2)))
	seen := 0
	for range 200 {
		q, ok := f.alias(model.Params{L: 3, W: 1, Phase: 7})
		if !ok || q.W == 1 {
			continue
		}
		seen++
		met := 0
		for _, r := range f.draws.reopens {
			if off := math.Mod(math.Abs(r.before-q.Phase), q.W); min(off, q.W-off) < 1e-6 {
				met++
			}
		}
		if met < 2 {
			t.Fatalf("%+v has boundaries at %d reopenings", q, met)
		}
	}
	if seen < 50 {
		t.Errorf("%d aliases", seen)
	}
}

// Where a few windows more or less between the instants that show them explain the trace
// as well, all of them are told, whichever was met first.
func TestAliasesAreToldFromOneOfThem(t *testing.T) {
	single := func(at float64, admitted int) model.Event {
		return model.Event{S: at, E: at + 1e-3, Admitted: admitted, Limited: 1 - admitted}
	}
	var arm []model.Event
	for _, from := range []float64{0, 60} { // a window of 2 s, spent twice, and a minute later again
		for _, at := range []float64{0, 0.01, 0.02} {
			arm = append(arm, single(from+at, 1))
		}
		arm = append(arm, single(from+0.03, 0), single(from+1.99, 0), single(from+2.01, 1))
	}
	f := newFitter([][]model.Event{arm}, 3, rand.New(rand.NewPCG(1, 2)))
	grid := &model.Bank[0]
	truth := particle{v: grid, p: model.Params{L: 3, W: 2, Phase: 2}}
	if c := f.cost(grid, truth.p, math.Inf(1)).Total; c > explained {
		t.Fatalf("the truth costs %v", c)
	}
	got := f.aliases(grid, []particle{truth}, 0)
	if len(got) == 0 {
		t.Fatal("none")
	}
	for _, c := range got {
		if k := 60 / c.p.W; math.Abs(k-math.Round(k)) > 0.02 {
			t.Errorf("%v windows in a minute", k)
		}
	}
}

// Of two limits of which either may well be true the rounder one is stated.
func TestRoundLimitsArePreferredWhereEitherWillDo(t *testing.T) {
	parts := func(ls ...float64) *fit {
		f := &fit{}
		for _, l := range ls {
			f.parts = append(f.parts, particle{p: model.Params{L: l}})
		}
		return f
	}
	for _, c := range []struct {
		f             *fit
		value, lo, hi float64
		want          float64
	}{
		{parts(100, 101, 101), 101, 100, 101, 100},
		{parts(101, 101, 101), 101, 100, 101, 101}, // hardly ever the other one
		{parts(64, 65, 65), 64, 64, 65, 65},
		{parts(67, 68), 68, 67, 68, 68},
		{parts(100, 102), 102, 100, 102, 102}, // not only two
	} {
		if got := c.f.rounder(&verdict.Figure{Value: c.value, Lo: c.lo, Hi: c.hi}); got != c.want {
			t.Errorf("%v to %v: %v, want %v", c.lo, c.hi, got, c.want)
		}
	}
}
