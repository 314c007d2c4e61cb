package infer

import (
	"slices"
	"testing"
	"time"

	"apisonde/analyze/model"
	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// What counts below a block is found as well as the block.
func TestEngineFindsWhatABlockCovers(t *testing.T) {
	for _, c := range []struct {
		spec      string
		algorithm string
		limit     float64
		window    float64 // 0: a bucket, known by its rate
		rate      float64
		penalty   float64
		extends   bool
	}{
		{"fixed-window,align=first-request,limit=10,window=5s,penalty=20s,penalty-clears,by=ip", verdict.FixedWindow, 10, 5, 2, 20, false},
		{"sliding-counter,align=first-request,limit=20,window=10s,penalty=15s,penalty-expires,status=403,by=ip", verdict.SlidingCounter, 20, 10, 2, 15, true},
		{"sliding-log,limit=30,window=5s,penalty=12s,penalty-status=403,by=user", verdict.SlidingLog, 30, 5, 6, 12, false},
		{"token-bucket,rate=4,burst=30,penalty=20s,penalty-extends,by=key", verdict.TokenBucket, 30, 0, 4, 20, true},
	} {
		t.Run(c.spec, func(t *testing.T) {
			t.Parallel()
			tr, _ := assess(t, world{specs: []string{c.spec + ",headers=none"}, roster: twoOfEach(), seed: 7, net: loopback})
			j := Judge(tr)
			if len(j.Limits) != 1 {
				t.Fatalf("%d limits stated, want 1", len(j.Limits))
			}
			l := j.Limits[0]
			if l.Algorithm != c.algorithm && !slices.Contains(l.Equivalent, c.algorithm) {
				t.Errorf("%s %v, want %s", l.Algorithm, l.Equivalent, c.algorithm)
			}
			if !within(l.Limit, c.limit, 0) {
				t.Errorf("limit %+v, want %v", l.Limit, c.limit)
			}
			if c.window > 0 && !within(l.WindowS, c.window, 0.05) {
				t.Errorf("window %+v, want %v", l.WindowS, c.window)
			}
			if !within(l.RatePerS, c.rate, 0.05) {
				t.Errorf("rate %+v, want %v", l.RatePerS, c.rate)
			}
			if !within(l.Rejection.PenaltyS, c.penalty, 0.03) {
				t.Errorf("penalty %+v, want %v", l.Rejection.PenaltyS, c.penalty)
			}
			if e := l.Rejection.PenaltyExtends; e == nil || *e != c.extends {
				t.Errorf("asking prolongs it: %v, want %v", e, c.extends)
			}
		})
	}
}

// Two windows of which either admits are in no verdict's words: whatever is said of
// them is not said for sure.
func TestEitherOfTwoWindowsIsNotMistaken(t *testing.T) {
	for _, spec := range []string{
		"fixed-window,align=first-request,limit=10,window=1s,or=100/60s,by=ip",
		"fixed-window,align=first-request,limit=15,window=2.269s,or=67/19.722s,by=key",
		"fixed-window,align=clock,limit=25,window=2.306s,or=204/46.924s,by=ip+key",
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			budget := trace.Budget{MaxRequests: 1500, MaxDuration: 5 * time.Minute, MaxInflight: 64}
			tr, _ := assess(t, world{specs: []string{spec + ",headers=none"}, roster: twoOfEach(), seed: 7, net: loopback, budget: budget})
			j := Judge(tr)
			if len(j.Limits) == 0 {
				t.Fatal("no limit was met")
			}
			for _, l := range j.Limits {
				if l.Confidence >= 0.9 {
					t.Errorf("%s %v, limit %+v, window %+v, rate %+v at %v", l.Algorithm, l.Equivalent, l.Limit, l.WindowS, l.RatePerS, l.Confidence)
				}
			}
		})
	}
}

// Whoever asks in vain at even gaps waits longer the next time.
func TestPatience(t *testing.T) {
	refused := func(at ...float64) []model.Event {
		evs := []model.Event{{Admitted: 5}}
		for _, s := range at {
			evs = append(evs, model.Event{S: s, E: s, Limited: 1})
		}
		return evs
	}
	for _, c := range []struct {
		events []model.Event
		want   float64
	}{
		{nil, 0},
		{refused(0, 5, 5.2, 5.4), 0}, // a comb near an end
		{refused(0, 1, 3, 7), 0},     // gaps that grow
		{refused(0, 5, 9, 14), 8},
		{append(refused(0, 5, 9, 14), model.Event{S: 20, E: 20, Admitted: 1}), 0}, // it ended
	} {
		if got := patience(c.events); got != c.want {
			t.Errorf("%v: %v, want %v", c.events, got, c.want)
		}
	}
}
