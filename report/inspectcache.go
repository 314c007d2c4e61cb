package report

import (
	"strconv"
	"strings"
	"time"

	"apisonde/probe/trace"
)

// cachingOf says what a response lets a client keep: a request that is not made
// spends no quota. It also says where the figures themselves come from a cache.
func cachingOf(hs []trace.Header) []string {
	var out []string
	if v, ok := value(hs, "ETag"); ok {
		out = append(out, "ETag "+string(v)+": ask with If-None-Match, which some services do not count where the answer is 304")
	}
	if v, ok := value(hs, "Cache-Control"); ok {
		out = append(out, "Cache-Control "+string(v)+cacheable(string(v)))
	}
	if v, ok := value(hs, "Age"); ok {
		s := "Age " + string(v)
		if n, err := strconv.ParseUint(string(v), 10, 31); err == nil && n > 0 {
			s += ": a cache answered, so what it says of quotas may be " + spell(float64(n)) + " old"
		}
		out = append(out, s)
	}
	return out
}

// cacheable says what a Cache-Control allows, "" where that is not plain.
func cacheable(v string) string {
	age := ""
	for d := range strings.SplitSeq(strings.ToLower(v), ",") {
		name, arg, _ := strings.Cut(strings.TrimSpace(d), "=")
		switch name {
		case "no-store":
			return ": no answer may be kept"
		case "no-cache":
			return ": a kept answer has to be asked for again, with If-None-Match"
		case "max-age":
			if n, err := strconv.ParseUint(strings.Trim(arg, `"`), 10, 31); err == nil {
				age = ": an answer may be used again for " + spell(float64(n))
			}
		}
	}
	return age
}

// clockOf compares the response's Date with the receipt. Date is cut to a second,
// and was written at some instant between request and response.
func clockOf(r Response) []string {
	v, ok := value(r.Headers, "Date")
	if !ok {
		return nil
	}
	date, ok := dateOf(string(v))
	if !ok {
		return nil
	}
	if age, ok := value(r.Headers, "Age"); ok { // a cache answered so long after that Date
		if n, err := strconv.ParseUint(string(age), 10, 31); err == nil {
			date = date.Add(time.Duration(n) * time.Second)
		}
	}
	ahead := date.Sub(r.Received)
	behind := r.Received.Add(-r.Took).Sub(date.Add(time.Second))
	if r.Assumed {
		switch {
		case ahead > 24*time.Hour || behind > 24*time.Hour:
			return []string{"its Date is more than a day from now, so resets that are times of day count from now; --received-at says when it arrived"}
		case ahead > 0 || behind > time.Minute:
			return []string{"its Date is " + string(v) + ", and resets that are times of day count from it; --received-at says when it arrived"}
		}
		return nil
	}
	switch {
	case ahead > 0:
		return []string{"the server's is ahead by " + skew(ahead) + " at least"}
	case behind > 0:
		return []string{"the server's is behind by " + skew(behind) + " at least"}
	}
	return []string{"the server's agrees, as far as its Date tells"}
}

// skew writes a difference of clocks; more than its first unit is of no use.
func skew(d time.Duration) string {
	if d >= time.Second {
		d = d.Truncate(time.Second)
	} else {
		d = max(d.Truncate(time.Millisecond), time.Millisecond)
	}
	return spell(d.Seconds())
}

// dateOf reads the three forms of a Date field.
func dateOf(v string) (time.Time, bool) {
	for _, form := range []string{"Mon, 02 Jan 2006 15:04:05 GMT", "Monday, 02-Jan-06 15:04:05 GMT", time.ANSIC} {
		if t, err := time.Parse(form, v); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
