package model

import (
	"math"
	"slices"
	"testing"
)

// What people configure stands among the round values, each once.
func TestRoundValues(t *testing.T) {
	for _, core := range []Core{CoreBucket, CoreWindow} {
		v := Variant{Core: core}
		nice := v.Nice()
		for i := 1; i < len(nice); i++ {
			if nice[i] < nice[i-1]*(1+1e-9) {
				t.Errorf("core %d: %g follows %g", core, nice[i], nice[i-1])
			}
		}
		configured := []float64{1, 10, 60, 3600}
		if core == CoreBucket { // 20 a second, 10 a second, 100 a minute, 1 a second, 10 a minute, 1 a minute
			configured = []float64{.05, .1, .6, 1, 6, 60}
		}
		for _, w := range configured {
			if !slices.ContainsFunc(nice, func(x float64) bool { return math.Abs(x/w-1) < 1e-9 }) {
				t.Errorf("core %d: %g s is missing among %d values", core, w, len(nice))
			}
		}
	}
}
