package infer

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"apisonde/analyze/model"
	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// When a run ends both of two windows of which either admits are known, and it takes what
// both admit a few times only.
func TestBothOfTwoWindowsAreTimed(t *testing.T) {
	tr, _ := assess(t, world{
		specs:  []string{"fixed-window,align=first-request,limit=18,window=5s,or=49/39.693s,by=ip+route,headers=none"},
		roster: twoOfEach(), seed: 3, net: loopback,
	})
	l := Judge(tr).Limits[0]
	const rate = 18.0/5 + 49/39.693
	if l.RatePerS == nil || l.RatePerS.Lo > rate || l.RatePerS.Hi < rate || wider(l.RatePerS, 2*eitherWide) {
		t.Errorf("rate %+v, want %v; %s", l.RatePerS, rate, l.Settle)
	}
	if n := len(tr.Observations); n > 12*(67+1) {
		t.Errorf("%d requests for a limit of 67", n)
	}
}

// What explains two windows is no longer believed where a round brings what neither
// expects.
func TestWindowsThatDoNotComeBackAreGivenUp(t *testing.T) {
	x := reading{r: newRecord(oneOfEach()), rng: rand.New(rand.NewPCG(1, 2))}
	at := 0.0
	answer := func(n int, outcome trace.Outcome) {
		for range n {
			at += 0.001
			x.r.keep(sample{seq: len(x.r.samples) + 1, id: x.r.base(), route: "/", sent: at, rtt: 0.0005, outcome: outcome})
		}
	}
	rest := func(until float64) { at = until }
	answer(15, trace.Admitted) // 5 of one window and 10 of the other
	answer(2, trace.Limited)
	for k := 1.0; k <= 3; k++ {
		rest(2.1 * k)
		answer(5, trace.Admitted)
		answer(2, trace.Limited)
	}
	believed := &either{}
	for w := 10.0; w < 20; w += 0.01 {
		believed.all = append(believed.all, fiveAndTen(w))
	}
	if e := x.still(believed); e == nil || e.best.first.L != 5 {
		t.Fatal("what explains every answer is given up")
	}
	rest(60) // everything has come back by then, one would think
	answer(1, trace.Admitted)
	answer(4, trace.Limited)
	if e := x.still(believed); e != nil {
		t.Errorf("still believed: %s at a cost of %v", e.best.words(), e.best.cost)
	}
}

// The requests of a comb go out at the instants that were planned, whenever what went
// before is answered; those that are past go out at once.
func TestCombsKeepTheirInstants(t *testing.T) {
	for now, want := range map[float64]phase{
		3: {wait: 2, comb: []float64{0, 1, 2}},
		6: {comb: []float64{0, 0, 1}},
	} {
		ph := phase{comb: []float64{5, 6, 7}}
		ph.from(now)
		if ph.wait != want.wait || !slices.Equal(ph.comb, want.comb) {
			t.Errorf("at %v: after %v s, %v", now, ph.wait, ph.comb)
		}
	}
}

// Where rejections are rationed a round asks less often, and none goes out for the last.
func TestRoundsKeepToTheRejectionsLeft(t *testing.T) {
	for left, want := range map[int]int{60: secondTeeth, 15: 5, 8: 0} {
		e := New(Config{Roster: oneOfEach(), Budget: plan.Budget{MaxRequests: 1000, MaxDuration: time.Hour, MaxRejections: 60}, Seed: 1})
		e.all.rejected[e.all.base()] = 60 - left
		e.either = &either{}
		for w := 10.0; w < 20; w += 0.01 {
			e.either.all = append(e.either.all, fiveAndTen(w))
		}
		e.either.best = fiveAndTen(15)
		q := &second{}
		if ok := q.plan(e, 1); ok != (want > 0) {
			t.Errorf("with %d left a round goes out: %v", left, ok)
			continue
		}
		for _, ph := range q.phases {
			if ph.comb != nil && len(ph.comb) != want {
				t.Errorf("with %d left %d ask, want %d", left, len(ph.comb), want)
			}
		}
		if last := len(q.phases); want > 0 && (last == 0 || q.phases[last-1].comb == nil) {
			t.Errorf("with %d left nobody asks", left)
		}
	}
}

// fiveAndTen is 5 in 2 s, and beyond these 10 in w seconds.
func fiveAndTen(w float64) spell {
	v := &model.Bank[slices.IndexFunc(model.Bank, func(v model.Variant) bool { return v.Name == "fixed window from the first request" })]
	return spell{v: v, first: model.Params{L: 5, W: 2}, second: model.Params{L: 10, W: w}}
}
