package cli

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"apisonde/analyze/verdict"
)

// expectation is what --expect states: exactly these layers and no other. No
// layer is "none": no limit is to be found.
type expectation struct {
	layers []expectedLayer
}

// expectedLayer is one "COUNT per DURATION [burst COUNT] [by SCOPE]".
type expectedLayer struct {
	text   string
	count  float64
	window time.Duration
	burst  float64  // 0: not stated
	scope  []string // nil: not stated; empty: one counter that everybody shares
}

const expectForm = "write it as '100 per 60s by key', several layers joined by 'and', or 'none'"

// parseExpectation reads the text of --expect.
func parseExpectation(text string) (expectation, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	if text == "none" {
		return expectation{}, nil
	}
	var e expectation
	for clause := range strings.SplitSeq(text, " and ") {
		l, err := parseLayer(strings.Fields(clause))
		if err != nil {
			return expectation{}, usagef("--expect %q: %w; %s", text, err, expectForm)
		}
		l.text = strings.TrimSpace(clause)
		e.layers = append(e.layers, l)
	}
	return e, nil
}

func parseLayer(w []string) (expectedLayer, error) {
	var l expectedLayer
	if len(w) < 3 || w[1] != "per" {
		return l, fmt.Errorf("a layer is COUNT per DURATION")
	}
	var err error
	if l.count, err = parseCount(w[0]); err != nil {
		return l, err
	}
	if l.window, err = parseSpan(w[2]); err != nil {
		return l, err
	}
	for rest := w[3:]; len(rest) > 0; rest = rest[2:] {
		switch {
		case len(rest) < 2:
			return l, fmt.Errorf("%q needs a value", rest[0])
		case rest[0] == "burst" && l.burst == 0:
			if l.burst, err = parseCount(rest[1]); err != nil {
				return l, err
			}
		case rest[0] == "by" && l.scope == nil:
			if l.scope, err = parseScope(rest[1]); err != nil {
				return l, err
			}
		default:
			return l, fmt.Errorf("%q is not understood", rest[0])
		}
	}
	return l, nil
}

func parseCount(s string) (float64, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not a count", s)
	}
	return float64(n), nil
}

// parseSpan reads a duration, also a bare unit: "per minute".
func parseSpan(s string) (time.Duration, error) {
	switch s {
	case "s", "second":
		return time.Second, nil
	case "m", "minute":
		return time.Minute, nil
	case "h", "hour":
		return time.Hour, nil
	case "d", "day":
		return 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a duration", s)
	}
	return d, nil
}

// parseScope reads "key", "ip+key" or "global".
func parseScope(s string) ([]string, error) {
	if s == "global" {
		return []string{}, nil
	}
	scope := strings.Split(s, "+")
	for _, d := range scope {
		if !slices.Contains([]string{"ip", "key", "user", "route", "forwarded"}, d) {
			return nil, fmt.Errorf("scope %q is none of ip, key, user, route, forwarded or global", s)
		}
	}
	slices.Sort(scope)
	return slices.Compact(scope), nil
}

// differences says in words where v is not what was expected, nothing when it is.
// An answer left open differs: it does not show what was expected.
func (e expectation) differences(v verdict.Verdict) []string {
	if len(e.layers) == 0 {
		if v.Outcome == verdict.OutcomeNoLimit {
			return nil
		}
		return []string{"expected no limit; the outcome is " + v.Outcome}
	}
	var out []string
	left := slices.Clone(v.Limits)
	for _, l := range e.layers {
		i := slices.IndexFunc(left, l.shownBy)
		if i < 0 {
			out = append(out, fmt.Sprintf("expected %s; no limit that was measured is surely that", l.text))
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	if len(v.Limits) > len(e.layers) {
		out = append(out, fmt.Sprintf("measured %d limits, expected %d", len(v.Limits), len(e.layers)))
	}
	return out
}

// shownBy tells whether the measured limit is the expected layer. A window must
// agree in both figures, a refill in its rate.
func (l expectedLayer) shownBy(m verdict.Limit) bool {
	if l.scope != nil && !l.scopeShown(m) {
		return false
	}
	if l.burst > 0 && !agrees(m.Burst, l.burst, 0) {
		return false
	}
	if m.WindowS != nil {
		return agrees(m.Limit, l.count, 0) && agrees(m.WindowS, l.window.Seconds(), timeMargin)
	}
	return agrees(m.RatePerS, l.count/l.window.Seconds(), timeMargin)
}

// scopeShown tells whether the expected scope is the measured one, or what is left
// of it where other dimensions had one value alone: with two keys and one address,
// "by key" is shown when every candidate counts by key and it alone is one of them.
func (l expectedLayer) scopeShown(m verdict.Limit) bool {
	if m.Scope != nil || len(l.scope) == 0 {
		return m.Scope != nil && slices.Equal(l.scope, m.Scope)
	}
	isOne := false
	for _, c := range m.ScopeCandidates {
		for _, d := range l.scope {
			if !slices.Contains(c, d) {
				return false
			}
		}
		isOne = isOne || len(c) == len(l.scope)
	}
	return isOne
}

// timeMargin is the relative difference below which a time or rate is never
// called another: a 95 % interval misses the truth one time in twenty, which would
// make a nightly check cry wolf every three weeks.
const timeMargin = 0.02

// agrees tells whether a stated figure is want: within its interval, or off by at
// most margin, relatively. A figure that is not stated does not agree.
func agrees(f *verdict.Figure, want, margin float64) bool {
	if f == nil {
		return false
	}
	return f.Lo <= want && want <= f.Hi || math.Abs(f.Value-want) <= margin*want
}
