package faulttest

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"apisonde/probe/rogue"
)

// In a network of its own a process has so many ports to send from, and a server
// at this address.
const (
	ports  = 4
	inside = "127.0.0.1:8080"
)

// ownNetwork makes ready the network namespace that the process was started in,
// and takes some of its ports. served writes to a file what its server has read.
func ownNetwork(hold int) (served func(), err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return nil, err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req); err != nil {
		return nil, fmt.Errorf("bring loopback up: %w", err)
	}
	span := fmt.Sprintf("40000 %d", 40000+ports-1)
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte(span), 0); err != nil {
		return nil, err
	}
	s, err := rogue.Start(rogue.Options{Address: inside}, rogue.Say(rogue.OK))
	if err != nil {
		return nil, err
	}
	for range hold {
		if _, err := net.Dial("tcp4", inside); err != nil {
			return nil, err
		}
	}
	return func() { _ = os.WriteFile("served", []byte(strconv.Itoa(s.Requests())), 0o600) }, nil
}

// swallowing is an address that takes no further connection: its queue is full, and
// the kernel drops what comes.
func swallowing(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", sa.(*unix.SockaddrInet4).Port)
	c, err := net.Dial("tcp4", addr) // one is queued; no more fit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return addr
}

// nobody is an address that nobody listens on.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func addresses(texts []string) []netip.Addr {
	var out []netip.Addr
	for _, s := range texts {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}
