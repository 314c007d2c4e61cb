package send_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"apisonde/probe"
	"apisonde/probe/send"
	"apisonde/probe/trace"

	"github.com/google/go-cmp/cmp"
)

// reset closes a connection so that the other end sees RST.
func reset(c *net.TCPConn) bool {
	_ = c.SetLinger(0)
	_ = c.Close()
	return false
}

func TestOneFaultyAnswer(t *testing.T) {
	t.Parallel()
	short := func(c *send.Config) { c.RequestTimeout = 150 * time.Millisecond }
	wait := func(c *net.TCPConn, n int) bool {
		// Until the client hangs up.
		_, _ = io.Copy(io.Discard, c)
		return false
	}
	for _, tc := range []struct {
		name   string
		do     answer
		change func(*send.Config)
		fault  trace.Fault
		status int
		heard  bool // a first byte
	}{
		{name: "reset before any answer", do: func(c *net.TCPConn, _ *http.Request, _ int) bool { return reset(c) }, fault: trace.FaultReset},
		{name: "closed before any answer", do: func(c *net.TCPConn, _ *http.Request, _ int) bool { return false }, fault: trace.FaultReset},
		{name: "closed in the status line", do: func(c *net.TCPConn, _ *http.Request, _ int) bool {
			_, _ = io.WriteString(c, "HTTP/1.1 2")
			return false
		}, fault: trace.FaultReset, heard: true},
		{name: "closed in the headers", do: func(c *net.TCPConn, _ *http.Request, _ int) bool {
			_, _ = io.WriteString(c, "HTTP/1.1 429 Too Many\r\nRetry-Af")
			return false
		}, fault: trace.FaultReset, heard: true},
		{name: "closed in the body", do: func(c *net.TCPConn, _ *http.Request, _ int) bool {
			_, _ = io.WriteString(c, "HTTP/1.1 429 Too Many\r\nContent-Length: 100\r\n\r\nslow do")
			return false
		}, fault: trace.FaultReset, status: 429, heard: true},
		{name: "silence", do: func(c *net.TCPConn, _ *http.Request, n int) bool { return wait(c, n) }, change: short, fault: trace.FaultTimeout},
		{name: "silence after the headers", do: func(c *net.TCPConn, _ *http.Request, n int) bool {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")
			return wait(c, n)
		}, change: short, fault: trace.FaultTimeout, status: 200, heard: true},
		{name: "another protocol", do: say("SSH-2.0-OpenSSH_9.6\r\n"), fault: trace.FaultMalformed, heard: true},
		{name: "HTTP/0.9", do: func(c *net.TCPConn, _ *http.Request, _ int) bool {
			_, _ = io.WriteString(c, "<html>\r\nhello\r\n")
			return false
		}, fault: trace.FaultMalformed, heard: true},
		{name: "a status that is no number", do: say("HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n"), fault: trace.FaultMalformed, heard: true},
		{name: "status 000", do: say("HTTP/1.1 000 Zero\r\nContent-Length: 0\r\n\r\n"), fault: trace.FaultMalformed, heard: true},
		{name: "status 999", do: say("HTTP/1.1 999 Denied\r\nContent-Length: 0\r\n\r\n"), status: 999, heard: true},
		{name: "another protocol offered", do: say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"), fault: trace.FaultMalformed, heard: true},
		{name: "a header without end", do: say("HTTP/1.1 200 OK\r\nX-Limit: " + strings.Repeat("a", 70<<10) + "\r\nContent-Length: 0\r\n\r\n"), fault: trace.FaultMalformed, heard: true},
		{name: "a header with a bare control character", do: say("HTTP/1.1 200 OK\r\nX-Limit: a\x00b\r\nContent-Length: 0\r\n\r\n"), fault: trace.FaultMalformed, heard: true},
		{name: "two lengths", do: say("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok"), fault: trace.FaultMalformed, heard: true},
		{name: "some early hints", do: say(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 5) + ok), status: 200, heard: true},
		{name: "a flood of early hints", do: say(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 50) + ok), fault: trace.FaultMalformed, heard: true},
		{name: "HTTP/1.0 without a length", do: func(c *net.TCPConn, _ *http.Request, _ int) bool {
			_, _ = io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\nhello")
			return false
		}, status: 200, heard: true},
		{name: "a bad chunk", do: say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), fault: trace.FaultMalformed, status: 200, heard: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWild(t, "tcp4", "127.0.0.1:0", tc.do)
			change := tc.change
			if change == nil {
				change = func(*send.Config) {}
			}
			o := once(t, newSender(t, w.url("/"), change), id1, "/")
			if o.Fault != tc.fault || o.Status != tc.status || (o.FirstByte > 0) != tc.heard {
				t.Errorf("got fault %q, status %d, first byte %v; want %q, %d, heard %v", o.Fault, o.Status, o.FirstByte, tc.fault, tc.status, tc.heard)
			}
			if o.Written == 0 || o.FirstByte != 0 && o.FirstByte < o.Written {
				t.Errorf("written %v, first byte %v", o.Written, o.FirstByte)
			}
			if (o.Done > 0) != (tc.fault == trace.FaultNone) {
				t.Errorf("done %v with fault %q", o.Done, o.Fault)
			}
			if got := w.requests.Load(); got != 1 {
				t.Errorf("the server read %d requests for one call", got)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	s := newSender(t, &url.URL{Scheme: "http", Host: l.Addr().String()})
	if o := once(t, s, id1, "/"); o.Fault != trace.FaultConnect {
		t.Errorf("fault is %q, want connect", o.Fault)
	}
	if why := s.Explain(); !strings.Contains(why, "refused") {
		t.Errorf("explained as %q", why)
	}
}

// A pooled Transport sends such a request again by itself.
func TestNoRequestIsEverResent(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "POST"} {
		w := newWild(t, "tcp4", "127.0.0.1:0", func(c *net.TCPConn, _ *http.Request, n int) bool {
			if n%2 == 0 {
				return reset(c)
			}
			_, err := io.WriteString(c, ok)
			return err == nil
		})
		s := newSender(t, w.url("/"), func(c *send.Config) { c.Request.Method = method })
		if o := once(t, s, id1, "/"); o.Status != 200 {
			t.Fatalf("%s: first request: %+v", method, o)
		}
		if o := once(t, s, id1, "/"); o.Fault != trace.FaultReset || o.Written == 0 {
			t.Errorf("%s: second request: %+v", method, o)
		}
		if got := w.requests.Load(); got != 2 {
			t.Errorf("%s: the server read %d requests for 2 calls", method, got)
		}
	}
}

// The server closes after each answer without a word. Whatever the race between
// its closing and the next request, it gets no request that is not accounted
// for, and soon no request is lost any more.
func TestServerThatClosesUnannounced(t *testing.T) {
	t.Parallel()
	w := newWild(t, "tcp4", "127.0.0.1:0", func(c *net.TCPConn, _ *http.Request, _ int) bool {
		_, _ = io.WriteString(c, ok)
		return false
	})
	s := newSender(t, w.url("/"))
	const calls = 40
	lost := 0
	for range calls {
		if o := once(t, s, id1, "/"); o.Fault != trace.FaultNone {
			lost++
		}
	}
	if lost > 1 {
		t.Errorf("%d of %d requests were lost to connections that the server closes", lost, calls)
	}
	if got := int(w.requests.Load()); got > calls || got < calls-lost {
		t.Errorf("the server read %d requests of %d, %d lost", got, calls, lost)
	}
}

// The server resets every connection at its second request. One request is lost
// to that, and from then on none.
func TestServerThatTakesOneRequestAConnection(t *testing.T) {
	t.Parallel()
	var used sync.Map
	w := newWild(t, "tcp4", "127.0.0.1:0", func(c *net.TCPConn, _ *http.Request, _ int) bool {
		if _, again := used.LoadOrStore(c, true); again {
			return reset(c)
		}
		_, err := io.WriteString(c, ok)
		return err == nil
	})
	s := newSender(t, w.url("/"))
	lost := 0
	for range 10 {
		if o := once(t, s, id1, "/"); o.Fault != trace.FaultNone {
			lost++
		}
	}
	if lost != 1 || w.requests.Load() != 10 {
		t.Errorf("%d of 10 requests were lost and the server read %d; want 1 and 10", lost, w.requests.Load())
	}
}

// reserveAfterDeath reserves a line once the connection, which the server has
// ended, is known to be dead: the news travels through the kernel.
func reserveAfterDeath(t *testing.T, s *send.Sender, conn int) probe.Line {
	t.Helper()
	l, fault := s.Reserve(context.Background(), id1, false)
	if fault != "" {
		t.Fatal(fault)
	}
	for deadline := time.Now().Add(2 * time.Second); l.Conn() == conn && l.Alive(); {
		if time.Now().After(deadline) {
			t.Fatal("the ended connection still counts as alive")
		}
		time.Sleep(time.Millisecond)
	}
	return l
}

func TestIdleConnectionClosedByTheServerIsFoundOut(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{})
	w := newWild(t, "tcp4", "127.0.0.1:0", func(c *net.TCPConn, _ *http.Request, n int) bool {
		_, _ = io.WriteString(c, ok)
		if n == 1 {
			_ = c.Close()
			close(closed)
			return false
		}
		return true
	})
	s := newSender(t, w.url("/"))
	first := once(t, s, id1, "/")
	<-closed
	l := reserveAfterDeath(t, s, first.Conn)
	o := ask(context.Background(), l, "/")
	if o.Status != 200 || o.Conn == first.Conn {
		t.Errorf("got %+v, want an answer on a new connection", o)
	}
	if got := w.requests.Load(); got != 2 {
		t.Errorf("the server read %d requests for 2 calls", got)
	}
}

// A server that says how long it keeps connections is not asked on one that is
// about to end.
func TestAPromiseOfTheServerIsKept(t *testing.T) {
	t.Parallel()
	w := newWild(t, "tcp4", "127.0.0.1:0", say("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=100\r\nContent-Length: 0\r\n\r\n"))
	var now atomic.Int64
	s := newSender(t, w.url("/"), func(c *send.Config) { c.Now = func() time.Duration { return time.Duration(now.Add(1)) } })
	var conns []int
	for _, rest := range []time.Duration{0, 3 * time.Second, 4 * time.Second} {
		now.Add(int64(rest))
		conns = append(conns, once(t, s, id1, "/").Conn)
	}
	if d := cmp.Diff([]int{1, 1, 2}, conns); d != "" {
		t.Errorf("connections (-want +got):\n%s", d)
	}
}

func TestHeadHasNoBody(t *testing.T) {
	t.Parallel()
	w := newWild(t, "tcp4", "127.0.0.1:0", say("HTTP/1.1 429 No\r\nContent-Length: 100\r\n\r\n"))
	s := newSender(t, w.url("/"), func(c *send.Config) { c.Request.Method = "HEAD" })
	for range 2 {
		if o := once(t, s, id1, "/"); o.Status != 429 || o.Done == 0 || o.Conn != 1 {
			t.Errorf("%+v", o)
		}
	}
}

// forged is what a server or a gateway sends that nobody asked for.
const forged = "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"

func TestSurplusBehindAnAnswerIsNoAnswer(t *testing.T) {
	t.Parallel()
	w := newWild(t, "tcp4", "127.0.0.1:0", say(ok+forged))
	s := newSender(t, w.url("/"))
	for range 20 {
		if o := once(t, s, id1, "/"); o.Status == 429 {
			t.Fatalf("a forged answer was counted: %+v", o)
		}
	}
}

func TestBytesOnAnIdleConnectionEndIt(t *testing.T) {
	t.Parallel()
	more := make(chan struct{})
	w := newWild(t, "tcp4", "127.0.0.1:0", func(c *net.TCPConn, _ *http.Request, n int) bool {
		_, _ = io.WriteString(c, ok)
		if n == 1 {
			<-more
			_, _ = io.WriteString(c, forged)
		}
		return true
	})
	s := newSender(t, w.url("/"))
	first := once(t, s, id1, "/")
	close(more)
	l := reserveAfterDeath(t, s, first.Conn)
	if o := ask(context.Background(), l, "/"); o.Status != 200 || o.Conn == first.Conn {
		t.Errorf("got %+v, want an answer on a new connection", o)
	}
}

func TestInfiniteBodyIsCut(t *testing.T) {
	t.Parallel()
	block := strings.Repeat("x", 64<<10)
	w := newWild(t, "tcp4", "127.0.0.1:0", func(c *net.TCPConn, _ *http.Request, _ int) bool {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		for {
			if _, err := io.WriteString(c, block); err != nil {
				return false
			}
		}
	})
	s := newSender(t, w.url("/"))
	first := once(t, s, id1, "/")
	if first.Fault != "" || first.Status != 200 || first.Body.Bytes < 1<<20 || first.Body.Bytes > 1<<20+64<<10 {
		t.Errorf("got fault %q, status %d, %d bytes", first.Fault, first.Status, first.Body.Bytes)
	}
	if first.Body.Digest == "" || first.Body.Text != "" {
		t.Errorf("digest %q, text %q: want a digest and, of a 200, no text", first.Body.Digest, first.Body.Text)
	}
	if second := once(t, s, id1, "/"); second.Conn == first.Conn {
		t.Error("the connection of a cut body was used again")
	}
}

func TestCancelledInFlight(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	w := newWild(t, "tcp4", "127.0.0.1:0", func(c *net.TCPConn, _ *http.Request, _ int) bool {
		cancel()
		_, _ = io.Copy(io.Discard, c)
		return false
	})
	s := newSender(t, w.url("/"))
	l, fault := s.Reserve(context.Background(), id1, false)
	if fault != "" {
		t.Fatal(fault)
	}
	if o := ask(ctx, l, "/"); o.Fault != trace.FaultCancelled || o.Written == 0 {
		t.Errorf("got %+v, want a cancelled request that was written", o)
	}
	if _, fault := s.Reserve(ctx, id1, true); fault != trace.FaultCancelled {
		t.Errorf("dialling after the end: fault %q", fault)
	}
}

func TestRedirectIsRecordedAndNotFollowed(t *testing.T) {
	t.Parallel()
	sink := newWild(t, "tcp4", "127.0.0.1:0", say(ok))
	w := newWild(t, "tcp4", "127.0.0.1:0", say(fmt.Sprintf(
		"HTTP/1.1 302 Found\r\nLocation: http://user:pw@%s/there?api_key=abc#top\r\nContent-Length: 0\r\n\r\n", sink.l.Addr())))
	o := once(t, newSender(t, w.url("/")), id1, "/")
	if want := fmt.Sprintf("http://%s/there?...", sink.l.Addr()); o.Status != 302 || header(o, "Location") != want {
		t.Errorf("status %d, location %q, want 302 and %q", o.Status, header(o, "Location"), want)
	}
	if n := sink.conns.Load(); n != 0 {
		t.Errorf("the redirect was followed: %d connections", n)
	}
}
