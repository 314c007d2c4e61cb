package limit

import "time"

// instant is a moment in nanoseconds since 1970, on a line that never runs back.
type instant int64

func (t instant) add(d time.Duration) instant { return t + instant(d) }

func (t instant) sub(u instant) time.Duration { return time.Duration(t - u) }

// floor is the last multiple of step, counted from origin, that is not after t.
func (t instant) floor(origin instant, step time.Duration) instant {
	past := (t - origin) % instant(step)
	if past < 0 {
		past += instant(step)
	}
	return t - past
}
