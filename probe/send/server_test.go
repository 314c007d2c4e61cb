package send_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"apisonde/probe"
	"apisonde/probe/needs"
	"apisonde/probe/secret"
	"apisonde/probe/send"
	"apisonde/probe/trace"
)

// wild is a server that speaks TCP by hand, so that it can misbehave. It counts
// every request whose headers it read in full.
type wild struct {
	l        net.Listener
	requests atomic.Int64
	conns    atomic.Int64
	wg       sync.WaitGroup

	mu   sync.Mutex
	open []net.Conn
}

// answer is what a wild server does with its n-th request, counted over all
// connections from 1. It returns false to hang up.
type answer func(c *net.TCPConn, r *http.Request, n int) bool

func newWild(t *testing.T, network, addr string, do answer) *wild {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		needs.Absent(t, fmt.Sprintf("cannot listen on %s: %v", addr, err))
	}
	w := &wild{l: l}
	w.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.conns.Add(1)
			w.mu.Lock()
			w.open = append(w.open, c)
			w.mu.Unlock()
			w.wg.Go(func() {
				defer c.Close()
				br := bufio.NewReader(c)
				for {
					r, err := http.ReadRequest(br)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					if !do(c.(*net.TCPConn), r, int(w.requests.Add(1))) {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.mu.Lock()
		for _, c := range w.open {
			_ = c.Close()
		}
		w.mu.Unlock()
		w.wg.Wait()
	})
	return w
}

func (w *wild) url(path string) *url.URL {
	return &url.URL{Scheme: "http", Host: w.l.Addr().String(), Path: path}
}

// say answers every request with the same bytes and keeps the connection.
func say(text string) answer {
	return func(c *net.TCPConn, _ *http.Request, _ int) bool {
		_, err := io.WriteString(c, text)
		return err == nil
	}
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-RateLimit-Remaining: 9\r\n\r\nok"

// clock is the clock of one test.
func clock() func() time.Duration {
	origin := time.Now()
	return func() time.Duration { return time.Since(origin) }
}

// newSender is a Sender with short timeouts and two keys.
func newSender(t *testing.T, u *url.URL, change ...func(*send.Config)) *send.Sender {
	t.Helper()
	cfg := send.Config{
		Request: send.Request{URL: u},
		Keys:    map[string]secret.Value{"k1": secret.New("credential-number-one"), "k2": secret.New("credential-number-two")},
		Version: "1.2.3", Now: clock(),
		RequestTimeout: 2 * time.Second,
	}
	for _, c := range change {
		c(&cfg)
	}
	s, err := send.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

var (
	id1 = trace.Identity{Vantage: "here", Key: "k1"}
	id2 = trace.Identity{Vantage: "here", Key: "k2"}
)

// once reserves a line and makes one request.
func once(t *testing.T, s *send.Sender, id trace.Identity, route string) trace.Observation {
	t.Helper()
	l, fault := s.Reserve(context.Background(), id, false)
	if fault != trace.FaultNone {
		return trace.Observation{Fault: fault}
	}
	return ask(context.Background(), l, route)
}

// ask sends one request on a line and waits for its end.
func ask(ctx context.Context, l probe.Line, route string) trace.Observation {
	l.Send(ctx, route)
	return l.Receive()
}

// header is the value of a kept header, "" if it was not kept.
func header(o trace.Observation, name string) string {
	for _, h := range o.Headers {
		if string(h.Name) == name {
			return string(h.Value)
		}
	}
	return ""
}
