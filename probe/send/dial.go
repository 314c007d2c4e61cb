package send

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"apisonde/probe/trace"
)

// dialer makes connections to one origin. The addresses of its host are looked
// up once, and the first that answers is the only one used from then on: a run
// that changed servers in the middle would measure two of them.
type dialer struct {
	scheme  string
	host    string
	port    uint16
	tls     *tls.Config
	timeout time.Duration
	shown   certificates
	lookup  func(ctx context.Context, host string) ([]netip.Addr, error)

	asked    *atomic.Bool // for a certificate, which there is none of
	answered atomic.Bool  // a request, by any response

	mu     sync.Mutex
	known  []netip.Addr       // what the name resolved to
	pinned map[int]netip.Addr // by family: 4, 6, and 0 for vantages of either
	last   error              // why the latest dial failed
}

func newDialer(u *url.URL, conf *tls.Config, http2 bool, timeout time.Duration) (*dialer, error) {
	port := map[string]uint16{"http": 80, "https": 443}[u.Scheme]
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("%q is not a port", p)
		}
		port = uint16(n)
	}
	if err := checkHost(u.Hostname()); err != nil {
		return nil, err
	}
	if conf == nil {
		conf = &tls.Config{}
	}
	conf = conf.Clone()
	conf.ServerName = u.Hostname()
	conf.NextProtos = []string{"http/1.1"}
	if http2 {
		conf.NextProtos = []string{"h2"}
	}
	conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
	asked := new(atomic.Bool)
	if len(conf.Certificates) == 0 {
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked.Store(true)
			return &tls.Certificate{}, nil // none
		}
	}
	return &dialer{
		asked:  asked,
		scheme: u.Scheme, host: u.Hostname(), port: port, tls: conf, timeout: timeout,
		lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		},
		pinned: map[int]netip.Addr{},
	}, nil
}

// resolve looks the host up, once. A failed look-up is tried again next time.
func (d *dialer) resolve(ctx context.Context) ([]netip.Addr, error) {
	d.mu.Lock()
	known := d.known
	d.mu.Unlock()
	if known != nil {
		return known, nil
	}
	found, err := d.find(ctx)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		d.known = found
	}
	return d.known, nil
}

func (d *dialer) find(ctx context.Context) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(d.host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	if onThisMachine(d.host) {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	all, err := d.lookup(ctx, d.host)
	if err != nil {
		return nil, err
	}
	var out []netip.Addr
	for _, a := range all {
		if a = a.Unmap(); !barred(a) {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("it has no address that can be probed: %w", ErrBarred)
	}
	return out, nil
}

// onThisMachine tells names that are this machine by definition, whatever a
// resolver says.
func onThisMachine(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

func family(a netip.Addr) int {
	switch {
	case !a.IsValid():
		return 0
	case a.Is4():
		return 4
	}
	return 6
}

// candidates are the addresses that a vantage can reach.
func (d *dialer) candidates(ctx context.Context, v Vantage) ([]netip.Addr, error) {
	all, err := d.resolve(ctx)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	want := v.family()
	if a, ok := d.pinned[want]; ok {
		return []netip.Addr{a}, nil
	}
	var out []netip.Addr
	for _, a := range all {
		if want == 0 || want == family(a) {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the host has no IPv%d address for vantage %s", want, v)
	}
	return out, nil
}

func (d *dialer) pin(v Vantage, a netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range []int{v.family(), family(a)} {
		if _, ok := d.pinned[f]; !ok {
			d.pinned[f] = a
		}
	}
}

// dial opens a connection from a vantage, with TLS where the scheme wants it.
func (d *dialer) dial(ctx context.Context, v Vantage) (net.Conn, trace.Fault) {
	nc, fault, err := d.open(ctx, v)
	if err != nil {
		d.note(err)
	}
	return nc, fault
}

// note keeps why something failed, for explain.
func (d *dialer) note(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = err
}

func (d *dialer) open(parent context.Context, v Vantage) (net.Conn, trace.Fault, error) {
	ctx, cancel := context.WithTimeout(parent, d.timeout)
	defer cancel()
	nc, fault, err := d.connect(ctx, parent, v)
	if err != nil {
		return nil, fault, err
	}
	if d.scheme != "https" {
		return nc, trace.FaultNone, nil
	}
	tc := tls.Client(nc, d.tls)
	if err := tc.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		if parent.Err() != nil {
			return nil, trace.FaultCancelled, err
		}
		return nil, trace.FaultTLS, err
	}
	if want := d.tls.NextProtos[0]; want == "h2" && tc.ConnectionState().NegotiatedProtocol != want {
		_ = tc.Close()
		return nil, trace.FaultTLS, errOnlyHTTP1
	}
	if !d.shown.same(v.String()+" "+tc.RemoteAddr().String(), tc) {
		_ = tc.Close()
		return nil, trace.FaultChanged, errChanged
	}
	return tc, trace.FaultNone, nil
}

// errNoCertificate is a server that asked for a certificate, got none and closed the
// connection; its alert may be lost on the way.
var errNoCertificate = errors.New("the server asked for a certificate of the caller, and closed the connection without one; give one with --cert")

// turnedAway is why a server ended a connection that had led to nothing, as far as
// TLS tells; nil if it does not.
func (d *dialer) turnedAway(w *wire) error {
	if alert := w.refused(); alert != nil {
		return alert
	}
	if d.asked.Load() && !d.answered.Load() {
		return errNoCertificate
	}
	return nil
}

// errOnlyHTTP1 is a server that was asked for HTTP/2 and did not agree.
var errOnlyHTTP1 = errors.New("the server does not speak HTTP/2; leave out --http 2")

// connect makes a connection to the origin in ctx, the bounded parent. Through a
// proxy the host is neither looked up nor pinned here.
func (d *dialer) connect(ctx, parent context.Context, v Vantage) (net.Conn, trace.Fault, error) {
	if v.Proxy != nil {
		nc, err := v.Proxy.dial(ctx, net.JoinHostPort(d.host, strconv.Itoa(int(d.port))))
		if err != nil {
			return nil, proxyFault(parent, err), v.Proxy.explain(err, d.timeout)
		}
		return nc, trace.FaultNone, nil
	}
	to, err := d.candidates(ctx, v)
	if err != nil {
		if parent.Err() != nil {
			return nil, trace.FaultCancelled, err
		}
		return nil, trace.FaultResolve, err
	}
	nd := net.Dialer{}
	var nc net.Conn
	for i, a := range to {
		// The addresses still to try share what is left of the time.
		nd.Timeout = 0
		if deadline, ok := ctx.Deadline(); ok && len(to) > 1 {
			nd.Timeout = time.Until(deadline) / time.Duration(len(to)-i)
		}
		if from := v.source(a); from.IsValid() {
			nd.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
			nd.Control = portLater
		}
		nc, err = nd.DialContext(ctx, "tcp", netip.AddrPortFrom(a, d.port).String())
		if err == nil {
			d.pin(v, a)
			break
		}
	}
	if err != nil {
		return nil, dialFault(parent, err), err
	}
	return nc, trace.FaultNone, nil
}

// explain says why the latest dial failed, "" if none did.
func (d *dialer) explain() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last == nil {
		return ""
	}
	return d.words(d.last)
}

// words says why there is no connection, without addresses of this machine or
// its resolver and without anything that was sent.
func (d *dialer) words(err error) string {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		if dns.IsNotFound {
			return "the name does not exist"
		}
		return "the name could not be looked up"
	}
	if errors.As(err, new(x509.UnknownAuthorityError)) {
		return "its certificate is signed by an authority that is not trusted here; name that one's certificate with --cacert"
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		switch why := op.Err.Error(); {
		case strings.Contains(why, "certificate required"), strings.Contains(why, "handshake failure"):
			return why + "; if the server wants a certificate of the caller, give one with --cert"
		case strings.Contains(why, "no application protocol"):
			return errOnlyHTTP1.Error()
		default:
			return why
		}
	}
	if errors.As(err, &op) && op.Err != nil {
		if op.Timeout() {
			return "no answer within " + d.timeout.String()
		}
		return op.Err.Error()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer within " + d.timeout.String()
	}
	return err.Error()
}

// reason is words as an error, which still is ErrBarred where err is.
func (d *dialer) reason(err error) error {
	if errors.Is(err, ErrBarred) {
		return err
	}
	return errors.New(d.words(err))
}
