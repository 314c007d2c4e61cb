package send

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// Vantage is where requests leave from: addresses of this machine, or a proxy.
// The zero Vantage leaves the choice to the machine.
type Vantage struct {
	Addr  netip.Addr // of this machine; the only one, or the one tried first
	Other netip.Addr // the interface's address of the other family, if it has one
	Iface string     // the interface whose addresses these are, "" if an address was given
	Proxy *Proxy     // what makes the connections; then there are no addresses
}

// ParseVantage reads an address of this machine, if:NAME for those of an interface,
// or the URL of a proxy. Errors do not repeat what was given: it may hold a password.
func ParseVantage(spec string) (Vantage, error) {
	if name, ok := strings.CutPrefix(spec, "if:"); ok {
		return ofInterface(name)
	}
	if scheme, _, ok := strings.Cut(spec, "://"); ok {
		p, err := parseProxy(scheme, spec)
		return Vantage{Proxy: p}, err
	}
	addr, err := netip.ParseAddr(strings.Trim(spec, "[]"))
	if err != nil {
		return Vantage{}, errors.New("it is no vantage: give an IPv4 or IPv6 address of this machine, if:NAME, socks5h://HOST:PORT, http://HOST:PORT, ssh://USER@HOST or forwarded:ADDR")
	}
	if addr = addr.Unmap(); addr.IsUnspecified() || addr.IsMulticast() {
		return Vantage{}, errors.New("it cannot be a vantage: requests cannot leave from an unspecified or multicast address")
	}
	return Vantage{Addr: addr}, nil
}

// ofInterface takes the first address of each family that an interface has.
// Link-local ones lead nowhere that is worth assessing.
func ofInterface(name string) (Vantage, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return Vantage{}, errors.New("this machine has no interface of that name: see `ip link` for those that it has")
	}
	addrs, err := i.Addrs()
	if err != nil {
		return Vantage{}, errors.New("the addresses of that interface cannot be read")
	}
	v := Vantage{Iface: name}
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		switch addr := prefix.Addr().Unmap(); {
		case addr.IsLinkLocalUnicast():
		case !v.Addr.IsValid():
			v.Addr = addr
		case !v.Other.IsValid() && family(addr) != family(v.Addr):
			v.Other = addr
		}
	}
	if !v.Addr.IsValid() {
		return Vantage{}, errors.New("that interface has no address to send from: see `ip address`")
	}
	return v, nil
}

// String names the vantage without credentials: an address, if:NAME, or the
// HOST:PORT of a proxy or jump host.
func (v Vantage) String() string {
	switch {
	case v.Proxy != nil:
		return v.Proxy.String()
	case v.Iface != "":
		return "if:" + v.Iface
	}
	return v.Addr.String()
}

// Known is the address that requests leave from; false where that is told only
// later, or elsewhere.
func (v Vantage) Known() (netip.Addr, bool) {
	return v.Addr, v.Addr.IsValid() && !v.Other.IsValid()
}

// Same tells whether two vantages can look alike to a server, so that a difference
// between them would mean nothing.
func (v Vantage) Same(o Vantage) bool {
	if v.Proxy != nil || o.Proxy != nil {
		return v.Proxy != nil && o.Proxy != nil && v.Proxy.same(o.Proxy)
	}
	shared := func(a netip.Addr) bool { return a.IsValid() && (a == o.Addr || a == o.Other) }
	return v == o || shared(v.Addr) || shared(v.Other)
}

// family is that of the only addresses it can reach, 0 where it may reach both.
func (v Vantage) family() int {
	if v.Other.IsValid() {
		return 0
	}
	return family(v.Addr)
}

// source is the address to send from towards another; the zero one leaves the
// choice to the machine.
func (v Vantage) source(to netip.Addr) netip.Addr {
	if v.Other.IsValid() && family(v.Other) == family(to) {
		return v.Other
	}
	return v.Addr
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
