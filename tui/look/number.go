package look

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Number writes x with at most four significant digits and no needless zeros.
func Number(x float64) string {
	switch {
	case math.IsNaN(x):
		return "?"
	case math.IsInf(x, 1):
		return "∞"
	case math.IsInf(x, -1):
		return "-∞"
	case x == math.Trunc(x) && math.Abs(x) < 1e9:
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	if math.Abs(x) >= 1000 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}

// Percent writes a share from 0 to 1; it says 0 % or 100 % only where that is so.
func Percent(p float64) string {
	switch {
	case math.IsNaN(p):
		return "?"
	case p > 0 && p < 0.01:
		return "<1%"
	case p < 1 && p > 0.99:
		return ">99%"
	}
	return fmt.Sprintf("%.0f%%", math.Floor(p*100+1e-9)) // 0.29*100 is below 29
}

// Clock writes a span as a stopwatch does: 0:07, 12:30, 1:02:03.
func Clock(d time.Duration) string {
	s := int(max(0, d).Seconds())
	if h := s / 3600; h > 0 {
		return fmt.Sprintf("%d:%02d:%02d", h, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// Span writes a span in the largest unit that keeps it short: 350 ms, 4.2 s, 90 s, 15 min.
func Span(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return strconv.FormatFloat(math.Round(d.Seconds()*10)/10, 'f', -1, 64) + " s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}

// Count writes a whole number with its thousands grouped: 99,937. It is never
// below nothing.
func Count(n int) string {
	s := strconv.Itoa(max(0, n))
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
