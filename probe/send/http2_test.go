package send_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"apisonde/probe"
	"apisonde/probe/send"
	"apisonde/probe/trace"
)

func overHTTP2(c *send.Config) { c.HTTP2 = true }

func TestHTTP2OverTLS(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	from := map[string]int{}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		from[r.RemoteAddr]++
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Limit", fmt.Sprintf("%s %s %s %s", r.Proto, r.Header.Get("X-Api-Key"), r.Header.Get("Accept-Encoding"), b))
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	u, _ := url.Parse(srv.URL)
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	s := newSender(t, u, overHTTP2, func(c *send.Config) {
		c.TLS = &tls.Config{RootCAs: roots}
		c.Request.Method, c.Request.Body = "POST", []byte("body")
	})
	var before time.Duration
	for i := range 3 {
		o := once(t, s, id1, "/")
		if o.Status != 200 || header(o, "X-Limit") != "HTTP/2.0 [redacted]  body" || o.Conn != 1 {
			t.Errorf("request %d: %+v", i, o)
		}
		if o.Written <= before || o.FirstByte < o.Written || o.Done < o.FirstByte {
			t.Errorf("request %d: offsets %v %v %v", i, o.Written, o.FirstByte, o.Done)
		}
		before = o.Done
	}
	// One connection carries one request at a time, and one identity.
	var lines []probe.Line
	for range 4 {
		l, fault := s.Reserve(context.Background(), id2, false)
		if fault != trace.FaultNone {
			t.Fatal(fault)
		}
		lines = append(lines, l)
	}
	for _, l := range lines {
		ask(context.Background(), l, "/")
	}
	if len(from) != 5 {
		t.Errorf("%v, want 5 connections", from)
	}
}

func TestAServerWithoutHTTP2(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	u, _ := url.Parse(srv.URL)
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	s := newSender(t, u, overHTTP2, func(c *send.Config) { c.TLS = &tls.Config{RootCAs: roots} })
	if o := once(t, s, id1, "/"); o.Fault != trace.FaultTLS || !strings.Contains(s.Explain(), "does not speak HTTP/2") {
		t.Errorf("%+v, %s", o, s.Explain())
	}
}

// framed is a server that speaks HTTP/2 frame by frame, without TLS. It counts the
// requests, which are HEADERS frames.
type framed struct {
	addr     string
	requests atomic.Int64
	conns    atomic.Int64
}

// peer is one connection of it.
type peer struct {
	*http2.Framer
	net.Conn
	n int // request of this server, from 1
}

func (p *peer) respond(stream uint32, end bool) {
	var b bytes.Buffer
	_ = hpack.NewEncoder(&b).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: b.Bytes(), EndHeaders: true, EndStream: end})
}

// newFramed serves each request with do, which returns false to hang up.
func newFramed(t *testing.T, settings []http2.Setting, do func(p *peer, stream uint32) bool) *framed {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &framed{addr: l.Addr().String()}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.conns.Add(1)
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				preface := make([]byte, len(http2.ClientPreface))
				if _, err := io.ReadFull(c, preface); err != nil || string(preface) != http2.ClientPreface {
					return
				}
				// What answers one frame arrives at once.
				out := bufio.NewWriter(c)
				defer out.Flush()
				p := &peer{Framer: http2.NewFramer(out, c), Conn: c}
				_ = p.WriteSettings(settings...)
				for out.Flush() == nil {
					fr, err := p.ReadFrame()
					if err != nil {
						return
					}
					switch fr := fr.(type) {
					case *http2.SettingsFrame:
						if !fr.IsAck() {
							_ = p.WriteSettingsAck()
						}
					case *http2.HeadersFrame:
						p.n = int(f.requests.Add(1))
						if !do(p, fr.StreamID) {
							return
						}
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return f
}

func (f *framed) url() *url.URL { return &url.URL{Scheme: "http", Host: f.addr, Path: "/"} }

// Whatever an HTTP/2 server does with a request, it gets it once.
func TestHTTP2FaultsCostOneRequestEach(t *testing.T) {
	t.Parallel()
	reset := func(code http2.ErrCode) func(*peer, uint32) bool {
		return func(p *peer, s uint32) bool { return p.WriteRSTStream(s, code) == nil }
	}
	for name, c := range map[string]struct {
		do      func(*peer, uint32) bool
		fault   trace.Fault
		status  int
		explain string
	}{
		"refused stream":    {reset(http2.ErrCodeRefusedStream), trace.FaultStream, 0, "REFUSED_STREAM"},
		"enhance your calm": {reset(http2.ErrCodeEnhanceYourCalm), trace.FaultStream, 0, "ENHANCE_YOUR_CALM"},
		"farewell before": {func(p *peer, s uint32) bool { return p.WriteGoAway(0, http2.ErrCodeNo, nil) == nil },
			trace.FaultStream, 0, "NO_ERROR"},
		"farewell after": {func(p *peer, s uint32) bool {
			_ = p.WriteGoAway(s, http2.ErrCodeNo, nil)
			p.respond(s, true)
			return true
		}, trace.FaultNone, 200, ""},
		"calm for the connection": {func(p *peer, s uint32) bool { _ = p.WriteGoAway(0, http2.ErrCodeEnhanceYourCalm, nil); return false },
			trace.FaultStream, 0, "ENHANCE_YOUR_CALM"},
		"reset within the body": {func(p *peer, s uint32) bool {
			p.respond(s, false)
			_ = p.WriteData(s, false, []byte("half"))
			return p.WriteRSTStream(s, http2.ErrCodeInternal) == nil
		}, trace.FaultStream, 200, "INTERNAL_ERROR"},
		"hang up": {func(*peer, uint32) bool { return false }, trace.FaultReset, 0, ""},
		"another protocol": {func(p *peer, s uint32) bool {
			_, _ = io.WriteString(p.Conn, ok)
			return false
		}, "", 0, ""},
		"silence": {func(*peer, uint32) bool { return true }, trace.FaultTimeout, 0, ""},
		"settings for ever": {func(p *peer, s uint32) bool {
			for p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 65535}) == nil {
			}
			return false
		}, "", 0, ""},
		"headers for ever": {func(p *peer, s uint32) bool {
			var b bytes.Buffer
			_ = hpack.NewEncoder(&b).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
			_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: s, BlockFragment: b.Bytes()})
			more := bytes.Repeat([]byte("\x00\x01a\x01b"), 1000)
			for p.WriteContinuation(s, false, more) == nil {
			}
			return false
		}, "", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFramed(t, nil, c.do)
			s := newSender(t, f.url(), overHTTP2, func(c *send.Config) { c.RequestTimeout = 500 * time.Millisecond })
			const n = 3
			for range n {
				o := once(t, s, id1, "/")
				if c.fault != "" && o.Fault != c.fault || o.Status != c.status || c.fault == "" && c.status == 0 && o.Fault == trace.FaultNone || o.Written == 0 {
					t.Errorf("%+v, %s", o, s.Explain())
				}
				if c.status == 200 && (o.FirstByte < o.Written || o.FirstByte == 0) {
					t.Errorf("first byte at %v after %v", o.FirstByte, o.Written)
				}
			}
			if got := f.requests.Load(); got != n {
				t.Errorf("the server got %d requests for %d", got, n)
			}
			if !strings.Contains(s.Explain(), c.explain) {
				t.Errorf("explained as %q, want %q", s.Explain(), c.explain)
			}
		})
	}
}

func TestAServerThatAllowsOneStream(t *testing.T) {
	t.Parallel()
	f := newFramed(t, []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: 1}}, func(p *peer, s uint32) bool { p.respond(s, true); return true })
	s := newSender(t, f.url(), overHTTP2)
	for range 20 {
		if o := once(t, s, id1, "/"); o.Status != 200 {
			t.Fatalf("%+v", o)
		}
	}
	if f.requests.Load() != 20 {
		t.Errorf("%d requests", f.requests.Load())
	}
}

// A farewell between two requests is an announcement: the next goes over a new
// connection, and none is lost.
func TestAFarewellBetweenRequests(t *testing.T) {
	t.Parallel()
	f := newFramed(t, nil, func(p *peer, s uint32) bool {
		p.respond(s, true)
		if p.n%5 == 0 {
			_ = p.WriteGoAway(s, http2.ErrCodeNo, nil)
		}
		return true
	})
	s := newSender(t, f.url(), overHTTP2)
	for i := range 20 {
		if o := once(t, s, id1, "/"); o.Status != 200 {
			t.Fatalf("request %d: %+v, %s", i, o, s.Explain())
		}
	}
	if f.requests.Load() != 20 || f.conns.Load() > 4 {
		t.Errorf("%d requests on %d connections", f.requests.Load(), f.conns.Load())
	}
}
