package infer

import (
	"math"
	"math/rand/v2"
	"testing"
)

// A cold walk goes down only, a warm one up as well; neither stands where nothing makes
// sense, and both end when they are told to.
func TestMetropolis(t *testing.T) {
	walk := func(heat float64, meet func(x int, cost float64) bool) {
		rng := rand.New(rand.NewPCG(1, 2))
		metropolis(rng, 5000, 50, 50, func(x int) (int, bool) {
			x += 2*rng.IntN(2) - 1
			return x, x >= 0
		}, func(x int, _ float64) float64 { return math.Abs(float64(x)) }, func(int) float64 { return heat }, meet)
	}
	last := 50
	walk(1e-9, func(x int, cost float64) bool {
		if x < 0 || x > last || cost != float64(x) {
			t.Fatalf("a cold walk went from %d to %d, at %v", last, x, cost)
		}
		last = x
		return true
	})
	if last != 0 {
		t.Errorf("it ended at %d", last)
	}
	up, met := false, 0
	last = 50
	walk(3, func(x int, _ float64) bool {
		up = up || x > last
		last = x
		met++
		return met < 100
	})
	if !up || met != 100 {
		t.Errorf("a warm walk went up: %v, and met %d", up, met)
	}
}
