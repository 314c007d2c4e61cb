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

// slice is how long a prompt thread runs before others get their turn, the shortest
// that kernels take (from Linux 6.12 on; earlier ones leave it as it is).
const slice = 100 * time.Microsecond

// prompt has the kernel wake the thread sooner: among threads of one priority those
// that ask for little go first. What it returns takes that back.
func prompt() func() {
	a, err := unix.SchedGetAttr(0, 0)
	if err != nil || a.Policy != unix.SCHED_NORMAL {
		return func() {}
	}
	a.Runtime = uint64(slice)
	_ = unix.SchedSetAttr(0, a, 0)
	return func() {
		a.Runtime = 0
		_ = unix.SchedSetAttr(0, a, 0)
	}
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
