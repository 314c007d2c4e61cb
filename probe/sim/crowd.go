package sim

import (
	"math/rand/v2"
	"time"

	"apisonde/probe/lab/limit"
)

// crowd is the traffic of other callers. It has its own randomness, so that what
// it does is the same whatever the session asks.
type crowd struct {
	Others
	random *rand.Rand
	conn   int
	next   time.Duration
	busy   []occupied // the earliest first
}

// occupied is something that a caller holds until it is answered.
type occupied struct {
	until    time.Duration
	decision limit.Decision
}

func newCrowd(o Others, seed uint64) *crowd {
	c := &crowd{Others: o, random: rand.New(rand.NewPCG(seed, 0x63726f7764))} // any constant will do
	c.next = c.gap()
	return c
}

func (c *crowd) gap() time.Duration {
	return time.Duration(c.random.ExpFloat64() / c.Rate * float64(time.Second))
}

// until plays what the crowd does up to at, each request on its own connection.
func (c *crowd) until(at time.Duration, s *server) {
	for c.next <= at {
		c.release(c.next)
		c.conn--
		d := s.stack.Decide(s.origin.Add(c.next), asks(c.Identity, c.Route, c.conn))
		if d.Holds() {
			c.hold(occupied{c.next + d.Delay, d})
		}
		c.next += c.gap()
	}
	c.release(at)
}

func (c *crowd) hold(o occupied) {
	i := len(c.busy)
	c.busy = append(c.busy, o)
	for ; i > 0 && c.busy[i-1].until > o.until; i-- {
		c.busy[i] = c.busy[i-1]
	}
	c.busy[i] = o
}

func (c *crowd) release(at time.Duration) {
	for len(c.busy) > 0 && c.busy[0].until <= at {
		c.busy[0].decision.Release()
		c.busy = c.busy[1:]
	}
}
