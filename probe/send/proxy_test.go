package send_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"apisonde/probe/needs"
	"apisonde/probe/send"
	"apisonde/probe/trace"
)

const proxyPassword = "pass-of-the-proxy=1"

// proxied is a proxy that leads everywhere to one address, from 127.0.0.3, and
// remembers what it was asked for and by whom.
type proxied struct {
	l  net.Listener
	to string

	mu    sync.Mutex
	asked []string
	users []string
}

func newProxied(t *testing.T, to string, speak func(p *proxied, c net.Conn, br *bufio.Reader) bool) *proxied {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxied{l: l, to: to}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				br := bufio.NewReader(c)
				if !speak(p, c, br) {
					return
				}
				d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 3)}}
				far, err := d.Dial("tcp", p.to)
				if err != nil {
					return
				}
				defer far.Close()
				go func() { _, _ = io.Copy(far, br) }()
				_, _ = io.Copy(c, far)
			}()
		}
	}()
	return p
}

func (p *proxied) note(asked, user string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked, p.users = append(p.asked, asked), append(p.users, user)
}

// socks speaks SOCKS5 with a user and a password (RFC 1928, RFC 1929).
func socks(p *proxied, c net.Conn, br *bufio.Reader) bool {
	field := func() string {
		n, _ := br.ReadByte()
		b := make([]byte, n)
		_, _ = io.ReadFull(br, b)
		return string(b)
	}
	_, _ = br.ReadByte()
	if !strings.Contains(field(), "\x02") {
		_, _ = c.Write([]byte{5, 0xff})
		return false
	}
	_, _ = c.Write([]byte{5, 2})
	_, _ = br.ReadByte()
	user := field() + ":" + field()
	if user != "me:"+proxyPassword {
		_, _ = c.Write([]byte{1, 1})
		return false
	}
	_, _ = c.Write([]byte{1, 0})
	head := make([]byte, 4)
	_, _ = io.ReadFull(br, head)
	if head[3] != 3 {
		return false // the name was looked up before
	}
	host := field()
	var port [2]byte
	_, _ = io.ReadFull(br, port[:])
	p.note(net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(port[:])))), user)
	_, err := c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	return err == nil
}

// connect speaks HTTP CONNECT and answers with a status.
func connect(status int) func(*proxied, net.Conn, *bufio.Reader) bool {
	return func(p *proxied, c net.Conn, br *bufio.Reader) bool {
		r, err := http.ReadRequest(br)
		if err != nil {
			return false
		}
		b, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("Proxy-Authorization"), "Basic "))
		p.note(r.RequestURI, string(b))
		fmt.Fprintf(c, "HTTP/1.1 %d %s\r\n\r\n", status, proxyPassword)
		return status == http.StatusOK
	}
}

func through(t *testing.T, scheme, credentials string, p *proxied) func(*send.Config) {
	t.Helper()
	v, err := send.ParseVantage(scheme + "://" + credentials + p.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if got := v.String(); got != p.l.Addr().String() {
		t.Errorf("the proxy is called %s", got)
	}
	return func(c *send.Config) {
		c.Vantages, c.ConnectTimeout = map[string]send.Vantage{"here": v}, 300*time.Millisecond
	}
}

func TestAProxyLooksTheNameUp(t *testing.T) {
	t.Parallel()
	for scheme, speak := range map[string]func(*proxied, net.Conn, *bufio.Reader) bool{"socks5h": socks, "http": connect(200)} {
		from := make(chan string, 1)
		u := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			from <- host
			w.Header().Set("X-RateLimit-Scope", proxyPassword)
			if r.Header.Get("Proxy-Authorization") != "" {
				t.Errorf("%s: the target got the proxy's credentials", scheme)
			}
		}))
		p := newProxied(t, u.Host, speak)
		s := newSender(t, &url.URL{Scheme: "http", Host: "api.nowhere.invalid:81", Path: "/"}, through(t, scheme, "me:"+url.QueryEscape(proxyPassword)+"@", p))
		if err := s.Resolve(context.Background()); err != nil {
			t.Errorf("%s: the name was looked up here: %v", scheme, err)
		}
		o := once(t, s, id1, "/")
		if o.Status != 200 {
			t.Fatalf("%s: %+v, %s", scheme, o, s.Explain())
		}
		if got := <-from; got != "127.0.0.3" {
			t.Errorf("%s: the target saw %s", scheme, got)
		}
		if strings.Contains(fmt.Sprintf("%+v", o), proxyPassword) {
			t.Errorf("%s: the observation shows the password", scheme)
		}
		if len(p.asked) != 1 || p.asked[0] != "api.nowhere.invalid:81" || p.users[0] != "me:"+proxyPassword {
			t.Errorf("%s: the proxy was asked for %q by %q", scheme, p.asked, p.users)
		}
	}
}

func TestAProxyThatRefusesIsNoAnswerOfTheTarget(t *testing.T) {
	t.Parallel()
	stall := func(*proxied, net.Conn, *bufio.Reader) bool { time.Sleep(time.Second); return false }
	hangUp := func(*proxied, net.Conn, *bufio.Reader) bool { return false }
	reset := func(_ *proxied, c net.Conn, _ *bufio.Reader) bool {
		_ = c.(*net.TCPConn).SetLinger(0)
		return false
	}
	for name, c := range map[string]struct {
		scheme, user string
		speak        func(*proxied, net.Conn, *bufio.Reader) bool
		says         string
	}{
		"407 unnamed":    {"http", "", connect(407), "wants a user"},
		"407 named":      {"http", "me:" + url.QueryEscape(proxyPassword) + "@", connect(407), "correct them"},
		"502":            {"http", "", connect(502), "cannot reach the target (502)"},
		"429":            {"http", "", connect(429), "refuses a tunnel"},
		"stall":          {"http", "", stall, "within 300ms"},
		"hang up":        {"http", "", hangUp, "broke off"},
		"reset":          {"http", "", reset, "broke off"},
		"socks stall":    {"socks5h", "", stall, "within 300ms"},
		"socks unnamed":  {"socks5h", "", socks, "check its user and password"},
		"socks password": {"socks5h", "me:mistaken-one-here@", socks, "check its user and password"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxied(t, "127.0.0.1:9", c.speak)
			s := newSender(t, &url.URL{Scheme: "http", Host: "localhost:9", Path: "/"}, through(t, c.scheme, c.user, p))
			if o := once(t, s, id1, "/"); o.Fault != trace.FaultProxy || o.Status != 0 || o.Written != 0 {
				t.Errorf("%+v", o)
			}
			why := s.Explain()
			if !strings.Contains(why, c.says) || strings.Contains(why, proxyPassword) || strings.Contains(why, "mistaken-one") {
				t.Errorf("explained as %q, want %q", why, c.says)
			}
		})
	}
}

func TestAnInterfaceSendsFromItsFamily(t *testing.T) {
	t.Parallel()
	v, err := send.ParseVantage("if:lo")
	if err != nil {
		needs.Absent(t, "no interface lo")
	}
	w := newWild(t, "tcp4", "127.0.0.1:0", say(ok))
	s := newSender(t, w.url("/"), func(c *send.Config) { c.Vantages = map[string]send.Vantage{"here": v} })
	if o := once(t, s, id1, "/"); o.Status != 200 {
		t.Errorf("%+v", o)
	}
}
