package model

import (
	"math"
	"slices"
)

// People configure round numbers. Half of the prior weight of a duration stands
// on these, in seconds; the other half is spread evenly over its logarithm.
var (
	niceWindows = []float64{.1, .2, .25, .5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 45, 60, 90, 120, 180, 240,
		300, 600, 900, 1200, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400}
	nicePerToken = perToken()
)

// perToken lists seconds per token for round rates a second, a minute and an
// hour.
func perToken() []float64 {
	counts := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50, 60, 75, 80, 90, 100, 120, 150, 200, 250,
		300, 400, 500, 600, 750, 800, 900, 1000, 1200, 1500, 2000, 2500, 3000, 5000, 10000}
	var out []float64
	for _, unit := range []float64{1, 60, 3600} {
		for _, n := range counts {
			out = append(out, unit/n)
		}
	}
	slices.Sort(out)
	return slices.CompactFunc(out, func(a, b float64) bool { return math.Abs(a-b) < 1e-9*b })
}

// Nice lists the round values of Params.W for the variant, ascending.
func (v *Variant) Nice() []float64 {
	if v.Core == CoreBucket {
		return nicePerToken
	}
	return niceWindows
}

// NicePenalties lists the round values of Params.P, ascending.
func NicePenalties() []float64 { return niceWindows }
