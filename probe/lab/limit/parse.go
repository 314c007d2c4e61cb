package limit

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Parse reads specs, one a layer, and returns a fresh stack of them. The
// package comment describes the grammar. Errors name the layer, the bad word
// and what would be allowed in its place.
func Parse(specs []string) (*Stack, error) {
	if len(specs) == 0 {
		return nil, errors.New("no limiter given: give at least one spec, such as none")
	}
	configs := make([]*config, len(specs))
	for i, spec := range specs {
		c, err := parse(spec)
		if err != nil {
			return nil, fmt.Errorf("limiter %d (%q): %w", i+1, spec, err)
		}
		configs[i] = c
	}
	return newStack(configs), nil
}

func parse(spec string) (*config, error) {
	words := strings.Split(spec, ",")
	c := &config{kind: strings.TrimSpace(words[0]), set: map[string]bool{}}
	if !slices.Contains(kinds, c.kind) {
		return nil, fmt.Errorf("%q is not a limiter: give %s", c.kind, list(kinds))
	}
	defaults(c)
	for _, word := range words[1:] {
		if err := c.read(strings.TrimSpace(word)); err != nil {
			return nil, err
		}
	}
	return c, c.check()
}

func defaults(c *config) {
	c.nodes = 1
	if c.kind == none {
		return
	}
	c.by, c.prefix, c.status, c.anonymous = []string{byIP}, 128, 429, anonShared
	c.headers, c.retryAfter = headersLegacy, retryExact
	switch c.kind {
	case fixedWindow, slidingCounter, slowDown:
		c.align = alignClock
	case leakyQueue:
		c.undelayed = 1
	}
	c.refuseAfter = mostCount
}

// read takes in one setting.
func (c *config) read(word string) error {
	name, value, hasValue := strings.Cut(word, "=")
	i := slices.IndexFunc(settings, func(s setting) bool { return s.name == name })
	switch {
	case i < 0:
		return fmt.Errorf("unknown setting %q: %s takes %s", name, c.kind, list(namesOf(c.kind)))
	case !settings[i].takes(c.kind):
		return fmt.Errorf("%q makes no sense for %s, which takes %s", name, c.kind, list(namesOf(c.kind)))
	case c.set[name]:
		return fmt.Errorf("%q is given twice: give it once", name)
	case settings[i].flag && hasValue:
		return fmt.Errorf("%q takes no value: write %s alone", name, name)
	case !settings[i].flag && !hasValue:
		return fmt.Errorf("%q needs a value: write %s=VALUE", name, name)
	}
	c.set[name] = true
	if err := settings[i].read(c, value); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// check finds what is missing and what contradicts, and settles the defaults
// that depend on other settings.
func (c *config) check() error {
	for _, s := range settings {
		if s.required && s.takes(c.kind) && !c.set[s.name] {
			return fmt.Errorf("%s needs %s=", c.kind, s.name)
		}
	}
	if c.kind == tokenBucket {
		if err := c.checkTick(); err != nil {
			return err
		}
	}
	const longestQueue = 24 * time.Hour
	switch {
	case c.penalty == 0 && (c.extends || c.clears || c.blockStatus > 0):
		return errors.New("penalty-extends, -clears, -expires and -status need penalty=")
	case c.set["anonymous"] && !c.claimed():
		return fmt.Errorf("anonymous makes no sense without %s in by=, for every caller has an address", list([]string{byKey, byUser, byForwarded}))
	case c.set["ipv6-prefix"] && !slices.Contains(c.by, byIP):
		return errors.New("ipv6-prefix makes no sense without ip in by=, for it says what of an address is counted")
	case c.route != "" && slices.Contains(c.by, byRoute):
		return errors.New("by=route makes no sense with route=, for there is only one path to count: drop one of them")
	case c.kind == leakyQueue && float64(c.depth)/c.rate > longestQueue.Seconds():
		return fmt.Errorf("the last of %d waiting would wait for more than %v: lower depth or raise rate", c.depth, longestQueue)
	case c.kind == slowDown && c.refuseAfter < c.limit:
		return fmt.Errorf("refuse-after=%d makes no sense below limit=%d: nothing would be held back", c.refuseAfter, c.limit)
	case c.waitUnknown() && c.set["retry-after"] && c.retryAfter != retryNone:
		return fmt.Errorf("retry-after makes no sense for %s without penalty, for nobody knows when a slot is free", concurrency)
	}
	if !c.set["retry-after"] && (c.headers == headersNone || c.waitUnknown()) {
		c.retryAfter = retryNone
	}
	return nil
}

// checkTick finds what is wrong with the steps in which a bucket is filled, and settles
// where they begin.
func (c *config) checkTick() error {
	switch each := c.rate * c.tick.Seconds(); {
	case c.tick == 0 && c.set["align"]:
		return errors.New(`"align" makes no sense for token-bucket without tick=, for then it is filled all the time`)
	case c.tick == 0:
		return nil
	case math.Abs(each-math.Round(each)) > 1e-6*each || each < 0.5:
		return fmt.Errorf("tick=%v brings %.6g tokens at rate=%v: give a tick that brings whole ones", c.tick, each, c.rate)
	}
	if !c.set["align"] {
		c.align = alignFirst
	}
	return nil
}

// waitUnknown tells a limiter that never knows when it will admit again.
func (c *config) waitUnknown() bool { return c.kind == concurrency && c.penalty == 0 }
