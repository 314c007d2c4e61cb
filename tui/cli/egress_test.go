package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/time/rate"

	"apisonde/analyze/verdict"
)

// connectProxy is an HTTP proxy that allows CONNECT to anywhere on this machine.
func connectProxy(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		far, err := net.Dial("tcp", r.Host)
		if r.Method != http.MethodConnect || err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer far.Close()
		near, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer near.Close()
		fmt.Fprint(near, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(far, near) }()
		_, _ = io.Copy(near, far)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// A proxy on this machine leaves from the same address as the machine itself: the
// two are one vantage, and every output says so.
func TestTwoVantagesWithOneAddressAreOne(t *testing.T) {
	t.Parallel()
	l := rate.NewLimiter(100, 8)
	var asked, told atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if !l.Allow() {
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	t.Cleanup(target.Close)
	teller := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		told.Add(1)
		if r.Header.Get("X-Api-Key") != "" || r.Header.Get("X-Mine") != "" {
			t.Errorf("who tells the address gets %v", r.Header)
		}
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		fmt.Fprintf(w, "{\n  \"ip\": %q\n}\n", host)
	}))
	t.Cleanup(teller.Close)
	p := program(t, "probe", target.URL, "--authorized", "127.0.0.1", "--key", "literal:a-key-of-mine", "-H", "X-Mine: 1",
		"--ip", "here=127.0.0.1", "--ip", "away=http://"+connectProxy(t), "--egress-check", teller.URL, "--max-requests", "80",
		"--output", "json", "--trace", "t.ndjson", "--report", "r.md")
	o := start(t, p)()
	var v verdict.Verdict
	if err := json.Unmarshal(o.stdout.Bytes(), &v); err != nil {
		t.Fatalf("%v\n%s", err, &o.stderr)
	}
	if len(v.Egress) != 2 || v.Egress[0].Address == nil || *v.Egress[0].Address != "127.0.0.1" || v.Egress[1].SameAs == nil || *v.Egress[1].SameAs != "here" {
		t.Errorf("%s", &o.stdout)
	}
	if told.Load() != 2 || v.Cost.Requests != int(asked.Load()+told.Load()) || v.Cost.Requests > 80 {
		t.Errorf("the verdict counts %d requests, the servers %d and %d", v.Cost.Requests, asked.Load(), told.Load())
	}
	if !strings.Contains(o.stderr.String(), "note: ip away is left out: its requests arrive from the same address as those of here, 127.0.0.1") {
		t.Errorf("%s", &o.stderr)
	}
	for name, says := range map[string]string{"t.ndjson": `"egress_check":"` + teller.URL, "r.md": "## Where requests arrive from"} {
		b, err := os.ReadFile(filepath.Join(p.Dir, name))
		if err != nil || !strings.Contains(string(b), says) {
			t.Errorf("%s lacks %q: %v\n%s", name, says, err, b)
		}
	}
	again := program(t, "analyze", filepath.Join(p.Dir, "t.ndjson"))
	if o := start(t, again)(); !strings.Contains(o.stdout.String(), "seen from here 127.0.0.1 · away 127.0.0.1, the same as here") {
		t.Errorf("%s", &o.stdout)
	}
}
