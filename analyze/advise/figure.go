package advise

import (
	"fmt"
	"math"
	"strconv"

	"apisonde/analyze/verdict"
)

// figures are the parts of a limit that advice rests on, each already at its
// cautious end; zero means that nothing is stated.
type figures struct {
	limit     int     // low end, whole
	burst     int     // low end, whole
	undelayed int     // low end, whole
	window    float64 // high end, s
	rate      float64 // low end, 1/s
	rateHigh  float64 // high end, 1/s
	delta     float64 // spread of the way to the server, s
	trip      float64 // a slow round trip, s
}

func figuresOf(l verdict.Limit, c Client) figures {
	f := figures{delta: c.Spread.Seconds(), trip: (c.RTT + c.Spread).Seconds()}
	f.limit = wholeLow(l.Limit)
	f.burst = wholeLow(l.Burst)
	f.undelayed = wholeLow(l.Undelayed)
	if usable(l.WindowS) {
		f.window = l.WindowS.Hi
	}
	if usable(l.RatePerS) {
		f.rate, f.rateHigh = l.RatePerS.Lo, l.RatePerS.Hi
	} else if f.limit > 0 && usable(l.WindowS) {
		f.rate, f.rateHigh = float64(f.limit)/l.WindowS.Hi, l.Limit.Hi/l.WindowS.Lo
	}
	return f
}

// usable tells a figure that a formula may take: finite, ordered and above zero
// over its whole interval.
func usable(f *verdict.Figure) bool {
	return f != nil && f.Lo > 0 && f.Lo <= f.Hi && !math.IsInf(f.Hi, 0) && !math.IsNaN(f.Value)
}

// wholeLow is the low end of a count. A count is whole, so 29.6 is 29; the small
// allowance keeps 30 from becoming 29 by a rounding in its last bit.
func wholeLow(f *verdict.Figure) int {
	if !usable(f) || f.Lo > math.MaxInt32 {
		return 0
	}
	return int(math.Floor(f.Lo + 1e-9))
}

// digits is how many significant digits a setting keeps: rounding then costs
// at most a ten-thousandth of the capacity.
const digits = 5

// floorTo and ceilTo round to digits significant digits, down and up.
func floorTo(v float64) float64 { return roundSig(v, digits, math.Floor) }
func ceilTo(v float64) float64  { return roundSig(v, digits, math.Ceil) }

// roundSig rounds to n significant digits with round.
func roundSig(v float64, n int, round func(float64) float64) float64 {
	if v <= 0 || math.IsInf(v, 0) {
		return v
	}
	places := n - 1 - int(math.Floor(math.Log10(v)))
	scale := math.Pow10(places)
	r := round(v * scale)
	// A value that is already round must not move by an error in its last bit.
	if near := math.Round(v * scale); math.Abs(near-v*scale) < 1e-7 {
		r = near
	}
	out, err := strconv.ParseFloat(strconv.FormatFloat(r/scale, 'g', n, 64), 64)
	if err != nil {
		return r / scale
	}
	return out
}

// num writes a number without exponent or needless zeros.
func num(v float64) string {
	r := roundSig(v, digits, math.Round)
	return strconv.FormatFloat(r, 'f', -1, 64)
}

// secs writes a time in the unit that suits it.
func secs(v float64) string {
	if v > 0 && v < 1 {
		return num(v*1000) + " ms"
	}
	return num(v) + " s"
}

// low and high say which end of an interval a setting took.
func low(sym string, f *verdict.Figure, used string, unit string) string {
	return end(sym, f, used, unit, "low")
}

func high(sym string, f *verdict.Figure, used string, unit string) string {
	return end(sym, f, used, unit, "high")
}

func end(sym string, f *verdict.Figure, used, unit, which string) string {
	if f == nil {
		return fmt.Sprintf("%s = %s", sym, used)
	}
	if f.Lo == f.Hi {
		return fmt.Sprintf("%s = %s (exact)", sym, used)
	}
	return fmt.Sprintf("%s = %s (the %s end of %s to %s%s)", sym, used, which, num(f.Lo), num(f.Hi), unit)
}
