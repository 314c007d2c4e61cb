package send

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// portLater asks the kernel to choose the local port when it knows the
// destination. Otherwise one address has about 28,000 ports in all, however
// many destinations it talks to.
func portLater(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		// Refusal costs only ports, so it is no error.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	})
}
