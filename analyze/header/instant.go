package header

import (
	"strings"
	"time"

	"apisonde/probe/trace"
)

// clock resolves the instants that a response names.
type clock struct {
	base     time.Time // the response's Date where it can be believed, else the receipt
	timeless bool      // no instant is known: every date counts, as now
}

// newClock takes the response's own clock where it is within a day of the
// receipt: an absolute time was computed by that clock, right or wrong.
func newClock(date string, receivedAt time.Time) clock {
	if date != "" {
		if t, ok := moment(date); ok {
			if off := t.Sub(receivedAt); off >= -24*time.Hour && off <= 24*time.Hour {
				return clock{base: t}
			}
		}
	}
	return clock{base: receivedAt}
}

// Date is when a response was made by its own clock, to the second; zero where it
// does not say.
func Date(hs []trace.Header) time.Time {
	t, _ := moment(dateOf(hs[:min(len(hs), maxHeaders)]))
	return t
}

// until is how long t is away: 0 for the past, not ok beyond 35 days.
func (c clock) until(t time.Time) (time.Duration, bool) {
	if c.timeless {
		return 0, true
	}
	d := t.Sub(c.base)
	if d > longest {
		return 0, false
	}
	return max(d, 0), true
}

// wait reads a reset or a wait in whatever form it is written. A bare number
// counts in unit up to 35 days; above that its magnitude says which epoch it
// is. A number that is neither is not ok.
func (c clock) wait(s string, unit time.Duration) (time.Duration, bool) {
	s = bare(s)
	if whole, frac, rest := decimal(s); whole != "" && rest == "" {
		if d, fits := scale(whole, frac, unit); fits && d <= longest {
			return d, true
		}
		return c.epoch(whole, frac)
	}
	if d, ok := duration(s); ok {
		return d, d <= longest
	}
	if t, ok := moment(s); ok {
		return c.until(t)
	}
	return 0, false
}

// epoch reads a count since 1970 by its number of digits.
func (c clock) epoch(whole, frac string) (time.Duration, bool) {
	whole = strings.TrimLeft(whole, "0")
	var n int64
	if len(whole) > 19 {
		return 0, false
	}
	for i := range len(whole) {
		digit := int64(whole[i] - '0')
		if n > (1<<63-1-digit)/10 {
			return 0, false
		}
		n = n*10 + digit
	}
	switch len(whole) {
	case 10:
		part, _ := scale("", frac, time.Second)
		return c.until(time.Unix(n, int64(part)))
	case 13:
		return c.until(time.UnixMilli(n))
	case 16:
		return c.until(time.UnixMicro(n))
	case 19:
		return c.until(time.Unix(n/1e9, n%1e9))
	}
	return 0, false
}

// isoForms start with the year. The parser takes a fraction after any seconds.
var isoForms = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00",
	"2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z0700", "2006-01-02T15:04:05Z07", "2006-01-02 15:04:05Z07",
	"2006-01-02 15:04:05 Z0700", "2006-01-02 15:04:05 -0700 -0700", "2006-01-02T15:04Z07:00", "2006-01-02 15:04",
	"20060102T150405Z0700", "20060102T150405",
}

// nameForms start with the day's name, or the day.
var nameForms = []string{
	"Mon, 2 Jan 2006 15:04:05", "Mon, 2 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04:05 -07:00",
	"Monday, 2-Jan-06 15:04:05", "Mon, 2-Jan-06 15:04:05", "Mon, 2-Jan-2006 15:04:05",
	"Mon Jan _2 15:04:05 2006", "Mon Jan 2 2006 15:04:05 GMT-0700", "Mon Jan 2 2006 15:04:05",
	"2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05 -0700", "Monday, 2 January 2006 15:04:05",
}

// moment reads a date in the forms of RFC 9110, RFC 1123 with UTC or an offset,
// ISO 8601 and JavaScript. No zone is UTC; a zone's name other than UTC and
// GMT is not a moment, for nobody knows its offset.
func moment(s string) (time.Time, bool) {
	s = bare(s)
	if len(s) < len("20060102T150405") || len(s) > 90 {
		return time.Time{}, false
	}
	if i := strings.Index(s, " ("); i > 0 && s[len(s)-1] == ')' {
		s = s[:i] // JavaScript adds the name of its zone
	}
	for _, zone := range [...]string{" GMT", " UTC", " UT", " Z"} {
		if cut, ok := strings.CutSuffix(s, zone); ok {
			s = cut
			break
		}
	}
	forms := nameForms
	switch {
	case digits(s) >= 4:
		forms, s = isoForms, strings.ToUpper(s)
	case strings.Contains(s, " UTC 2") || strings.Contains(s, " GMT 2"):
		s = strings.Replace(strings.Replace(s, " UTC 2", " 2", 1), " GMT 2", " 2", 1) // date(1)
	}
	for _, form := range forms {
		if t, err := time.Parse(form, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
