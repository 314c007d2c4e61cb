package lab_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisonde/probe/lab"
	"apisonde/probe/lab/limit"
)

func stack(t *testing.T, specs ...string) *limit.Stack {
	t.Helper()
	s, err := limit.Parse(specs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func listen(t *testing.T, specs ...string) *lab.Server {
	t.Helper()
	s, err := lab.Listen(t.Context(), "127.0.0.1:0", stack(t, specs...), lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// client has connections of its own, from the address given.
func client(t *testing.T, from string) *http.Client {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	transport := &http.Transport{DialContext: dialer.DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// get sends one request with the header fields given in pairs.
func get(t *testing.T, c *http.Client, url string, fields ...string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// until waits for something that another goroutine is about to do.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !done(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestListenRefusesOtherAddresses(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:80", "10.0.0.1:0", "example.com:80", "localhost.example.com:80", "127.0.0.1.example.com:0", "1:0"} {
		s, err := lab.Listen(t.Context(), addr, stack(t, "none"), lab.Options{})
		if !errors.Is(err, lab.ErrNotLoopback) {
			t.Errorf("%s: %v, want a refusal", addr, err)
		}
		if s != nil {
			t.Errorf("%s: it listens at %s", addr, s.Addr())
		}
	}
	for _, addr := range []string{"", "127.0.0.1", "127.0.0.1:http:80"} {
		if _, err := lab.Listen(t.Context(), addr, stack(t, "none"), lab.Options{}); err == nil || !strings.Contains(err.Error(), "give one such as 127.0.0.1:8080") {
			t.Errorf("%q: %v", addr, err)
		}
	}
}

func TestListenAtLoopback(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"127.0.0.1:0", "127.0.0.9:0", "localhost:0", "LOCALHOST:0", "[::1]:0"} {
		s, err := lab.Listen(t.Context(), addr, stack(t, "none"), lab.Options{})
		if err != nil {
			if strings.Contains(addr, "::1") && !errors.Is(err, lab.ErrNotLoopback) {
				t.Logf("%s: this machine has no IPv6: %v", addr, err)
				continue
			}
			t.Errorf("%s: %v", addr, err)
			continue
		}
		if status, body := get(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, s.URL()); status != 200 || body != "ok\n" {
			t.Errorf("%s: %d %q", addr, status, body)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	s := listen(t, "none")
	if _, err := lab.Listen(t.Context(), s.Addr(), stack(t, "none"), lab.Options{}); err == nil {
		t.Error("two servers at one address")
	}
}

// The wire shows names as dialects spell them, which Go's own client hides.
func TestAnswersOnTheWire(t *testing.T) {
	t.Parallel()
	s := listen(t, "fixed-window,limit=1,window=1h,align=first-request,status=503")
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	ask := func() []string {
		if _, err := io.WriteString(conn, "GET /a HTTP/1.1\r\nHost: lab\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		var got []string
		for lines.Scan() && lines.Text() != "" {
			if !strings.HasPrefix(lines.Text(), "Date: ") {
				got = append(got, lines.Text())
			}
		}
		lines.Scan()
		slices.Sort(got[1:]) // headers come in any order
		return append(got, lines.Text())
	}
	if diff := cmp.Diff([]string{
		"HTTP/1.1 200 OK", "Content-Length: 3", "Content-Type: text/plain; charset=utf-8",
		"X-RateLimit-Limit: 1", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 3600",
		"ok",
	}, ask()); diff != "" {
		t.Errorf("admitted (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"HTTP/1.1 503 Service Unavailable", "Content-Length: 24", "Content-Type: text/plain; charset=utf-8", "Retry-After: 3600",
		"X-RateLimit-Limit: 1", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 3600",
		"503 Service Unavailable",
	}, ask()); diff != "" {
		t.Errorf("refused (-want +got)\n%s", diff)
	}
}

func TestCountsWhatItReceives(t *testing.T) {
	t.Parallel()
	s := listen(t, "fixed-window,limit=3,window=1h,align=first-request,by=ip+key,route=/a")
	one, two := client(t, "127.0.0.1"), client(t, "127.0.0.2")
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() { get(t, one, s.URL()+"a", "X-Api-Key", "k1") })
	}
	wg.Wait()
	get(t, one, s.URL()+"a", "Authorization", "Bearer k2")
	get(t, one, s.URL()+"b", "X-Api-Key", "k1")
	get(t, two, s.URL()+"a", "X-Api-Key", "k1", "X-User", "u", "X-Forwarded-For", "10.0.0.1")
	want := []lab.Tally{
		{Caller: limit.Request{IP: "127.0.0.1", Key: "k1", Route: "/a"}, Requests: 5, Admitted: 3, Refused: 2},
		{Caller: limit.Request{IP: "127.0.0.1", Key: "k2", Route: "/a"}, Requests: 1, Admitted: 1},
		{Caller: limit.Request{IP: "127.0.0.1", Key: "k1", Route: "/b"}, Requests: 1, Admitted: 1},
		{Caller: limit.Request{IP: "127.0.0.2", Key: "k1", User: "u", Forwarded: "10.0.0.1", Route: "/a"}, Requests: 1, Admitted: 1},
	}
	if diff := cmp.Diff(want, s.Requests()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if s.Total() != 8 {
		t.Errorf("%d in all, want 8", s.Total())
	}
}

func TestOwnersShareACounter(t *testing.T) {
	t.Parallel()
	s, err := lab.Listen(t.Context(), "127.0.0.1:0", stack(t, "fixed-window,limit=1,window=1h,align=first-request,by=user"),
		lab.Options{Owners: map[string]string{"s1": "alice", "s2": "alice", "s3": "bob"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := client(t, "127.0.0.1")
	var got []int
	for _, key := range []string{"s1", "s2", "s3"} {
		status, _ := get(t, c, s.URL(), "X-Api-Key", key)
		got = append(got, status)
	}
	if diff := cmp.Diff([]int{200, 429, 200}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestQueueHoldsAnswers(t *testing.T) {
	t.Parallel()
	s := listen(t, "leaky-queue,rate=20,depth=2")
	c := client(t, "127.0.0.1")
	begin := time.Now()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if status, _ := get(t, c, s.URL()); status != 200 {
				t.Errorf("status %d", status)
			}
		})
	}
	wg.Wait()
	if took := time.Since(begin); took < 100*time.Millisecond {
		t.Errorf("the last of three came after %v, want 100ms", took)
	}
}

func TestConcurrencyIsReleased(t *testing.T) {
	t.Parallel()
	s := listen(t, "concurrency,limit=1", "none,route=/slow,latency=1h")
	c := client(t, "127.0.0.1")
	// One after the other never meets the limit.
	for range 20 {
		if status, _ := get(t, c, s.URL()); status != 200 {
			t.Fatalf("status %d with nothing else in flight", status)
		}
	}
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	go func() {
		defer close(left)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+"slow", nil)
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := c.Do(req)
		if err == nil {
			resp.Body.Close()
			t.Errorf("an answer after an hour: %d", resp.StatusCode)
		}
	}()
	until(t, "the slow request", func() bool { return s.Total() == 21 })
	until(t, "a refusal", func() bool { status, _ := get(t, c, s.URL()); return status == 429 })
	leave()
	<-left
	until(t, "the slot of a caller who left", func() bool { status, _ := get(t, c, s.URL()); return status == 200 })
}

// TestNodes opens connections one after another and uses up the node of each.
func TestNodes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		url  func(*testing.T, *limit.Stack) string
	}{
		{"listening", func(t *testing.T, st *limit.Stack) string {
			s, err := lab.Listen(t.Context(), "127.0.0.1:0", st, lab.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			return s.URL()
		}},
		{"a bare handler", func(t *testing.T, st *limit.Stack) string {
			s := httptest.NewServer(lab.New(st, lab.Options{}))
			t.Cleanup(s.Close)
			return s.URL
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			url := test.url(t, stack(t, "fixed-window,limit=2,window=1h,align=first-request,nodes=4"))
			var got []int
			for range 5 {
				c := client(t, "127.0.0.1")
				admitted := 0
				for range 3 {
					if status, _ := get(t, c, url); status == 200 {
						admitted++
					}
				}
				got = append(got, admitted)
			}
			if diff := cmp.Diff([]int{2, 2, 2, 2, 0}, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := lab.Listen(ctx, "127.0.0.1:0", stack(t, "none,latency=1h"), lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		resp, err := client(t, "127.0.0.1").Get(s.URL())
		if err == nil {
			resp.Body.Close()
		}
		answered <- err
	}()
	until(t, "the request", func() bool { return s.Total() == 1 })
	cancel()
	if err := s.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if err := <-answered; err == nil {
		t.Error("a request in flight was answered")
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing it again: %v", err)
	}
}
