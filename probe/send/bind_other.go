//go:build !linux

package send

import "syscall"

// portLater has no counterpart here.
func portLater(_, _ string, _ syscall.RawConn) error { return nil }
