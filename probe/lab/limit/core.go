package limit

import "time"

// core is one counter of a limiter. Instants passed to it never run back.
type core interface {
	// take charges one request if it is admitted, and says how long it must
	// wait for its turn.
	take(at instant) (admit bool, hold time.Duration)

	// count charges a request that was refused, as if it had been admitted.
	count(at instant)

	// quota says what is left.
	quota(at instant) quota
}

// quota is the state of a counter as headers tell it.
type quota struct {
	remaining int           // requests that would be admitted at once
	reset     time.Duration // until the whole limit is back (fixed windows and counters: the window's end); negative: unknown
	wait      time.Duration // until the next request would be admitted if none came before; 0: now; negative: unknown
}

// releaser is a core whose charge lasts until the answer is out.
type releaser interface {
	release()
}

// newCore makes a fresh counter for c. epoch is the server's start.
func newCore(c *config, epoch instant) core {
	switch c.kind {
	case tokenBucket:
		if c.tick > 0 {
			return &stepped{burst: c.burst, each: c.eachTick(), tick: c.tick, grid: newGrid(c.align, epoch)}
		}
		return newBucket(c.rate, c.burst)
	case fixedWindow:
		first := window{limit: c.limit, length: c.window, grid: newGrid(c.align, epoch)}
		if c.orLimit == 0 {
			return &first
		}
		return &either{first, window{limit: c.orLimit, length: c.orWindow, grid: newGrid(c.align, epoch)}}
	case slidingLog:
		return &log{limit: c.limit, length: c.window}
	case slidingCounter:
		return &counter{limit: c.limit, length: c.window, grid: newGrid(c.align, epoch)}
	case leakyQueue:
		return &queue{interval: interval(c.rate), depth: c.depth, undelayed: c.undelayed}
	case slowDown:
		w := window{limit: c.refuseAfter, length: c.window, grid: newGrid(c.align, epoch)}
		return &slower{window: w, after: c.limit, delay: c.delay, most: c.maxDelay}
	case concurrency:
		return &slots{limit: c.limit}
	}
	return open{}
}

// open admits everything.
type open struct{}

func (open) take(instant) (bool, time.Duration) { return true, 0 }
func (open) count(instant)                      {}
func (open) quota(instant) quota                { return quota{} }
