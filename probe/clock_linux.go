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
