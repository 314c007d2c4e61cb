package infer

import (
	"math/rand/v2"
	"testing"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// slowed plays a window of ten seconds, opened by its first request, that lets
// ten through and holds each later one 0.1 s longer than the one before.
func slowed(r *record, n int) {
	now, opened, count := 0.0, 0.0, 0
	for range n {
		if now-opened >= 10 {
			opened, count = now, 0
		}
		count++
		rtt := 0.001 + 0.1*float64(max(0, count-10))
		x := at(now, r.base(), r.roster.Routes[0], trace.Admitted)
		x.seq, x.rtt = len(r.samples)+1, rtt
		r.keep(x)
		now += rtt
	}
}

func TestWindowThatSlowsDownIsSeenByItsGrowingDelays(t *testing.T) {
	t.Parallel()
	r := newRecord(oneOfEach())
	slowed(r, 60)
	s, ok := r.growing()
	if !ok || s.undelayed != 10 || s.lo > 10 || s.hi < 10 || s.window < 9 || s.window > 11 {
		t.Fatalf("%+v, %v; want ten undelayed in about 10 s", s, ok)
	}
	if s.step < 0.099 || s.step > 0.101 {
		t.Errorf("each answer is later by %g s, want 0.1", s.step)
	}
	l := r.delays(s)
	if l.Algorithm != verdict.LeakyQueue || l.Undelayed.Value != 10 || l.Scope != nil || l.Confidence >= 0.9 {
		t.Errorf("%+v", l)
	}
}

func TestFirstGrowingDelaysAloneTellNoFigures(t *testing.T) {
	t.Parallel()
	r := newRecord(oneOfEach())
	slowed(r, 18) // others may have spent from the window before
	s, ok := r.growing()
	if !ok || s.undelayed != 0 || s.window != 0 {
		t.Errorf("%+v, %v", s, ok)
	}
	if l := r.delays(s); l.Limit != nil || l.WindowS != nil {
		t.Errorf("%+v", l)
	}
}

func TestJitterIsNoWindowThatSlowsDown(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for trial := range 200 {
		r := newRecord(oneOfEach())
		now := 0.0
		for range 600 {
			x := at(now, r.base(), "/", trace.Admitted)
			x.rtt = 0.03 + 0.3*rng.Float64()
			r.keep(x)
			now += x.rtt
		}
		if s, ok := r.growing(); ok {
			t.Fatalf("trial %d: %+v", trial, s)
		}
	}
}

func TestOwnLoadIsNoWindowThatSlowsDown(t *testing.T) {
	t.Parallel()
	r := newRecord(oneOfEach())
	for i := range 40 { // together, answered one after another
		x := at(0, r.base(), "/", trace.Admitted)
		x.rtt = 0.001 + 0.1*float64(i)
		r.keep(x)
	}
	if s, ok := r.growing(); ok {
		t.Errorf("%+v", s)
	}
}
