package infer

import (
	"slices"
	"testing"
	"time"

	"apisonde/analyze/model"
	"apisonde/probe/trace"
)

// What the outer limit refuses counts in an inner one that is asked first, and
// leaves it no room for the next.
func TestWhoseRefusalsTheyAre(t *testing.T) {
	log := &model.Bank[slices.IndexFunc(model.Bank, func(v model.Variant) bool { return v.Name == "sliding log" })]
	ps := []particle{{v: log, p: model.Params{L: 7, W: 2.5}}}
	evs := []model.Event{{S: 0, E: 0.001, Admitted: 6}, {S: 0.01, E: 0.011, Limited: 1}, {S: 0.02, E: 0.021, Limited: 1}}
	for _, tt := range []struct {
		charged bool
		want    []opinion
	}{
		{true, []opinion{silent, cannot, must}},
		{false, []opinion{silent, cannot, cannot}},
	} {
		ops, _ := opinions(evs, make([]owner, len(evs)), inners, ps, tt.charged)
		if !slices.Equal(ops, tt.want) {
			t.Errorf("charged %v: %v, want %v", tt.charged, ops, tt.want)
		}
	}
	wider := append(ps, particle{v: log, p: model.Params{L: 6, W: 2.5}})
	if ops, _ := opinions(evs[:2], make([]owner, 2), inners, wider, false); ops[1] != may {
		t.Errorf("of two sizes that explain the limit only one refuses: %v", ops[1])
	}
}

// A second limit that was believed in and does not show again is not searched for
// with ever larger bursts.
func TestSearchForACounterThatNothingExhausts(t *testing.T) {
	t.Parallel()
	w := world{specs: []string{"fixed-window,align=first-request,limit=15,window=2.269s,or=67/19.722s,by=key,headers=none"}, roster: twoOfEach(), net: loopback}
	w.budget = trace.Budget{MaxRequests: 100_000, MaxDuration: 30 * time.Minute, MaxInflight: 256}
	for _, w.seed = range []uint64{4, 6} {
		if tr, _ := assess(t, w); len(tr.Observations) > 3000 {
			t.Errorf("seed %d: %d requests were sent", w.seed, len(tr.Observations))
		}
	}
}
