package send

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/user"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/proxy"

	"apisonde/probe/secret"
)

// Proxy makes connections in place of this machine: a proxy proper, or a jump host.
type Proxy struct {
	Scheme   string // socks5h, http, which stands for CONNECT, or ssh
	Host     string // HOST:PORT
	User     secret.Value
	Password secret.Value

	jump *jump // with ssh
}

// hostPort is what a proxy may be called in outputs.
var hostPort = regexp.MustCompile(`^[A-Za-z0-9._:\[\]-]+$`)

// loginName is how users are called on a jump host; messages repeat it.
var loginName = regexp.MustCompile(`^[\pL\pN._@\\-]+$`)

// parseProxy reads the URL of a proxy. Errors do not repeat it.
func parseProxy(scheme, spec string) (*Proxy, error) {
	switch scheme {
	case "socks5h", "http":
	case "socks5":
		return nil, errors.New("with socks5:// this machine would look the name up; write socks5h://, where the proxy does")
	case "ssh":
		return parseJump(spec)
	default:
		return nil, errors.New("it is no kind of proxy that can be used: write socks5h://HOST:PORT, http://HOST:PORT or ssh://USER@HOST")
	}
	u, err := url.Parse(spec)
	if err != nil {
		return nil, fmt.Errorf("it is no URL of a proxy: write %s://[USER:PASSWORD@]HOST:PORT, with what is no letter or digit in the password as %%XX", scheme)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || !hostPort.MatchString(u.Host) || port == 0 || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, fmt.Errorf("the proxy is not of the form %s://[USER:PASSWORD@]HOST:PORT", scheme)
	}
	pass, _ := u.User.Password()
	user := u.User.Username()
	if len(user) > 255 || len(pass) > 255 || user == "" && pass != "" {
		return nil, errors.New("a proxy takes a user and a password of at most 255 bytes each")
	}
	return &Proxy{Scheme: scheme, Host: u.Host, User: secret.New(user), Password: secret.New(pass)}, nil
}

// parseJump reads ssh://[USER@]HOST[:PORT].
func parseJump(spec string) (*Proxy, error) {
	const form = "the jump host is not of the form ssh://[USER@]HOST[:PORT]"
	u, err := url.Parse(spec)
	if err != nil || u.Hostname() == "" || !hostPort.MatchString(u.Host) || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, errors.New(form)
	}
	if _, ok := u.User.Password(); ok {
		return nil, errors.New("one logs in to a jump host with a key: leave the password out")
	}
	port := cmp.Or(u.Port(), "22")
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, errors.New(form)
	}
	name := u.User.Username()
	if name == "" {
		me, err := user.Current()
		if err != nil {
			return nil, errors.New("who logs in to the jump host cannot be told: write ssh://USER@HOST")
		}
		name = me.Username
	}
	if !loginName.MatchString(name) {
		return nil, errors.New(form)
	}
	addr := net.JoinHostPort(u.Hostname(), port)
	return &Proxy{Scheme: "ssh", Host: addr, User: secret.New(name), jump: &jump{user: name, addr: addr}}, nil
}

// String is HOST:PORT, for a jump host at the usual port HOST.
func (p *Proxy) String() string {
	if p.jump != nil {
		return strings.TrimSuffix(p.Host, ":22")
	}
	return p.Host
}

// close ends what is kept open for further connections.
func (p *Proxy) close() {
	if p.jump != nil {
		p.jump.close()
	}
}

// secret is what must not be shown: the password, or a user that stands for one.
func (p *Proxy) secret() secret.Value {
	if p.jump != nil {
		return secret.Value{} // a login name
	}
	if p.Password.Empty() {
		return p.User
	}
	return p.Password
}

// same tells whether two are one proxy under one name: many choose the address to
// leave from by the user. A jump host has its address whoever logs in.
func (p *Proxy) same(o *Proxy) bool {
	if p.jump != nil && o.jump != nil {
		return strings.EqualFold(p.Host, o.Host)
	}
	return p.Scheme == o.Scheme && strings.EqualFold(p.Host, o.Host) && p.User.Equal(o.User) && p.Password.Equal(o.Password)
}

// dial makes a connection to addr, whose host the proxy looks up.
func (p *Proxy) dial(ctx context.Context, addr string) (net.Conn, error) {
	switch p.Scheme {
	case "http":
		return p.tunnel(ctx, addr)
	case "ssh":
		return p.jump.dial(ctx, addr)
	}
	var auth *proxy.Auth
	if !p.User.Empty() {
		auth = &proxy.Auth{User: p.User.Reveal(), Password: p.Password.Reveal()}
	}
	d, err := proxy.SOCKS5("tcp", p.Host, auth, &net.Dialer{})
	if err != nil {
		return nil, err
	}
	return d.(proxy.ContextDialer).DialContext(ctx, "tcp", addr)
}

// explain says what a proxy did not do and what to do about it, without addresses
// of this machine.
func (p *Proxy) explain(err error, timeout time.Duration) error {
	if p.jump != nil {
		return p.explainJump(err, timeout)
	}
	var ne net.Error
	var refusal statusError
	var inner *net.OpError
	for e := err; errors.As(e, &inner); e = inner.Err {
		if inner.Op == "dial" {
			break
		}
	}
	switch {
	case errors.As(err, &refusal):
		return fmt.Errorf("proxy %s: %s", p.Host, refusal.advice(!p.User.Empty()))
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &ne) && ne.Timeout():
		return fmt.Errorf("proxy %s: no connection within %s; check that it runs and reaches the target", p.Host, timeout)
	case errors.Is(err, syscall.ECONNRESET):
		// On a busy machine it comes while the connection is being made.
	case inner != nil && inner.Op == "dial":
		return fmt.Errorf("proxy %s cannot be reached; check its address and that it runs", p.Host)
	case inner != nil:
		return fmt.Errorf("proxy %s: %s; check its user and password, and that it may reach the target", p.Host, inner.Err.Error())
	}
	return fmt.Errorf("proxy %s: it broke off; check that it speaks %s", p.Host, p.Scheme)
}
