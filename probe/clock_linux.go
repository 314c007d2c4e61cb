package probe

import (
	"time"

	"golang.org/x/sys/unix"
)

// nap puts the thread to sleep, which the kernel ends more exactly than the
// runtime ends a timer.
func nap(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil)
}

// suspended is how long the machine has been suspended since it was started, at
// least and at most: the clock that counts such times is read between two readings
// of the one that does not.
func suspended() (least, most time.Duration) {
	before, all, after := clock(unix.CLOCK_MONOTONIC), clock(unix.CLOCK_BOOTTIME), clock(unix.CLOCK_MONOTONIC)
	return max(0, all-after), max(0, all-before)
}

func clock(id int32) time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(id, &ts) != nil {
		return 0 // both clocks are always there
	}
	return time.Duration(ts.Nano())
}
