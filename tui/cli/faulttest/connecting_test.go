package faulttest

import (
	"crypto/tls"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"apisonde/probe/needs"
	"apisonde/probe/rogue"
)

// host is the name that the rogue name server answers for.
const host = "api.example.test"

// connecting are the faults on the way to a connection.
func connecting() []fault {
	return []fault{
		{1, "nobody listens", func(t *testing.T) { unreachable(t, nobody(t), "connect", "refused") }},
		{2, "connections are swallowed", func(t *testing.T) { unreachable(t, swallowing(t), "connect", "no answer within 5s") }},
		{3, "reset after accepting", func(t *testing.T) {
			hungUp(t, func(c *net.TCPConn) bool { _ = c.SetLinger(0); _ = c.Close(); return false })
		}},
		{4, "closed after accepting", func(t *testing.T) { hungUp(t, func(c *net.TCPConn) bool { _ = c.Close(); return false }) }},
		{5, "a name that does not exist", func(t *testing.T) { unnamed(t, nil, exitRuntime, "does not exist") }},
		{6, "a name server that does not answer", func(t *testing.T) { unnamed(t, rogue.Silent, exitRuntime, "could not be looked up") }},
		{7, "a name that moves during the run", pinned},
		{8, "a name with addresses of both families", families},
		{9, "where clouds keep credentials", metadata},
		{10, "an expired certificate", func(t *testing.T) { untrusted(t, "127.0.0.1", -time.Hour, true, 0, "expired") }},
		{11, "a certificate for another name", func(t *testing.T) { untrusted(t, "other.example", time.Hour, true, 0, "certificate") }},
		{12, "a certificate that nobody vouches for", func(t *testing.T) { untrusted(t, "127.0.0.1", time.Hour, false, 0, "not trusted here") }},
		{13, "TLS 1.0 alone", func(t *testing.T) { untrusted(t, "127.0.0.1", time.Hour, true, tls.VersionTLS10, "version") }},
		{14, "a handshake that does not go on", func(t *testing.T) {
			s := start(t, rogue.Options{Accept: func(c *net.TCPConn) bool {
				buf := make([]byte, 1<<10)
				for {
					if _, err := c.Read(buf); err != nil {
						return false
					}
				}
			}}, nil)
			o := assess("https://" + s.Addr() + "/").do(t)
			o.only(t, s.Requests(), "tls")
			o.says(t, "no answer within 5s")
		}},
		{15, "another certificate during the run", changed},
		{16, "proxies in the environment", environment},
		{17, "a proxy that refuses", func(t *testing.T) {
			proxied(t, rogue.Say(rogue.Response(407, "No", "", "Proxy-Authenticate: Basic realm=x")), "407")
			proxied(t, rogue.Say(rogue.Response(502, "No", "no such host "+canary["proxy"])), "502")
		}},
		{17, "a proxy that does not answer", func(t *testing.T) { proxied(t, rogue.SayAndWait(""), "5s") }},
		{18, "a source address that is not of this machine", func(t *testing.T) {
			s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
			o := assess(s.URL(), "--ip", "203.0.113.9").do(t)
			o.check(t, s.Requests(), exitUsage)
			o.says(t, "not an address of this machine")
			o.unsent(t, s.Conns())
		}},
		{19, "two addresses that leave as one", translated},
		{20, "40 descriptors", descriptorsOut},
		{21, "no port is free", portsOut},
	}
}

// says sees that the messages tell a person something.
func (o outcome) says(t *testing.T, what string) {
	t.Helper()
	if !strings.Contains(string(o.stderr), what) {
		t.Errorf("standard error does not say %q:\n%s", what, o.stderr)
	}
}

// unsent sees that nothing went out and no trace was begun.
func (o outcome) unsent(t *testing.T, conns int) {
	t.Helper()
	if conns != 0 {
		t.Errorf("%d connections were made", conns)
	}
	if o.file(t, "t.ndjson") != "" {
		t.Error("a trace was begun")
	}
}

// only sees that the run ended at its first request, which had a fault.
func (o outcome) only(t *testing.T, requests int, fault string) {
	t.Helper()
	c := o.check(t, requests, exitRuntime)
	if len(c.seen) != 1 || c.seen[0].Fault != fault || c.seen[0].Status != 0 {
		t.Errorf("the trace holds %v, want one request with fault %q", c.seen, fault)
	}
}

func unreachable(t *testing.T, addr, fault, says string) {
	o := assess("http://" + addr + "/").do(t)
	o.only(t, 0, fault)
	o.says(t, says)
}

func hungUp(t *testing.T, accept func(*net.TCPConn) bool) {
	s := start(t, rogue.Options{Accept: accept}, nil)
	o := assess(s.URL()).do(t)
	c := o.check(t, s.Requests(), exitRuntime)
	// Whether the end of the connection is seen before the request is written is
	// a race, which the kernel decides.
	if len(c.seen) != 1 || c.seen[0].Fault != "reset" && c.seen[0].Fault != "connect" {
		t.Errorf("the trace holds %v, want one request that was reset", c.seen)
	}
	if s.Conns() > 2 {
		t.Errorf("%d connections for one request", s.Conns())
	}
}

// named is an assessment of a server under a name, which a rogue name server knows.
func named(t *testing.T, port string, answer func(string, int) []netip.Addr, flags ...string) (*run, *rogue.Names) {
	t.Helper()
	names, err := rogue.StartNames(func(name string, n int) []netip.Addr {
		if name != host {
			return nil // with a search domain behind it
		}
		return answer(name, n)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(names.Close)
	r := assess("http://"+host+":"+port+"/", append([]string{"--authorized", host}, flags...)...)
	r.around.Names = names.Addr()
	return r, names
}

func unnamed(t *testing.T, addrs []netip.Addr, code int, says string) {
	s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
	r, names := named(t, s.Port(), func(string, int) []netip.Addr { return addrs })
	o := r.do(t)
	o.check(t, s.Requests(), code)
	o.says(t, says)
	o.unsent(t, s.Conns())
	if names.Queries() == 0 {
		t.Error("the name server was not asked")
	}
}

// Nothing goes where clouds keep credentials. In a network that leads nowhere,
// even a mistake would not.
func metadata(t *testing.T) {
	for _, addr := range []string{"169.254.169.254", "fd00:ec2::254", "fe80::1"} {
		url := "http://" + net.JoinHostPort(addr, "80") + "/latest"
		for _, r := range []*run{assess(url, "--authorized", addr), assess("http://"+host+"/", "--authorized", host)} {
			r.around.Namespace, r.around.Addrs = true, []string{addr}
			o := r.do(t)
			o.check(t, 0, exitUsage)
			o.says(t, "refused")
			o.unsent(t, 0)
		}
	}
}

// The addresses are looked up once; a later answer leads nobody elsewhere.
func pinned(t *testing.T) {
	s := start(t, rogue.Options{}, rogue.SayAndClose(rogue.Response(200, "OK", "", "Connection: close")))
	other := start(t, rogue.Options{Address: "127.0.0.2:" + s.Port()}, rogue.Say(rogue.OK))
	var asked atomic.Int64
	r, _ := named(t, s.Port(), func(_ string, n int) []netip.Addr {
		if asked.Add(1) <= 2 { // A and AAAA
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.2")}
	})
	r.do(t).check(t, s.Requests(), exitInconclusive)
	if s.Conns() < 8 || other.Conns() != 0 {
		t.Errorf("%d connections to the first address, %d to the second, want all to the first", s.Conns(), other.Conns())
	}
}

// Of the addresses of a name one is used, and the run says which.
func families(t *testing.T) {
	s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
	six, err := rogue.Start(rogue.Options{Address: "[::1]:" + s.Port()}, rogue.Say(rogue.OK))
	if err != nil {
		needs.Absent(t, "no IPv6 here")
	}
	t.Cleanup(six.Close)
	r, _ := named(t, s.Port(), func(string, int) []netip.Addr {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}
	})
	o := r.do(t)
	o.check(t, s.Requests()+six.Requests(), exitInconclusive)
	if (s.Requests() == 0) == (six.Requests() == 0) {
		t.Errorf("%d requests by IPv4, %d by IPv6, want one of them", s.Requests(), six.Requests())
	}
	used := "127.0.0.1"
	if s.Requests() == 0 {
		used = "::1"
	}
	o.says(t, "all requests went to "+used)
}

// trusted is a file that makes a run trust an authority.
func trusted(t *testing.T, a *rogue.Authority) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(path, a.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return "SSL_CERT_FILE=" + path
}

func authority(t *testing.T) *rogue.Authority {
	t.Helper()
	a, err := rogue.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func certificate(t *testing.T, a *rogue.Authority, name string, valid time.Duration) tls.Certificate {
	t.Helper()
	c, err := a.Issue(name, time.Now().Add(valid))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// untrusted is a server that a client must not speak to.
func untrusted(t *testing.T, name string, valid time.Duration, known bool, version uint16, says string) {
	a := authority(t)
	conf := &tls.Config{Certificates: []tls.Certificate{certificate(t, a, name, valid)}}
	if version != 0 {
		conf.MinVersion, conf.MaxVersion = version, version
	}
	s := start(t, rogue.Options{TLS: conf}, rogue.Say(rogue.OK))
	r := assess(s.URL())
	if known {
		r.env = append(r.env, trusted(t, a))
	}
	o := r.do(t)
	o.only(t, s.Requests(), "tls")
	o.says(t, says)
	if s.Requests() != 0 {
		t.Errorf("%d requests were sent", s.Requests())
	}
}

// A certificate that changes is another server, or a stranger in between.
func changed(t *testing.T) {
	a := authority(t)
	first, second := certificate(t, a, "127.0.0.1", time.Hour), certificate(t, a, "127.0.0.1", time.Hour)
	var hands atomic.Int64
	s := start(t, rogue.Options{TLS: &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hands.Add(1) <= 3 {
			return &first, nil
		}
		return &second, nil
	}, SessionTicketsDisabled: true}}, rogue.SayAndClose(rogue.Response(200, "OK", "", "Connection: close")))
	r := assess(s.URL())
	r.env = append(r.env, trusted(t, a))
	o := r.do(t)
	c := o.check(t, s.Requests(), exitRuntime)
	o.says(t, "another certificate than before")
	if s.Requests() != 3 || c.intents != 4 {
		t.Errorf("the server read %d requests, %d were journalled; want 3 and 4", s.Requests(), c.intents)
	}
}

// A proxy of the environment would falsify what is measured per address.
func environment(t *testing.T) {
	s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
	proxy := start(t, rogue.Options{}, rogue.Say(rogue.OK))
	r, _ := named(t, s.Port(), func(string, int) []netip.Addr { return []netip.Addr{netip.MustParseAddr("127.0.0.1")} })
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		r.env = append(r.env, name+"=http://me:"+canary["proxy"]+"@"+proxy.Addr())
	}
	o := r.do(t)
	o.check(t, s.Requests(), exitInconclusive)
	o.says(t, "proxies of the environment (HTTP_PROXY, ")
	if s.Requests() == 0 || proxy.Conns() != 0 {
		t.Errorf("%d requests reached the server, %d connections the proxy", s.Requests(), proxy.Conns())
	}
}

// What a proxy does is no answer of the server's.
func proxied(t *testing.T, answer rogue.Answer, says string) {
	s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
	proxy := start(t, rogue.Options{}, answer)
	r := assess(s.URL(), "--authorized", "127.0.0.1", "--ip", "env:PROXY_VANTAGE")
	r.env = append(r.env, "PROXY_VANTAGE=http://me:"+canary["proxy"]+"@"+proxy.Addr())
	o := r.do(t)
	o.only(t, s.Requests(), "proxy")
	o.says(t, says)
	if s.Conns() != 0 || proxy.Requests() != 1 {
		t.Errorf("%d connections to the server, %d requests to the proxy", s.Conns(), proxy.Requests())
	}
}

// Two addresses that a translation makes one are not two.
func translated(t *testing.T) {
	s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
	egress := start(t, rogue.Options{}, rogue.Say(rogue.Response(200, "OK", "203.0.113.9")))
	o := assess(s.URL(), "--ip", "a=127.0.0.1", "--ip", "b=127.0.0.2", "--egress-check", egress.URL()).do(t)
	c := o.check(t, s.Requests()+egress.Requests(), exitInconclusive)
	o.says(t, "203.0.113.9")
	if egress.Requests() != 2 || c.intents < 8 {
		t.Errorf("%d requests asked for the address, %d were sent", egress.Requests(), c.intents)
	}
}

// With 40 descriptors not every connection can be made. That is this machine's
// fault and no limiter's.
func descriptorsOut(t *testing.T) {
	s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
	r := assess(s.URL(), "--max-requests", "400", "--max-duration", "20s")
	r.around.Files = 40
	o := r.do(t)
	c := o.check(t, s.Requests(), exitOK, exitInconclusive)
	local := 0
	for _, x := range c.seen {
		if x.Fault == "local" {
			local++
		} else if x.Fault != "" {
			t.Errorf("%v", x)
		}
		if x.Fault == "local" && x.Written != 0 {
			t.Errorf("%v says that it was written", x)
		}
	}
	t.Logf("%d of %d requests found no descriptor", local, c.intents)
	if strings.Contains(string(o.stdout), `"outcome": "limited"`) {
		t.Errorf("the lack of descriptors was taken for a limit:\n%s", o.stdout)
	}
}

// A machine with one free port of four says so, and does not blame the server.
func portsOut(t *testing.T) {
	r := assess("http://"+inside+"/", "--max-requests", "400", "--max-duration", "20s")
	r.around.Namespace, r.around.Hold = true, ports-1
	o := r.do(t)
	c := o.check(t, atoi(t, o.file(t, "served")), exitOK, exitInconclusive)
	for _, x := range c.seen {
		if x.Fault != "local" && x.Fault != "" {
			t.Errorf("%v", x)
		}
	}
	if strings.Contains(string(o.stdout), `"outcome": "limited"`) {
		t.Errorf("the lack of ports was taken for a limit:\n%s", o.stdout)
	}

	r = assess("http://" + inside + "/")
	r.around.Namespace, r.around.Hold = true, ports
	o = r.do(t)
	o.only(t, 0, "local")
	o.says(t, "address")
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func itoa(n int) string { return strconv.Itoa(n) }
