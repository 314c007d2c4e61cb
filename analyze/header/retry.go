package header

import (
	"strings"
	"time"

	"apisonde/probe/trace"
)

// Ranks of stated waits.
const (
	rankFine  = iota // finer than a second: retry-after-ms, X-Retry-In
	rankPlain        // Retry-After and its named variants
)

// retryHeader reads Retry-After under its names: with a vendor's prefix, a
// quota's name or a unit behind it, glued or not.
func retryHeader(d *decoder, lower, value string) bool {
	var tail string
	rank := rankPlain
	switch {
	case lower == "x-retry-in" || lower == "retry-in":
		rank = rankFine
	case lower == "x-throttle-wait-seconds" || lower == "x-ratelimit-after" || lower == "x-rate-limit-after":
	default:
		at, size := strings.Index(lower, "retry-after"), len("retry-after")
		if at < 0 {
			at, size = strings.Index(lower, "retryafter"), len("retryafter")
		}
		if at < 0 || (at > 0 && lower[at-1] != '-') {
			return false
		}
		tail = strings.TrimPrefix(lower[at+size:], "-")
	}
	unit := time.Second
	switch named := fieldUnits[tail[strings.LastIndexByte(tail, '-')+1:]]; {
	case named == time.Millisecond:
		unit, rank = named, rankFine
	case named > 0:
		unit = named
	}
	d.saw("retry-after")
	w, ok := d.clock.wait(value, unit)
	if !ok && strings.IndexByte(value, ',') >= 0 {
		w, ok = d.longestWait(value, unit)
	}
	if !ok {
		d.warn(lower, "is no believable wait and is ignored", value)
		return true
	}
	d.waits[rank].take(w, lower)
	return true
}

// longestWait reads a list that a proxy made of several lines.
func (d *decoder) longestWait(value string, unit time.Duration) (longest time.Duration, ok bool) {
	for rest, more := value, true; more; {
		var member string
		member, rest, more = strings.Cut(rest, ",")
		if w, valid := d.clock.wait(member, unit); valid {
			longest, ok = max(longest, w), true
		}
	}
	return longest, ok
}

// take keeps the longest wait of a rank.
func (w *wait) take(d time.Duration, from string) {
	if !w.known || d > w.d {
		*w = wait{true, d, trace.Text(from)}
	}
}
