package send

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// Vantage is an address that requests leave from. The zero Vantage leaves the
// choice to the machine.
type Vantage struct {
	Addr netip.Addr
}

// ParseVantage reads an address of this machine.
func ParseVantage(spec string) (Vantage, error) {
	addr, err := netip.ParseAddr(strings.Trim(spec, "[]"))
	if err != nil {
		return Vantage{}, fmt.Errorf("%q is no vantage: give an IPv4 or IPv6 address of this machine", spec)
	}
	if addr = addr.Unmap(); addr.IsUnspecified() || addr.IsMulticast() {
		return Vantage{}, fmt.Errorf("%q cannot be a vantage: requests cannot leave from it", spec)
	}
	return Vantage{Addr: addr}, nil
}

// Check tells whether this machine can send from the vantage, by binding a
// socket to it; nothing is sent.
func (v Vantage) Check() error {
	if !v.Addr.IsValid() {
		return nil
	}
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(v.Addr, 0)))
	if err == nil {
		return l.Close()
	}
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s is not an address of this machine: see `ip address` for those that are", v.Addr)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return fmt.Errorf("%s cannot be checked: no file descriptor is free", v.Addr)
	}
	return fmt.Errorf("%s cannot be sent from: %w", v.Addr, errors.Unwrap(err))
}
