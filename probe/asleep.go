package probe

import (
	"sync"
	"sync/atomic"
	"time"
)

// shortest is the shortest time asleep that is told from a thread that merely did
// not get the processor between two readings.
const shortest = 250 * time.Millisecond

// asleep adds up how long the machine was suspended since the first look. The
// monotonic clock stands still then, while the server's windows go on: a clock that
// left it out would take a request that is hours late for one in time. It is safe
// for concurrent use; the zero value is ready.
type asleep struct {
	sum atomic.Int64

	mu    sync.Mutex
	begun bool
	base  time.Duration // all that was counted
}

// total is how long that was.
func (a *asleep) total() time.Duration { return time.Duration(a.sum.Load()) }

// look asks how long the machine has been suspended since it was started: at least
// and at most so long.
func (a *asleep) look(ask func() (least, most time.Duration)) {
	least, most := ask()
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.begun {
		a.begun, a.base = true, most
		return
	}
	if d := least - a.base; d >= shortest {
		a.base += d
		a.sum.Add(int64(d))
	}
}
