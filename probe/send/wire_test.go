package send

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"apisonde/probe/trace"
)

// pipe is a wire, the far end of it, and a clock that counts its readings.
func pipe(t *testing.T) (*wire, net.Conn) {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { _, _ = near.Close(), far.Close() })
	var tick time.Duration
	return &wire{Conn: near, now: func() time.Duration { tick++; return tick }}, far
}

func TestBytesThatNothingAskedForDoNotPass(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"never used", "begun and not written", "settled"} {
		w, far := pipe(t)
		go func() {
			buf := make([]byte, 10)
			if state == "settled" {
				_, _ = far.Read(buf)
			}
			_, _ = io.WriteString(far, "HTTP/1.1 429")
		}()
		if state != "never used" {
			w.begin()
		}
		if state == "settled" {
			_, _ = w.Write([]byte("GET"))
			w.settle()
		}
		if n, err := w.Read(make([]byte, 100)); n != 0 || !errors.Is(err, errUnsolicited) {
			t.Errorf("%s: read %d bytes, %v", state, n, err)
		}
	}
}

func TestOffsetsOfAWire(t *testing.T) {
	t.Parallel()
	w, far := pipe(t)
	go func() {
		buf := make([]byte, 10)
		_, _ = far.Read(buf)
		_, _ = far.Read(buf)
		for _, s := range []string{"HTTP/1.1 103\n\n", "HTTP/1.1 200\n\n", "body"} {
			_, _ = io.WriteString(far, s)
		}
	}()
	w.begin()
	for range 2 { // the first write counts, whatever follows
		if _, err := w.Write([]byte("GET")); err != nil {
			t.Fatal(err)
		}
	}
	if w.written.Load() != 1 || w.out.Load() != 6 {
		t.Errorf("written at %d, %d bytes; want 1 and 6", w.written.Load(), w.out.Load())
	}
	read := func() {
		if _, err := w.Read(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	read() // the hint, at 3
	if err := w.inform(); err != nil {
		t.Fatal(err)
	}
	if got := w.firstByte(); got != 3 {
		t.Errorf("with nothing after the hint the first byte is at %d, want 3", got)
	}
	read() // the answer, at 4
	read() // its body, at 5
	if got := w.firstByte(); got != 4 {
		t.Errorf("the first byte of the answer is at %d, want 4", got)
	}
	w.begin()
	if w.firstByte() != 0 || w.written.Load() != 0 {
		t.Error("a new request begins with the offsets of the one before")
	}
}

func TestHowConnectionsEndTellsHowLongTheyAreKept(t *testing.T) {
	t.Parallel()
	var now time.Duration
	u, _ := url.Parse("http://127.0.0.1:9/")
	s, err := New(Config{Request: Request{URL: u}, Now: func() time.Duration { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if s.unannounced(10*time.Millisecond, 1); s.brittle {
		t.Error("one connection closed is no habit")
	}
	for range 3 {
		s.unannounced(8*time.Second, 2)
	}
	if s.brittle || s.keepFor != 6*time.Second {
		t.Errorf("connections closed after 8s: a habit %v, kept for %v; want no habit and 6s", s.brittle, s.keepFor)
	}
	if s.keepsFor(time.Minute); s.keepFor != 6*time.Second {
		t.Errorf("a longer promise changed it to %v", s.keepFor)
	}
	if s.unannounced(10*time.Millisecond, 1); !s.brittle {
		t.Error("two are a habit")
	}
}

func TestKeepAliveHeaders(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Duration{
		"timeout=5": 5 * time.Second, "timeout=5, max=1000": 5 * time.Second, "max=9, Timeout=0": 0,
		"": -1, "timeout": -1, "timeout=": -1, "timeout=-1": -1, "timeout=1e9": -1, "timeout=99999999999999999999": -1, "max=3": -1,
	} {
		got, ok := keepAlive(in)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
}

func TestConnectionsThatThisEndClosesAreNotTheServersHabit(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	origin := time.Now()
	s, err := New(Config{Request: Request{URL: u}, Now: func() time.Duration { return time.Since(origin) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for range 3 {
		l, fault := s.Reserve(context.Background(), trace.Identity{}, false)
		if fault != trace.FaultNone {
			t.Fatal(fault)
		}
		l.Send(context.Background(), "/")
		if o := l.Receive(); o.Status != 200 {
			t.Fatalf("%+v", o)
		}
		// As net/http does where it believes that a connection is spent.
		_ = l.(*line).w.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unkept != 0 || s.brittle {
		t.Errorf("%d closings are held against the server", s.unkept)
	}
}
