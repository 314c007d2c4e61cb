package infer

import (
	"slices"
	"testing"
	"time"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// layerWant is what must be stated of one of two layers, the slower first.
type layerWant struct {
	scope     string
	algorithm string
	limit     float64
	window    float64 // 0: a bucket, known by its rate
	rate      float64
}

func TestEngineFindsBothOfTwoLayers(t *testing.T) {
	for _, c := range []struct {
		name  string
		specs []string
		want  []layerWant
	}{
		{
			"buckets",
			[]string{"token-bucket,rate=10,burst=11,by=ip", "token-bucket,rate=1.667,burst=51,by=key"},
			[]layerWant{{"key", verdict.TokenBucket, 51, 0, 1.667}, {"ip", verdict.TokenBucket, 11, 0, 10}},
		},
		{
			"windows",
			[]string{"fixed-window,limit=10,window=1s,by=ip,align=first-request", "fixed-window,limit=100,window=60s,by=key,align=first-request"},
			[]layerWant{{"key", verdict.FixedWindow, 100, 60, 0}, {"ip", verdict.FixedWindow, 10, 1, 0}},
		},
		{
			"the outer one is met before the inner one is known",
			[]string{"token-bucket,rate=20,burst=20,by=ip", "sliding-counter,limit=60,window=60s,by=user"},
			[]layerWant{{"user", verdict.SlidingCounter, 60, 60, 0}, {"ip", verdict.TokenBucket, 20, 0, 20}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tr, _ := assess(t, world{specs: c.specs, roster: twoOfEach(), seed: 7, net: loopback})
			j := Judge(tr)
			if len(j.Limits) != len(c.want) {
				t.Fatalf("%d limits stated, want %d", len(j.Limits), len(c.want))
			}
			for i, want := range c.want {
				l := j.Limits[i]
				if !slices.Equal(l.Scope, []string{want.scope}) {
					t.Errorf("limit %d: scope %v of candidates %v, want %s", i, l.Scope, l.ScopeCandidates, want.scope)
				}
				if l.Algorithm != want.algorithm && !slices.Contains(l.Equivalent, want.algorithm) {
					t.Errorf("limit %d: %s %v, want %s", i, l.Algorithm, l.Equivalent, want.algorithm)
				}
				if l.Limit == nil || l.Limit.Value != want.limit {
					t.Errorf("limit %d: limit %+v, want %v", i, l.Limit, want.limit)
				}
				if want.window > 0 && !within(l.WindowS, want.window, 0.03) {
					t.Errorf("limit %d: window %+v, want %v", i, l.WindowS, want.window)
				}
				if want.rate > 0 && !within(l.RatePerS, want.rate, 0.05) {
					t.Errorf("limit %d: rate %+v, want %v", i, l.RatePerS, want.rate)
				}
			}
		})
	}
}

// What the verdict would see of a path, and the run has not, is asked about before the
// run ends; where nothing was hard to explain nobody looks.
func TestReviewSeesTwoLimitsThatTheRunMissed(t *testing.T) {
	t.Parallel()
	specs := []string{"fixed-window,limit=10,window=1s,by=ip,align=first-request", "fixed-window,limit=100,window=60s,by=key,align=first-request"}
	tr, _ := assess(t, world{specs: specs, roster: twoOfEach(), seed: 7, net: loopback})
	for _, doubted := range []bool{false, true} {
		e := New(Config{Roster: twoOfEach(), Budget: trace.Budget{MaxRequests: 20000, MaxDuration: 20 * time.Minute, MaxInflight: 256}, Seed: 7})
		for _, o := range tr.Observations {
			e.Observe(o)
		}
		e.tour, e.doubted = []inquiry{review{}}, doubted
		review{}.next(e, 0)
		if seen := e.split != nil; seen != doubted {
			t.Errorf("doubted %v: two limits seen %v", doubted, seen)
		}
		if doubted && len(e.tour) < 3 {
			t.Errorf("%d questions to ask", len(e.tour))
		}
	}
}

// What an outer limit refuses passes for no longer window of the inner one: a grid whose
// boundary moves whenever its prediction fails has to predict again.
func TestOuterLimitPassesForNoWindow(t *testing.T) {
	t.Parallel()
	roster := twoOfEach()
	roster.Routes = []string{"/", "/a", "/b"}
	tr, _ := assess(t, world{specs: []string{
		"fixed-window,align=first-request,limit=5,window=4.516s,by=key+route,headers=none",
		"sliding-log,limit=19,window=51.429s,by=ip+key,headers=none",
	}, roster: roster, seed: 2, net: loopback})
	ls := Judge(tr).Limits
	if len(ls) == 0 {
		t.Fatal("no limit was met")
	}
	for _, l := range ls {
		if w := l.WindowS; l.Confidence >= 0.9 && w != nil && w.Value > 5 && w.Value < 50 {
			t.Errorf("%s of %+v per %+v s at %v", l.Algorithm, l.Limit, w, l.Confidence)
		}
	}
}
