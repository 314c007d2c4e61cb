package limit

import (
	"math/bits"
	"time"
)

// counter is a sliding counter, the two-window estimate of a sliding log. With
// e the time since the current window began, W its length, it admits while
//
//	previous · (W − e)/W + current < limit
//
// computed exactly, in whole nanoseconds.
type counter struct {
	limit  int
	length time.Duration
	grid   grid

	live     bool
	start    instant // of the current window
	previous int
	current  int
}

// roll brings the current window up to at. Anchored at a first request, the
// windows follow one another until two of them passed idle.
func (c *counter) roll(at instant) {
	if c.live && at < c.start.add(c.length) {
		return
	}
	switch {
	case c.live && at < c.start.add(2*c.length):
		c.start, c.previous, c.current = c.start.add(c.length), c.current, 0
	case c.grid.fixed():
		c.start, c.previous, c.current = at.floor(c.grid.origin, c.length), 0, 0
	default:
		c.start, c.previous, c.current = at, 0, 0
	}
	c.live = true
}

// below says whether previous·(W − e) < room·W.
func (c *counter) below(previous, room int, e time.Duration) bool {
	if room <= 0 {
		return false
	}
	lh, ll := bits.Mul64(uint64(previous), uint64(c.length-e))
	rh, rl := bits.Mul64(uint64(room), uint64(c.length))
	return lh < rh || lh == rh && ll < rl
}

func (c *counter) take(at instant) (bool, time.Duration) {
	c.roll(at)
	if !c.below(c.previous, c.limit-c.current, at.sub(c.start)) {
		return false, 0
	}
	c.current++
	return true, 0
}

func (c *counter) count(at instant) {
	c.roll(at)
	c.current++
}

// opens is the least e at which previous·(W − e) < room·W, for a room above 0.
func (c *counter) opens(previous, room int) time.Duration {
	if room > previous {
		return 0
	}
	hi, lo := bits.Mul64(uint64(room), uint64(c.length))
	most, rest := bits.Div64(hi, lo, uint64(previous)) // W − e may be below room·W/previous
	if rest == 0 {
		most--
	}
	return c.length - time.Duration(most)
}

func (c *counter) quota(at instant) quota {
	look := *c // a look anchors nothing
	c = &look
	c.roll(at)
	e := at.sub(c.start)
	q := quota{reset: c.length - e}
	if room := c.limit - c.current; c.below(c.previous, room, e) {
		hi, lo := bits.Mul64(uint64(c.previous), uint64(c.length-e))
		weighted, _ := bits.Div64(hi, lo, uint64(c.length))
		q.remaining = room - int(weighted)
		return q
	} else if room > 0 {
		q.wait = c.opens(c.previous, room) - e
		return q
	}
	q.wait = q.reset + c.opens(c.current, c.limit)
	return q
}
