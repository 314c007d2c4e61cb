package send

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"apisonde/probe/trace"

	"github.com/google/go-cmp/cmp"
)

// named is a dialer for a name that resolves to the given addresses.
func named(t *testing.T, port string, addrs ...string) (d *dialer, lookups *int) {
	t.Helper()
	d, err := newDialer(&url.URL{Scheme: "http", Host: "api.test:" + port}, nil, false, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	lookups = new(int)
	d.lookup = func(context.Context, string) ([]netip.Addr, error) {
		*lookups++
		var out []netip.Addr
		for _, a := range addrs {
			out = append(out, netip.MustParseAddr(a))
		}
		return out, nil
	}
	return d, lookups
}

func TestTheAddressIsPinnedForTheRun(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	// Nobody listens at the first address; the second answers.
	d, lookups := named(t, port, "127.0.0.9", "127.0.0.1", "127.0.0.8")
	for range 3 {
		c, fault := d.dial(context.Background(), Vantage{})
		if fault != trace.FaultNone {
			t.Fatalf("fault %q: %s", fault, d.explain())
		}
		if got := c.RemoteAddr().String(); got != l.Addr().String() {
			t.Errorf("dialled %s", got)
		}
		_ = c.Close()
	}
	to, err := d.candidates(context.Background(), Vantage{})
	if d := cmp.Diff([]string{"127.0.0.1"}, texts(to)); d != "" || err != nil {
		t.Errorf("after the first connection there is more than one address (-want +got):\n%s%v", d, err)
	}
	if *lookups != 1 {
		t.Errorf("the name was looked up %d times", *lookups)
	}
}

func texts(addrs []netip.Addr) []string {
	var out []string
	for _, a := range addrs {
		out = append(out, a.String())
	}
	return out
}

func TestAddressesThatAreNotDialled(t *testing.T) {
	t.Parallel()
	d, _ := named(t, "80", "169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "203.0.113.5", "2001:db8::5", "::ffff:203.0.113.6")
	got, err := d.candidates(context.Background(), Vantage{})
	if d := cmp.Diff([]string{"203.0.113.5", "2001:db8::5", "203.0.113.6"}, texts(got)); d != "" || err != nil {
		t.Errorf("(-want +got):\n%s%v", d, err)
	}
	six := Vantage{Addr: netip.MustParseAddr("2001:db8::1")}
	if got, _ := d.candidates(context.Background(), six); len(got) != 1 || got[0].Is4() {
		t.Errorf("from IPv6 one reaches %v", got)
	}
	trap, _ := named(t, "80", "169.254.169.254")
	if _, fault := trap.dial(context.Background(), Vantage{}); fault != trace.FaultResolve {
		t.Errorf("a name that leads to the metadata service: fault %q", fault)
	}
}

func TestANameThatDoesNotResolve(t *testing.T) {
	t.Parallel()
	for why, dns := range map[string]*net.DNSError{
		"does not exist":          {Err: "no such host", Name: "api.test", Server: "10.1.2.3:53", IsNotFound: true},
		"could not be looked up":  {Err: "timeout", Name: "api.test", Server: "10.1.2.3:53", IsTimeout: true},
		"no answer within 1s":     nil,
		"no address that can be ": {},
	} {
		d, _ := named(t, "80")
		d.lookup = func(context.Context, string) ([]netip.Addr, error) {
			switch {
			case dns == nil:
				return nil, context.DeadlineExceeded
			case dns.Name == "":
				return nil, nil
			}
			return nil, dns
		}
		if _, fault := d.dial(context.Background(), Vantage{}); fault != trace.FaultResolve {
			t.Errorf("%s: fault %q", why, fault)
		}
		if got := d.explain(); !strings.Contains(got, why) || strings.Contains(got, "10.1.2.3") {
			t.Errorf("explained as %q, want %q and no address", got, why)
		}
	}
}

func TestLocalhostIsNotLookedUp(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"localhost", "LocalHost.", "a.localhost"} {
		d, err := newDialer(&url.URL{Scheme: "http", Host: host}, nil, false, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		d.lookup = func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("asked a resolver") }
		got, err := d.resolve(context.Background())
		if diff := cmp.Diff([]string{"127.0.0.1", "::1"}, texts(got)); diff != "" || err != nil {
			t.Errorf("%s: %s%v", host, diff, err)
		}
	}
}
