package send

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// ErrBarred is wrapped by the error for a host that leads nowhere that may be
// probed.
var ErrBarred = errors.New("link-local addresses and those where clouds keep credentials are refused")

// keepers are addresses outside the link-local range at which clouds hand out
// the credentials of a machine.
var keepers = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"),   // Amazon
	netip.MustParseAddr("100.100.100.200"), // Alibaba
	netip.MustParseAddr("192.0.0.192"),     // Oracle
}

// barred tells addresses that nothing is sent to: a name or a person that leads
// there has made a mistake or was led into a trap.
func barred(a netip.Addr) bool {
	return a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || slices.Contains(keepers, a.WithZone(""))
}

// checkHost refuses a host that is a barred address by itself.
func checkHost(host string) error {
	if a, err := netip.ParseAddr(host); err == nil && barred(a.Unmap()) {
		return fmt.Errorf("%s cannot be probed: %w", a, ErrBarred)
	}
	return nil
}
