package limit

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// setting is one word that a spec may hold after its limiter.
type setting struct {
	name     string
	kinds    []string // limiters that take it; nil: all but none
	required bool
	flag     bool // takes no value
	read     func(c *config, value string) error
}

const (
	mostCount = 1_000_000_000
	mostRate  = 1_000_000
	leastRate = 1e-6
	mostSpan  = 365 * 24 * time.Hour
	mostNodes = 1000
)

var (
	windows   = []string{fixedWindow, slidingLog, slidingCounter}
	everyKind = kinds
)

// settings in the order in which messages list them.
var settings = []setting{
	{name: "rate", kinds: []string{tokenBucket, leakyQueue}, required: true, read: func(c *config, v string) (err error) {
		c.rate, err = readRate(v)
		return err
	}},
	{name: "burst", kinds: []string{tokenBucket}, required: true, read: func(c *config, v string) (err error) {
		c.burst, err = readCount(v, mostCount)
		return err
	}},
	{name: "tick", kinds: []string{tokenBucket}, read: func(c *config, v string) (err error) {
		c.tick, err = readSpan(v, time.Millisecond)
		return err
	}},
	{name: "depth", kinds: []string{leakyQueue}, required: true, read: func(c *config, v string) (err error) {
		c.depth, err = readCount(v, mostCount)
		return err
	}},
	{name: "undelayed", kinds: []string{leakyQueue}, read: func(c *config, v string) (err error) {
		c.undelayed, err = readCount(v, mostCount)
		return err
	}},
	{name: "limit", kinds: append([]string{concurrency, slowDown}, windows...), required: true, read: func(c *config, v string) (err error) {
		c.limit, err = readCount(v, mostCount)
		return err
	}},
	{name: "window", kinds: append([]string{slowDown}, windows...), required: true, read: func(c *config, v string) (err error) {
		c.window, err = readSpan(v, time.Millisecond)
		return err
	}},
	{name: "delay", kinds: []string{slowDown}, required: true, read: func(c *config, v string) (err error) {
		c.delay, err = readSpan(v, time.Millisecond)
		return err
	}},
	{name: "max-delay", kinds: []string{slowDown}, required: true, read: func(c *config, v string) (err error) {
		c.maxDelay, err = readSpan(v, time.Millisecond)
		return err
	}},
	{name: "refuse-after", kinds: []string{slowDown}, read: func(c *config, v string) (err error) {
		c.refuseAfter, err = readCount(v, mostCount)
		return err
	}},
	{name: "align", kinds: []string{fixedWindow, slidingCounter, slowDown, tokenBucket}, read: func(c *config, v string) (err error) {
		allowed := []string{alignClock, alignFirst, alignProcess}
		if c.kind == fixedWindow {
			allowed = append(allowed, alignLast)
		}
		c.align, err = readWord(v, allowed)
		return err
	}},
	{name: "or", kinds: []string{fixedWindow}, read: func(c *config, v string) (err error) {
		count, span, _ := strings.Cut(v, "/")
		if c.orLimit, err = readCount(count, mostCount); err == nil {
			c.orWindow, err = readSpan(span, time.Millisecond)
		}
		return err
	}},
	{name: "by", read: func(c *config, v string) (err error) {
		c.by, err = readScope(v)
		return err
	}},
	{name: "ipv6-prefix", read: func(c *config, v string) (err error) {
		c.prefix, err = readCount(v, 128)
		return err
	}},
	{name: "route", kinds: everyKind, read: func(c *config, v string) error {
		if !strings.HasPrefix(v, "/") || strings.ContainsAny(v, "?# ") {
			return fmt.Errorf("%q is not a path: write it from the slash on, without a query", v)
		}
		c.route = v
		return nil
	}},
	{name: "status", read: func(c *config, v string) (err error) {
		c.status, err = readStatus(v)
		return err
	}},
	{name: "headers", read: func(c *config, v string) (err error) {
		c.headers, err = readWord(v, []string{headersLegacy, headersIETF, headersGitHub, headersNone, headersLying})
		return err
	}},
	{name: "retry-after", read: func(c *config, v string) (err error) {
		c.retryAfter, err = readWord(v, []string{retryExact, retryFloor, retryLong, retryNone})
		return err
	}},
	{name: "count-rejected", kinds: append([]string{tokenBucket}, windows...), flag: true, read: func(c *config, _ string) error {
		c.countRefused = true
		return nil
	}},
	{name: "whole-seconds", kinds: windows, flag: true, read: func(c *config, _ string) error {
		c.wholeSeconds = true
		return nil
	}},
	{name: "penalty", read: func(c *config, v string) (err error) {
		c.penalty, err = readSpan(v, time.Millisecond)
		return err
	}},
	{name: "penalty-extends", flag: true, read: func(c *config, _ string) error {
		c.extends = true
		return nil
	}},
	{name: "penalty-clears", kinds: append([]string{tokenBucket}, windows...), flag: true, read: func(c *config, _ string) error {
		c.clears = true
		return nil
	}},
	{name: "penalty-expires", kinds: append([]string{tokenBucket}, windows...), flag: true, read: func(c *config, _ string) error {
		c.extends, c.clears, c.expires = true, true, true
		return nil
	}},
	{name: "penalty-status", read: func(c *config, v string) (err error) {
		c.blockStatus, err = readStatus(v)
		return err
	}},
	{name: "anonymous", read: func(c *config, v string) (err error) {
		c.anonymous, err = readWord(v, []string{anonShared, anonUnlimited, anonIP, anonRefuse})
		return err
	}},
	{name: "nodes", read: func(c *config, v string) (err error) {
		c.nodes, err = readCount(v, mostNodes)
		return err
	}},
	{name: "latency", kinds: everyKind, read: func(c *config, v string) (err error) {
		c.latency, err = readSpan(v, 0)
		return err
	}},
	{name: "jitter", kinds: everyKind, read: func(c *config, v string) (err error) {
		c.jitter, err = readSpan(v, 0)
		return err
	}},
}

// takes says whether limiters of that kind take the setting.
func (s setting) takes(kind string) bool {
	if s.kinds == nil {
		return kind != none
	}
	return slices.Contains(s.kinds, kind)
}

// namesOf lists the settings that a kind of limiter takes.
func namesOf(kind string) []string {
	var names []string
	for _, s := range settings {
		if s.takes(kind) {
			names = append(names, s.name)
		}
	}
	return names
}

func readWord(v string, allowed []string) (string, error) {
	if !slices.Contains(allowed, v) {
		return "", fmt.Errorf("%q is not known here: give %s", v, list(allowed))
	}
	return v, nil
}

func readCount(v string, most int) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%q is not a count: give a whole number from 1 to %d", v, most)
	}
	return n, nil
}

func readStatus(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 400 || n > 599 {
		return 0, fmt.Errorf("%q is not a status of refusal: give 400 to 599", v)
	}
	return n, nil
}

func readRate(v string) (float64, error) {
	r, err := strconv.ParseFloat(v, 64)
	if err != nil || math.IsNaN(r) || r < leastRate || r > mostRate {
		return 0, fmt.Errorf("%q is not a rate: give requests a second, from %g to %d", v, leastRate, mostRate)
	}
	return r, nil
}

func readSpan(v string, least time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	if err != nil || d < least || d > mostSpan {
		return 0, fmt.Errorf("%q is not a duration: give one such as 500ms, 10s or 1h30m, from %v to %v", v, least, mostSpan)
	}
	return d, nil
}

func readScope(v string) ([]string, error) {
	if v == "global" {
		return nil, nil
	}
	by := strings.Split(v, "+")
	for i, d := range by {
		if !slices.Contains(dims, d) {
			return nil, fmt.Errorf("%q is not known here: give global, or %s, joined with +", d, list(dims))
		}
		if slices.Contains(by[:i], d) {
			return nil, fmt.Errorf("%q stands twice: give it once", d)
		}
	}
	slices.Sort(by)
	return by, nil
}
