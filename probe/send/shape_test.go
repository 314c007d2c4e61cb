package send_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"

	"apisonde/probe/needs"
	"apisonde/probe/secret"
	"apisonde/probe/send"
	"apisonde/probe/trace"

	"github.com/google/go-cmp/cmp"
)

// recorder is a handler that remembers requests.
type recorder struct {
	mu   sync.Mutex
	seen []*http.Request
	body []string
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	b, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen, r.body = append(r.seen, req), append(r.body, string(b))
}

func serve(t *testing.T, h http.Handler) *url.URL {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func place(t *testing.T, s string) send.Place {
	t.Helper()
	p, err := send.ParsePlace(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCredentialsTravelWhereTheyWereAskedTo(t *testing.T) {
	t.Parallel()
	const key = `k/e y+1%&=`
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":"))
	for _, tc := range []struct {
		place string
		get   func(*http.Request) string
		want  string
	}{
		{"header:X-Api-Key", func(r *http.Request) string { return r.Header.Get("X-Api-Key") }, key},
		{"header:x-token", func(r *http.Request) string { return r.Header.Get("X-Token") }, key},
		{"header:Authorization: Token token={}, v=1", func(r *http.Request) string { return r.Header.Get("Authorization") }, "Token token=" + key + ", v=1"},
		{"bearer", func(r *http.Request) string { return r.Header.Get("Authorization") }, "Bearer " + key},
		{"basic", func(r *http.Request) string { return r.Header.Get("Authorization") }, basic},
		{"query:api_key", func(r *http.Request) string { return r.URL.Query().Get("api_key") + "," + r.URL.Query().Get("q") }, key + ",1"},
		{"cookie:session", func(r *http.Request) string { return r.Header.Get("Cookie") }, "a=b; session=" + key},
	} {
		rec := &recorder{}
		u := serve(t, rec)
		u.Path, u.RawQuery = "/v1", "q=1"
		s := newSender(t, u, func(c *send.Config) {
			c.Keys = map[string]secret.Value{"k1": secret.New(key)}
			c.Request.KeyIn = place(t, tc.place)
			c.Request.Headers = http.Header{"Cookie": {"a=b"}}
		})
		if o := once(t, s, id1, "/v1"); o.Status != 200 {
			t.Fatalf("%s: %+v", tc.place, o)
		}
		if got := tc.get(rec.seen[0]); got != tc.want {
			t.Errorf("%s: the server got %q, want %q", tc.place, got, tc.want)
		}
		if got := place(t, tc.place).String(); !strings.EqualFold(got, tc.place) {
			t.Errorf("%s prints as %s", tc.place, got)
		}
	}
}

func TestPlacesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "header", "header:", "header:a b", "header:Connection", "header:content-length", "header:X: no braces",
		"header:X: {}\r\nY: z", "query:", "cookie:", "cookie:a;b", "bearer:x", "basic:x", "body:x",
	} {
		if p, err := send.ParsePlace(s); err == nil {
			t.Errorf("%q was taken for %v", s, p)
		}
	}
}

func TestTheRestOfTheRequest(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:9")
	t.Setenv("http_proxy", "http://127.0.0.1:9")
	t.Setenv("ALL_PROXY", "http://127.0.0.1:9")
	rec := &recorder{}
	u := serve(t, rec)
	u.Path, u.RawQuery, u.User = "/v1/items", "page=2", url.UserPassword("me", "pw")
	s := newSender(t, u, func(c *send.Config) {
		c.Request.Method, c.Request.Body = "POST", []byte(`{"a":1}`)
		c.Request.Headers = http.Header{"Content-Type": {"application/json"}, "Host": {"api.example"}}
		c.Users = map[string]secret.Value{"u1": secret.New("user-one")}
		c.Forwarded = map[string]string{"f1": "203.0.113.7"}
	})
	for _, id := range []trace.Identity{
		{Vantage: "here", Key: "k1", User: "u1", Forwarded: "f1"},
		{Vantage: "here", Forwarded: "203.0.113.8"},
	} {
		if o := once(t, s, id, "/v1/items"); o.Status != 200 {
			t.Fatalf("%+v", o)
		}
	}
	if o := once(t, s, id1, "/v1/other?x=1"); o.Status != 200 {
		t.Fatalf("%+v", o)
	}
	type got struct {
		Method, Host, URI, Body string
		Header                  http.Header
	}
	var have []got
	for i, r := range rec.seen {
		have = append(have, got{r.Method, r.Host, r.RequestURI, rec.body[i], r.Header})
	}
	common := func(extra http.Header) http.Header {
		h := http.Header{
			"User-Agent": {"apisonde/1.2.3"}, "Content-Type": {"application/json"}, "Content-Length": {"7"},
			"Authorization": {"Basic bWU6cHc="},
		}
		for k, v := range extra {
			h[k] = v
		}
		return h
	}
	want := []got{
		{"POST", "api.example", "/v1/items?page=2", `{"a":1}`, common(http.Header{
			"X-Api-Key": {"credential-number-one"}, "X-User": {"user-one"}, "X-Forwarded-For": {"203.0.113.7"}})},
		{"POST", "api.example", "/v1/items?page=2", `{"a":1}`, common(http.Header{"X-Forwarded-For": {"203.0.113.8"}})},
		{"POST", "api.example", "/v1/other?x=1", `{"a":1}`, common(http.Header{"X-Api-Key": {"credential-number-one"}})},
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Errorf("requests differ (-want +got):\n%s", d)
	}
}

func TestRequestsThatCannotBeSent(t *testing.T) {
	t.Parallel()
	base := func() send.Config {
		u, _ := url.Parse("http://127.0.0.1:9/")
		return send.Config{Request: send.Request{URL: u}, Now: clock()}
	}
	for name, change := range map[string]func(*send.Config){
		"scheme":       func(c *send.Config) { c.Request.URL.Scheme = "ftp" },
		"host":         func(c *send.Config) { c.Request.URL.Host = "" },
		"port":         func(c *send.Config) { c.Request.URL.Host = "127.0.0.1:99999" },
		"method":       func(c *send.Config) { c.Request.Method = "GE T" },
		"header name":  func(c *send.Config) { c.Request.Headers = http.Header{"A B": {"x"}} },
		"own header":   func(c *send.Config) { c.Request.Headers = http.Header{"connection": {"close"}} },
		"header value": func(c *send.Config) { c.Request.Headers = http.Header{"X": {"very-secret\r\nY: z"}} },
		"one place":    func(c *send.Config) { c.Request.UserIn = send.DefaultKeyPlace },
		"vantage": func(c *send.Config) {
			c.Vantages = map[string]send.Vantage{"v": {Addr: netip.MustParseAddr("203.0.113.9")}}
		},
	} {
		cfg := base()
		change(&cfg)
		_, err := send.New(cfg)
		if err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "very-secret") {
			t.Errorf("%s: the error repeats a value: %v", name, err)
		}
	}
}

func TestRoutesStayOnTheOrigin(t *testing.T) {
	t.Parallel()
	w := newWild(t, "tcp4", "127.0.0.1:0", say(ok))
	s := newSender(t, w.url("/"))
	for _, route := range []string{"relative", "//other.example/", "http://other.example/", "/a b\r\nX: y"} {
		if o := once(t, s, id1, route); o.Fault != trace.FaultLocal || o.Written != 0 {
			t.Errorf("route %q: %+v", route, o)
		}
	}
	if n := w.requests.Load(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestOneConnectionIsOneIdentity(t *testing.T) {
	t.Parallel()
	type use struct{ addr, key string }
	var mu sync.Mutex
	uses := map[use]int{}
	u := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		uses[use{r.RemoteAddr, r.Header.Get("X-Api-Key")}]++
	}))
	s := newSender(t, u)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 10 {
				id := id1
				if i%2 == 1 {
					id = id2
				}
				once(t, s, id, "/")
			}
		})
	}
	wg.Wait()
	owner := map[string]string{}
	total := 0
	for u, n := range uses {
		if k, ok := owner[u.addr]; ok && k != u.key {
			t.Errorf("connection %s carried two keys", u.addr)
		}
		owner[u.addr] = u.key
		total += n
	}
	if total != 80 || len(owner) > 8 {
		t.Errorf("%d requests on %d connections, want 80 on at most 8", total, len(owner))
	}
	// A fresh line is a new connection even where an idle one waits.
	l, _ := s.Reserve(context.Background(), id1, true)
	o := ask(context.Background(), l, "/")
	if o.Conn != len(owner)+1 {
		t.Errorf("a fresh line is connection %d, want %d", o.Conn, len(owner)+1)
	}
	// What comes after it goes on where it went before.
	l, _ = s.Reserve(context.Background(), id1, false)
	if o := ask(context.Background(), l, "/"); o.Conn > len(owner) {
		t.Errorf("connection %d was to carry one request, and carried another one", o.Conn)
	}
}

func TestRequestsLeaveFromTheirVantage(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	from := map[string]string{}
	u := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		from[r.Header.Get("X-Api-Key")] = host
	}))
	second, err := send.ParseVantage("127.0.0.2")
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Check(); err != nil {
		needs.Absent(t, "127.0.0.2 is not an address of this machine")
	}
	s := newSender(t, u, func(c *send.Config) { c.Vantages = map[string]send.Vantage{"second": second} })
	once(t, s, id1, "/")
	once(t, s, trace.Identity{Vantage: "second", Key: "k2"}, "/")
	want := map[string]string{"credential-number-one": "127.0.0.1", "credential-number-two": "127.0.0.2"}
	if d := cmp.Diff(want, from); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestVantagesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "eth0", "if:", "if:absent0", "0.0.0.0", "::", "224.0.0.1", "10.0.0.300",
		"socks5://x:1", "socks5h://x", "socks5h://:1", "socks5h://x:0", "socks5h://x:1/path", "http://x:1?q", "http://u:\x01p@x:1", "https://x:1", "http://a b:1"} {
		if v, err := send.ParseVantage(s); err == nil {
			t.Errorf("%q was taken for %v", s, v)
		}
	}
	v, err := send.ParseVantage("203.0.113.9")
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Check(); err == nil || !strings.Contains(err.Error(), "not an address of this machine") {
		t.Errorf("a foreign address: %v", err)
	}
	v6, err := send.ParseVantage("[::1]")
	if err != nil {
		t.Fatal(err)
	}
	if v6.Check() != nil {
		needs.Absent(t, "no IPv6 here")
	}
	w := newWild(t, "tcp4", "127.0.0.1:0", say(ok))
	s := newSender(t, w.url("/"), func(c *send.Config) { c.Vantages = map[string]send.Vantage{"six": v6} })
	if err := s.Resolve(context.Background()); err == nil || !strings.Contains(err.Error(), "IPv6") {
		t.Errorf("an IPv6 vantage for an IPv4 host: %v", err)
	}
}

func TestLocalhostIsReachedOnWhicheverFamilyListens(t *testing.T) {
	t.Parallel()
	for network, addr := range map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			w := newWild(t, network, addr, say(ok))
			_, port, _ := net.SplitHostPort(w.l.Addr().String())
			s := newSender(t, &url.URL{Scheme: "http", Host: "localhost:" + port, Path: "/"})
			for range 2 {
				if o := once(t, s, id1, "/"); o.Status != 200 {
					t.Errorf("%+v", o)
				}
			}
		})
	}
}

func TestTLSIsVerified(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Limit", r.Proto)
	}))
	t.Cleanup(srv.Close)
	u, _ := url.Parse(srv.URL)
	s := newSender(t, u)
	if o := once(t, s, id1, "/"); o.Fault != trace.FaultTLS {
		t.Errorf("an unknown issuer: %+v", o)
	}
	if why := s.Explain(); !strings.Contains(why, "certificate") {
		t.Errorf("explained as %q", why)
	}
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	known := newSender(t, u, func(c *send.Config) { c.TLS = &tls.Config{RootCAs: roots} })
	for i := range 3 {
		o := once(t, known, id1, "/")
		if o.Status != 200 || header(o, "X-Limit") != "HTTP/1.1" || o.Conn != 1 || o.FirstByte < o.Written {
			t.Errorf("request %d: %+v", i, o)
		}
	}
	wrong := *u
	wrong.Host = "localhost:" + u.Port()
	other := newSender(t, &wrong, func(c *send.Config) { c.TLS = &tls.Config{RootCAs: roots} })
	if o := once(t, other, id1, "/"); o.Fault != trace.FaultTLS {
		t.Errorf("a certificate for another name: %+v", o)
	}
}

func TestCompressionAndCookiesAreOff(t *testing.T) {
	t.Parallel()
	rec := &recorder{}
	u := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "session=abc")
		rec.ServeHTTP(w, r)
	}))
	s := newSender(t, u)
	once(t, s, id1, "/")
	o := once(t, s, id1, "/")
	if got := rec.seen[1].Header; got.Get("Cookie") != "" || got.Get("Accept-Encoding") != "" {
		t.Errorf("sent %v", got)
	}
	if header(o, "Set-Cookie") != "" {
		t.Error("a cookie was kept")
	}
}
