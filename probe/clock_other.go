//go:build !linux

package probe

import "time"

// nap sleeps as exactly as the runtime can.
func nap(d time.Duration) { time.Sleep(d) }

// prompt is not known here.
func prompt() func() { return func() {} }

// suspended is not known here.
func suspended() (least, most time.Duration) { return 0, 0 }
