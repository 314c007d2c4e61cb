package faulttest

import (
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"apisonde/probe/rogue"
)

// odd is an answer that is none, and what a run has to make of it.
type odd struct {
	answer rogue.Answer
	fault  string // "" where it is an answer after all
	status int    // kept as evidence
	first  int    // exit code where it is the first answer of all
	always int    // exit code where every answer from the fourth on is like this

	distrust bool // an answer whose connection must not be used again
}

// The exit codes of contracts/cli.md that cases end in.
const (
	exitOK           = 0
	exitRuntime      = 1
	exitUsage        = 2
	exitInconclusive = 3
	exitSafety       = 5
	exitTrace        = 6
)

// answering are the faults of HTTP/1.
func answering() []fault {
	kept := func(status int, fault string, a rogue.Answer) odd {
		return odd{a, fault, status, exitRuntime, exitSafety, true}
	}
	broken := func(fault string, a rogue.Answer) odd { return kept(0, fault, a) }
	last := func(status int, a rogue.Answer) odd {
		return odd{a, "", status, exitInconclusive, exitInconclusive, true}
	}
	fine := func(status int, a rogue.Answer) odd {
		return odd{a, "", status, exitInconclusive, exitInconclusive, false}
	}
	const head = "HTTP/1.1 200 OK\r\n"
	ill := "X-RateLimit-Policy: " + strings.Repeat("\xc2\x9b31m\x1b", 3)
	table := []struct {
		no   int
		name string
		odd
	}{
		{22, "reset in the status line", broken("reset", rogue.SayAndReset("HTTP/1.1 2"))},
		{23, "reset in the headers", broken("reset", rogue.SayAndReset(head+"Content-Le"))},
		{24, "reset in the body", kept(429, "reset", rogue.SayAndReset("HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nContent-Length: 100\r\n\r\nslow do"))},
		{27, "a body without end", last(200, rogue.Repeat(head+"\r\n", strings.Repeat("x", 32<<10), 0, ""))},
		{29, "a body in a broken encoding", fine(200, rogue.Say(rogue.Response(200, "OK", "\x1f\x8bnot gzip", "Content-Encoding: gzip, br, gzip")))},
		{30, "headers of more than 64 KiB", broken("malformed", rogue.Say(head+"X-Limit: "+strings.Repeat("a", 64<<10+1)+"\r\nContent-Length: 0\r\n\r\n"))},
		{31, "500,000 headers", broken("malformed", rogue.Repeat(head, strings.Repeat("a: b\r\n", 1000), 500, "Content-Length: 0\r\n\r\n"))},
		{32, "100,000 informational responses", broken("malformed", rogue.Repeat("", strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1000), 100, rogue.OK))},
		{33, "another protocol that nobody asked for", broken("malformed", rogue.Say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"))},
		{34, "a status line that is none", broken("malformed", rogue.Say("HTTP/1.1 2x0 \x1b[31mOK\r\nContent-Length: 0\r\n\r\n"))},
		{35, "status 000", broken("malformed", rogue.Say(rogue.Response(0, "Zero", "")))},
		{35, "status 999", odd{rogue.Say(rogue.Response(999, "Denied", "no")), "", 999, exitSafety, exitSafety, false}},
		{36, "HTTP/1.0 without a length", last(200, rogue.SayAndClose("HTTP/1.0 200 OK\r\n\r\nhello"))},
		{37, "HTTP/0.9", broken("malformed", rogue.SayAndClose("<html>\r\nhello\r\n"))},
		{38, "chunks and a length", last(200, rogue.Say(head+"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"))},
		{39, "two lengths", broken("malformed", rogue.Say(head+"Content-Length: 1\r\nContent-Length: 2\r\n\r\nok"))},
		{40, "surplus bytes that look like a refusal", last(200, rogue.Say(rogue.OK+rogue.Response(429, "No", "")))},
		{41, "a NUL in a header", broken("malformed", rogue.Say(head+"X-Limit: a\x00b\r\nContent-Length: 0\r\n\r\n"))},
		{41, "a bare CR in a header", broken("malformed", rogue.Say(head+"X-Limit: a\rb\r\nContent-Length: 0\r\n\r\n"))},
		{41, "what a header may hold and a terminal must not get", fine(200, rogue.Say(rogue.Response(200, "OK\x1b]52;c;ZXZpbA==\x07", "", "X-Limit: \u202e\u009b2J\x9b\u200b5", ill[:strings.Index(ill, "\x1b")])))},
		{43, "a connection for every request", last(200, rogue.SayAndClose(rogue.Response(200, "OK", "ok", "Connection: close")))},
	}
	var out []fault
	for _, c := range table {
		out = append(out, fault{c.no, c.name, c.run})
	}
	return append(out,
		fault{25, "silence before the headers", silence},
		fault{26, "a body that drips", dripping},
		fault{28, "a gzip bomb", bomb},
		fault{42, "a kept connection that ends on writing", stale},
		fault{44, "a redirect to another host", func(t *testing.T) { redirect(t, "http://127.0.0.2:%s/elsewhere?api_key=%s") }},
		fault{45, "a redirect to another port", func(t *testing.T) { redirect(t, "http://127.0.0.1:%s/elsewhere?api_key=%s") }},
		fault{46, "a redirect away from TLS", redirectFromTLS},
	)
}

// run has the server misbehave from the first request on, once in between, and
// from the fourth request on.
func (c odd) run(t *testing.T) {
	t.Run("first", func(t *testing.T) {
		t.Parallel()
		s := start(t, rogue.Options{}, c.answer)
		tally := assess(s.URL()).do(t).check(t, s.Requests(), c.first)
		c.is(t, tally, 1)
		if c.distrust && s.Reused() > 0 {
			t.Errorf("%d of %d requests came on a connection used before", s.Reused(), s.Requests())
		}
		if c.fault != "" && (s.Requests() != 1 || tally.intents != 1) {
			t.Errorf("the server read %d requests, %d were journalled, want one", s.Requests(), tally.intents)
		}
	})
	t.Run("once", func(t *testing.T) {
		t.Parallel()
		s := start(t, rogue.Options{}, rogue.Only(4, rogue.Say(rogue.OK), c.answer))
		tally := assess(s.URL()).do(t).check(t, s.Requests(), exitInconclusive)
		c.is(t, tally, 4)
		if tally.intents < 8 {
			t.Errorf("%d requests of %d were sent: one fault ended the run", tally.intents, tally.budget)
		}
	})
	t.Run("always", func(t *testing.T) {
		t.Parallel()
		s := start(t, rogue.Options{}, rogue.From(4, rogue.Say(rogue.OK), c.answer))
		tally := assess(s.URL()).do(t).check(t, s.Requests(), c.always)
		c.is(t, tally, 4)
	})
}

// is sees that the n-th request got the fault and kept the status.
func (c odd) is(t *testing.T, have tally, n int) {
	t.Helper()
	if len(have.seen) < n {
		t.Fatalf("%d requests were closed, want %d and more", len(have.seen), n)
	}
	for _, o := range have.seen {
		if o.Seq != n {
			continue
		}
		if o.Fault != c.fault || o.Status != c.status {
			t.Errorf("%v, want status %d, fault %q", o, c.status, c.fault)
		}
		if o.Written == 0 {
			t.Errorf("%v has no instant of writing", o)
		}
	}
}

// An answer that does not begin is waited for as long as a queue may hold a
// request back, which is 30 seconds (see case 70), and no longer.
func silence(t *testing.T) {
	s := start(t, rogue.Options{}, rogue.SayAndWait(""))
	c := assess(s.URL()).do(t).check(t, s.Requests(), exitRuntime)
	odd{fault: "timeout"}.is(t, c, 1)
}

func dripping(t *testing.T) {
	s := start(t, rogue.Options{}, rogue.Drip("HTTP/1.1 429 Slow\r\nContent-Length: 1000\r\n\r\n", 200*time.Millisecond))
	c := assess(s.URL()).do(t).check(t, s.Requests(), exitRuntime)
	odd{fault: "timeout", status: 429}.is(t, c, 1)
}

// A body that would unfold to 1 GiB is not unfolded.
func bomb(t *testing.T) {
	zeros := gzipped(t, 1<<30)
	memory := func(body []byte) int64 {
		s := start(t, rogue.Options{}, rogue.Say(rogue.Response(200, "OK", string(body), "Content-Encoding: gzip")))
		o := assess(s.URL()).do(t)
		o.check(t, s.Requests(), exitInconclusive)
		return o.peak
	}
	harmless, harmful := memory(gzipped(t, 100)), memory(zeros)
	if grown := harmful - harmless; grown > 8<<20 {
		t.Errorf("it cost %d MiB of memory", grown>>20)
	}
}

// Every connection is reset at its second request: no request is sent twice.
func stale(t *testing.T) {
	s := start(t, rogue.Options{}, func(x *rogue.Exchange) bool {
		if x.OnConn > 1 {
			return rogue.Reset(x)
		}
		_, err := io.WriteString(x, rogue.OK)
		return err == nil
	})
	c := assess(s.URL()).do(t).check(t, s.Requests(), exitInconclusive)
	lost := 0
	for _, f := range c.faults() {
		if f == "reset" {
			lost++
		}
	}
	if lost == 0 || lost > 2 {
		t.Errorf("%d of %d requests were lost to connections that take one, want one or two: %q", lost, c.intents, c.faults())
	}
}

// A redirect is recorded and not followed, and the secrets in it do not show.
func redirect(t *testing.T, location string) {
	sink := start(t, rogue.Options{Address: ":0"}, rogue.Say(rogue.OK))
	to := fmt.Sprintf(location, sink.Port(), canary["key"])
	for at, want := range map[int]int{1: exitRuntime, 4: exitInconclusive} {
		s := start(t, rogue.Options{}, rogue.Only(at, rogue.Say(rogue.OK), rogue.Say(rogue.Response(302, "Found", "see "+to, "Location: "+to))))
		odd{status: 302}.is(t, assess(s.URL()).do(t).check(t, s.Requests(), want), at)
	}
	if n := sink.Conns(); n != 0 {
		t.Errorf("it was followed: %d connections", n)
	}
}

func redirectFromTLS(t *testing.T) {
	a := authority(t)
	sink := start(t, rogue.Options{}, rogue.Say(rogue.OK))
	conf := &tls.Config{Certificates: []tls.Certificate{certificate(t, a, "127.0.0.1", time.Hour)}}
	s := start(t, rogue.Options{TLS: conf}, rogue.Only(4, rogue.Say(rogue.OK), rogue.Say(rogue.Response(301, "Moved", "", "Location: "+sink.URL()))))
	r := assess(s.URL())
	r.env = append(r.env, trusted(t, a))
	odd{status: 301}.is(t, r.do(t).check(t, s.Requests(), exitInconclusive), 4)
	if n := sink.Conns(); n != 0 {
		t.Errorf("it was followed: %d connections", n)
	}
}
