package audit

import (
	"math"
	"slices"

	"apisonde/analyze/header"
	"apisonde/analyze/verdict"
)

// sure is the confidence from which an inferred figure may speak against a
// header.
const sure = 0.9

func trusted(l *verdict.Limit) bool {
	return l.AlgorithmConfidence >= sure && l.Algorithm != verdict.Unknown
}

// refusalsHarmless says whether a refusal leaves the wait as it was.
func refusalsHarmless(l *verdict.Limit) bool {
	if l.Algorithm == verdict.Unknown || l.Rejection.PenaltyExtends != nil && *l.Rejection.PenaltyExtends {
		return false
	}
	if l.Alignment != nil && *l.Alignment == verdict.AlignLastRequest {
		return false
	}
	if c := l.Rejection.CountsAgainstLimit; c != nil {
		return !*c
	}
	return l.Algorithm == verdict.FixedWindow && len(l.Equivalent) == 0
}

// longestWait is the longest that a refused caller who stops asking can have to
// wait for one request under the limit as inferred; infinite where that is not
// known. Refusals that count put a bucket into debt without bound; a window is
// over when it is over.
func longestWait(l *verdict.Limit) float64 {
	if !trusted(l) || l.Rejection.PenaltyS != nil {
		return math.Inf(1)
	}
	if l.Algorithm == verdict.TokenBucket {
		if len(l.Equivalent) > 0 || l.RatePerS == nil || l.Alignment != nil || !refusalsHarmless(l) {
			return math.Inf(1)
		}
		return 1 / l.RatePerS.Lo
	}
	for _, algorithm := range append([]string{l.Algorithm}, l.Equivalent...) {
		if algorithm != verdict.FixedWindow && algorithm != verdict.SlidingLog {
			return math.Inf(1)
		}
	}
	if l.WindowS == nil {
		return math.Inf(1)
	}
	return l.WindowS.Hi
}

func guards(l *verdict.Limit, route string) bool {
	return l.Routes == nil || slices.Contains(l.Routes, route)
}

// near says whether v lies within f's interval, give or take.
func near(f *verdict.Figure, v, share, units float64) bool {
	give := max(share*math.Abs(v), units)
	return v >= min(f.Lo, f.Value)-give && v <= max(f.Hi, f.Value)+give
}

// spans are the windows that a limit stated without one may be meant per.
var spans = []float64{1, 60, 3600, 86400}

// agreesOnLimit says whether a stated limit can be read as the inferred one: the
// count itself, the sum over several nodes, or, of a bucket, its rate per window.
func agreesOnLimit(l *verdict.Limit, stated float64, window header.Num) bool {
	give := 1.5
	if l.Algorithm == verdict.TokenBucket {
		give = 2.5
	}
	if l.Limit != nil && near(l.Limit, stated, 0.05, give) || l.Burst != nil && near(l.Burst, stated, 0.05, give) {
		return true
	}
	if l.Nodes != nil && l.Limit != nil && near(l.Limit, stated/l.Nodes.Value, 0.05, give) {
		return true
	}
	if l.RatePerS == nil {
		return l.Limit == nil
	}
	if window.Known {
		return window.Value > 0 && near(l.RatePerS, stated/window.Value, 0.05, 0)
	}
	return slices.ContainsFunc(spans, func(w float64) bool { return near(l.RatePerS, stated/w, 0.03, 0) })
}

// agreesOnWindow says whether a stated limit per window can be read as the
// inferred one.
func agreesOnWindow(l *verdict.Limit, stated, window float64) bool {
	if window <= 0 {
		return false
	}
	if l.WindowS != nil && near(l.WindowS, window, 0.05, 0.05) {
		return true
	}
	if l.RatePerS == nil {
		return l.WindowS == nil
	}
	// Windows are stated in whole seconds.
	rate := *l.RatePerS
	rate.Lo, rate.Hi = rate.Lo*window/(window+1), rate.Hi*window/max(window-1, window/2)
	return near(&rate, stated/window, 0.05, 0)
}
