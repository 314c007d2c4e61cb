package header

import (
	"strconv"
	"strings"
	"time"
)

// maxDigits is how many digits a figure may have before its point: what a
// structured-field integer may have, and exact in a float64.
const maxDigits = 15

// longest is the longest wait that is believed. It is also where a number
// stops being a count of seconds: the epoch passed it in 1970.
const longest = 35 * 24 * time.Hour

// bare takes the white space and one pair of double quotes from a value.
func bare(s string) string {
	s = strings.Trim(s, " \t")
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = strings.Trim(s[1:len(s)-1], " \t")
	}
	return s
}

// decimal cuts a plain decimal from the front of s: digits, perhaps a point and
// digits. A sign, exponent, underscore or any other script's digits end it.
func decimal(s string) (whole, frac, rest string) {
	i := digits(s)
	whole, rest = s[:i], s[i:]
	if i > 0 && len(rest) > 1 && rest[0] == '.' {
		if n := digits(rest[1:]); n > 0 {
			frac, rest = rest[1:1+n], rest[1+n:]
		}
	}
	return whole, frac, rest
}

func digits(s string) int {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return i
}

// plain reads a count: a plain decimal, perhaps quoted, of at most 15 digits.
func plain(s string) (v float64, ok bool) {
	s = bare(s)
	whole, _, rest := decimal(s)
	if whole == "" || rest != "" || len(strings.TrimLeft(whole, "0")) > maxDigits {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}

// boundless tells the words and the sign that mean "no limit", which is no
// figure and no mistake either.
func boundless(s string) bool {
	s = bare(s)
	if len(s) > len("not applicable") {
		return false
	}
	switch strings.ToLower(s) {
	case "unlimited", "unlimit", "infinite", "infinity", "inf", "none", "null", "no limit", "no-limit", "nolimit", "-1", "-", "n/a", "∞":
		return true
	}
	return false
}

// units are the spellings of the units of time that a value may carry.
var units = map[string]time.Duration{
	"ns": time.Nanosecond, "us": time.Microsecond, "µs": time.Microsecond, "μs": time.Microsecond,
	"ms": time.Millisecond, "msec": time.Millisecond, "millis": time.Millisecond,
	"millisecond": time.Millisecond, "milliseconds": time.Millisecond,
	"s": time.Second, "sec": time.Second, "secs": time.Second, "second": time.Second, "seconds": time.Second,
	"m": time.Minute, "min": time.Minute, "mins": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hrs": time.Hour, "hour": time.Hour, "hours": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
	"w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour, "weeks": 7 * 24 * time.Hour,
}

// span is a length of time as a value states it. Lengths over what an int64 of
// nanoseconds holds are not spans.
func scale(whole, frac string, unit time.Duration) (time.Duration, bool) {
	whole = strings.TrimLeft(whole, "0")
	if len(whole) > 18 {
		return 0, false
	}
	var n int64
	for i := range len(whole) {
		n = n*10 + int64(whole[i]-'0')
	}
	if n > int64(1<<62)/int64(unit) {
		return 0, false
	}
	d := time.Duration(n) * unit
	if frac != "" {
		f, err := strconv.ParseFloat("0."+frac[:min(len(frac), 18)], 64)
		if err != nil {
			return 0, false
		}
		d += time.Duration(f*float64(unit) + 0.5)
	}
	return d, true
}

// duration reads a length of time with its units: 6m0s, 2m59.56s, 20ms, 1d2h,
// 30 seconds. A number without a unit is not one.
func duration(s string) (total time.Duration, ok bool) {
	s = bare(s)
	for s != "" {
		whole, frac, rest := decimal(s)
		if whole == "" {
			return 0, false
		}
		rest = strings.TrimPrefix(rest, " ")
		n := 0
		for n < len(rest) && rest[n] != ' ' && (rest[n] < '0' || rest[n] > '9') {
			n++
		}
		if n == 0 || n > len("milliseconds") {
			return 0, false
		}
		unit, known := units[strings.ToLower(rest[:n])]
		if !known {
			return 0, false
		}
		d, fits := scale(whole, frac, unit)
		if !fits || total > 1<<62-d {
			return 0, false
		}
		total += d
		s = strings.TrimPrefix(rest[n:], " ")
		ok = true
	}
	return total, ok
}

// timeSpan reads hh:mm:ss with or without a fraction, as .NET writes a length of
// time. It is one only in a field that says it states a length.
func timeSpan(s string) (total time.Duration, ok bool) {
	s = bare(s)
	for _, unit := range [...]time.Duration{time.Hour, time.Minute, time.Second} {
		whole, frac, rest := decimal(s)
		if len(whole) != 2 || (frac != "") && unit != time.Second {
			return 0, false
		}
		part, _ := scale(whole, frac, unit)
		total += part
		if s, ok = strings.CutPrefix(rest, ":"); !ok {
			return total, unit == time.Second && rest == ""
		}
	}
	return 0, false
}

// seconds is d in seconds, exact to the nanosecond.
func seconds(d time.Duration) Num { return Some(float64(d) / float64(time.Second)) }

// tidy takes the dust of binary fractions from a computed figure.
func tidy(v float64) float64 {
	const grain = 1e9
	if abs(v) > 1e6 {
		return v
	}
	n := v*grain + 0.5
	return float64(int64(n)) / grain
}
