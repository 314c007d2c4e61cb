package advise_test

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// The limiters here are the test's own, so that advice is not tried on the
// reasoning it came from. Each decides on arrivals in order; at is in seconds.
type limiter interface{ admit(at float64) bool }

// fixed is a window of the clock: phase is where the first one begins.
type fixed struct {
	limit         int
	window, phase float64
	current       float64
	count         int
	countRejected bool
}

func (f *fixed) admit(at float64) bool {
	if w := math.Floor((at - f.phase) / f.window); w != f.current {
		f.current, f.count = w, 0
	}
	ok := f.count < f.limit
	if ok || f.countRejected {
		f.count++
	}
	return ok
}

// anchored is a window that opens with a request; renewed moves its end with
// every request.
type anchored struct {
	limit   int
	window  float64
	renewed bool
	end     float64
	count   int
}

func (a *anchored) admit(at float64) bool {
	if at > a.end {
		a.count = 0
	}
	if a.count == 0 || a.renewed {
		a.end = at + a.window
	}
	if a.count >= a.limit {
		return false
	}
	a.count++
	return true
}

// slidingLog remembers every admission, and counts one that is exactly a window
// old.
type slidingLog struct {
	limit         int
	window        float64
	countRejected bool
	seen          []float64
}

func (l *slidingLog) admit(at float64) bool {
	for len(l.seen) > 0 && at-l.seen[0] > l.window {
		l.seen = l.seen[1:]
	}
	ok := len(l.seen) < l.limit
	if ok || l.countRejected {
		l.seen = append(l.seen, at)
	}
	return ok
}

// slidingCounter estimates from two windows of the clock.
type slidingCounter struct {
	limit         int
	window, phase float64
	current       float64
	prev, cur     int
}

func (c *slidingCounter) admit(at float64) bool {
	w := math.Floor((at - c.phase) / c.window)
	switch w - c.current {
	case 0:
	case 1:
		c.prev, c.cur = c.cur, 0
	default:
		c.prev, c.cur = 0, 0
	}
	c.current = w
	f := (at-c.phase)/c.window - w
	if float64(c.prev)*(1-f)+float64(c.cur)+1 > float64(c.limit) {
		return false
	}
	c.cur++
	return true
}

// tokens is the limiter that Go programs use.
type tokens struct{ l *rate.Limiter }

func newBucket(r float64, size int) tokens { return tokens{rate.NewLimiter(rate.Limit(r), size)} }

func (b tokens) admit(at float64) bool {
	return b.l.AllowN(time.Unix(0, 0).Add(time.Duration(at*1e9)), 1)
}

// ticking is a bucket that is refilled step tokens at a time.
type ticking struct {
	size, step   int
	every, phase float64
	tokens       int
	last         float64
}

func (b *ticking) admit(at float64) bool {
	tick := math.Floor((at - b.phase) / b.every)
	b.tokens = min(b.size, b.tokens+int(tick-b.last)*b.step)
	b.last = tick
	if b.tokens == 0 {
		return false
	}
	b.tokens--
	return true
}

// all admits what every layer admits; a layer is not charged for what another
// one refuses.
type all []limiter

func (a all) admit(at float64) bool {
	ok := true
	for _, l := range a {
		ok = l.admit(at) && ok
	}
	return ok
}
