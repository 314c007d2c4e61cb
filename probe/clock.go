package probe

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

// The real clock waits in three stages, each more exact and dearer than the one
// before: the runtime's timer (a millisecond late, because it polls the network in
// whole ones, and on a busy machine as late as two threads get the processor one
// after the other), short sleeps of one thread (late by tens of microseconds), and a
// spin.
const (
	coarse = 100 * time.Millisecond
	snooze = 20 * time.Millisecond // the longest sleep, after which the context is asked
	spin   = 200 * time.Microsecond
)

// WallClock is the real Clock: monotonic, from the moment it was made.
type WallClock struct {
	origin time.Time
	asleep asleep
	looked atomic.Int64 // when it was last asked for, on the clock that stands still
}

// NewClock starts a clock whose origin is now.
func NewClock() *WallClock { return &WallClock{origin: time.Now()} }

// ResumeClock starts a clock that shows at now: one that goes on where that of an
// earlier part of a run stands.
func ResumeClock(at time.Duration) *WallClock { return &WallClock{origin: time.Now().Add(-at)} }

// Started is the wall-clock time of the origin.
func (c *WallClock) Started() time.Time { return c.origin }

// Now implements Clock.
func (c *WallClock) Now() time.Duration { return time.Since(c.origin) + c.asleep.total() }

// look notices that the machine was suspended. Whoever sends without a pause spares
// most of the system calls that asking takes.
func (c *WallClock) look() {
	now, last := int64(time.Since(c.origin)), c.looked.Load()
	if last != 0 && now-last < int64(time.Millisecond) {
		return
	}
	c.looked.Store(now)
	c.asleep.look(suspended)
}

// Until implements Clock.
func (c *WallClock) Until(ctx context.Context, at time.Duration, precise bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.look()
	defer c.look()
	wait := at - c.Now()
	if precise {
		wait -= coarse
	}
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
	if !precise {
		return nil
	}
	if c.Now() >= at {
		return ctx.Err()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer prompt()()
	for left := at - c.Now(); left > spin; left = at - c.Now() {
		nap(min(left-spin, snooze))
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	for c.Now() < at {
	}
	return ctx.Err()
}
