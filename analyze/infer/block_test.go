package infer

import (
	"slices"
	"strings"
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

// Two windows of which either admits have no name in verdicts: what both admit together is
// stated, under no name, and what they are stands in words.
func TestEitherOfTwoWindowsIsNotMistaken(t *testing.T) {
	for _, c := range []struct {
		spec        string
		limit, rate float64
		told        bool // the budget is enough to see both come back
	}{
		{"fixed-window,align=first-request,limit=10,window=1s,or=100/60s,by=ip", 110, 10 + 100.0/60, true},
		{"fixed-window,align=first-request,limit=15,window=2.269s,or=67/19.722s,by=key", 82, 15/2.269 + 67/19.722, true},
		{"fixed-window,align=clock,limit=25,window=2.306s,or=204/46.924s,by=ip+key", 229, 25/2.306 + 204/46.924, false},
	} {
		t.Run(c.spec, func(t *testing.T) {
			t.Parallel()
			budget := trace.Budget{MaxRequests: 1500, MaxDuration: 5 * time.Minute, MaxInflight: 64}
			tr, _ := assess(t, world{specs: []string{c.spec + ",headers=none"}, roster: twoOfEach(), seed: 7, net: loopback, budget: budget})
			j := Judge(tr)
			if len(j.Limits) == 0 {
				t.Fatal("no limit was met")
			}
			l := j.Limits[0]
			if len(j.Limits) > 1 || l.Algorithm != verdict.Unknown || !strings.Contains(l.Settle, "either admits") {
				t.Fatalf("%d limits, the first %s: %s", len(j.Limits), l.Algorithm, l.Settle)
			}
			if !within(l.Limit, c.limit, 0) || l.RatePerS == nil || l.RatePerS.Lo > c.rate || l.RatePerS.Hi < c.rate {
				t.Errorf("limit %+v, rate %+v; want %v and %v", l.Limit, l.RatePerS, c.limit, c.rate)
			}
			if told := !wider(l.RatePerS, eitherTold); told != c.told || told != (l.Confidence >= 0.9) {
				t.Errorf("rate %+v, at %v", l.RatePerS, l.Confidence)
			}
		})
	}
}

// A bucket and a window of the same size in one limiter pass for neither: a window is spent
// late and a log in halves before either is believed.
func TestBucketWithinAWindowIsNotMistaken(t *testing.T) {
	specs := []string{"token-bucket,rate=2,burst=10,by=key,headers=none", "fixed-window,align=first-request,limit=10,window=5s,by=key,headers=none"}
	tr, _ := assess(t, world{specs: specs, roster: twoOfEach(), seed: 1, net: loopback})
	for _, l := range Judge(tr).Limits {
		if l.Confidence >= 0.9 {
			t.Errorf("%s %v, limit %+v, window %+v, rate %+v at %v", l.Algorithm, l.Equivalent, l.Limit, l.WindowS, l.RatePerS, l.Confidence)
		}
	}
}

// What is spent early and late comes back whole in a window that counts anew; what is spent in
// halves in a log comes back as it went.
func TestValidationsSpendLateAndInHalves(t *testing.T) {
	d := &designer{spacing: 0.001}
	for name, first := range map[string]int{"fixed window from the first request": 5, "fixed window": 5, "sliding log": 10, "sliding log with a penalty": 20, "window renewed by every request": 20} {
		i := slices.IndexFunc(model.Bank, func(v model.Variant) bool { return v.Name == name })
		phases := d.inParts(&model.Bank[i], 20, 24, 10, 1)
		n, last := 0, phases[len(phases)-1]
		at := 0.0
		for k, ph := range phases {
			if k > 0 {
				at += ph.wait
			}
			if !ph.drain {
				n += ph.n
			}
		}
		if phases[0].n != first || n != 20 {
			t.Errorf("%s: %d at first, %d in all before it is asked for more", name, phases[0].n, n)
		}
		switch {
		case first == 20: // spent at once, and asked for more before the end
			if at > 9.5 {
				t.Errorf("%s: the last is sent after %v s", name, at)
			}
		case at < 10 || at > 11 || last.n < 5:
			t.Errorf("%s: %d sent after %v s, want some just after the end of 10 s", name, last.n, at)
		}
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
