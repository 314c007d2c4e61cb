package audit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisonde/analyze/audit"
	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// started is the wall clock of the written traces at offset zero.
var started = time.Date(2026, 1, 2, 3, 4, 5, 250_000_000, time.UTC)

// run reads a trace written one request a line: milliseconds at which it left
// (the answer takes one more), caller, status, and its headers joined with "; ".
func run(t *testing.T, text string) (trace.Trace, []trace.Outcome) {
	t.Helper()
	tr := trace.Trace{Meta: trace.Meta{Started: started, Loopback: true, Roster: trace.Roster{Vantages: []string{"a", "b"}, Routes: []string{"/"}}}}
	var outcomes []trace.Outcome
	for line := range strings.Lines(strings.TrimSpace(text)) {
		var ms, status int
		var ip string
		words, headers, _ := strings.Cut(strings.TrimSpace(line), " | ")
		if _, err := fmt.Sscan(words, &ms, &ip, &status); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		conn := 1 + strings.Index("ab", strings.TrimPrefix(ip, "~"))
		if other := strings.HasPrefix(ip, "~"); other { // the same caller on a connection of its own
			ip, conn = ip[1:], 10+conn
		}
		at := time.Duration(ms) * time.Millisecond
		o := trace.Observation{
			Seq: len(tr.Observations) + 1, Step: 1, Identity: trace.Identity{Vantage: ip}, Route: "/", Conn: conn,
			Planned: at, Written: at, FirstByte: at + time.Millisecond, Done: at + time.Millisecond, Status: status,
		}
		o.Headers = append(o.Headers, trace.Header{Name: "Date", Value: trace.Text(started.Add(at).Format("Mon, 02 Jan 2006 15:04:05 GMT"))})
		for h := range strings.SplitSeq(headers, "; ") {
			if name, value, ok := strings.Cut(h, ": "); ok {
				o.Headers = append(o.Headers, trace.Header{Name: trace.Text(name), Value: trace.Text(value)})
			}
		}
		tr.Observations = append(tr.Observations, o)
		if status == 429 {
			outcomes = append(outcomes, trace.Limited)
		} else {
			outcomes = append(outcomes, trace.Admitted)
		}
	}
	return tr, outcomes
}

// fixed is an inferred fixed window for each address.
func fixed(limit, window float64) verdict.Limit {
	return verdict.Limit{
		Scope: []string{"ip"}, Algorithm: verdict.FixedWindow, AlgorithmConfidence: 0.99, Confidence: 0.99, ScopeConfidence: 0.99,
		Limit: verdict.Exact(limit), Burst: verdict.Exact(limit), WindowS: verdict.Exact(window), RatePerS: verdict.Exact(limit / window),
		Unit: "requests", Source: "measured",
	}
}

func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		name, trace string
		scope       []string
		want        string
		bias        float64 // 9: null
	}{
		{"told and kept", "0 a 200\n10 a 429 | Retry-After: 5\n4900 a 429 | Retry-After: 1\n5005 a 200", []string{"ip"}, "exact", 0},
		{"refused again after the wait", "0 a 200\n10 a 429 | Retry-After: 4\n4900 a 429 | Retry-After: 0\n5005 a 200", []string{"ip"}, "early", -0.889},
		{"another used what came back", "0 a 200\n10 a 429 | Retry-After: 4\n4500 b 200\n4900 a 429 | Retry-After: 0\n5005 a 200", nil, "exact", 9},
		{"let through long before", "0 a 200\n10 a 429 | Retry-After: 10\n4900 a 429 | Retry-After: 10\n5005 a 200", []string{"ip"}, "late", 9.947},
		{"one number for all", "0 a 200\n10 a 429 | Retry-After: 3\n20 a 429 | Retry-After: 3\n4900 a 429 | Retry-After: 3\n4950 a 429 | Retry-After: 3\n5005 a 200", []string{"ip"}, "inconsistent", 9},
		{"kept, over a connection that was closed in between", "0 a 200\n10 a 429 | Retry-After: 5\n4900 a 429 | Retry-After: 1\n5005 ~a 200", []string{"ip"}, "exact", 0},
		{"let through early by another connection, perhaps of another node", "0 a 200\n10 a 429 | Retry-After: 10\n4900 a 429 | Retry-After: 10\n5005 ~a 200", []string{"ip"}, "exact", 9},
		{"never told", "0 a 200\n10 a 429\n5005 a 200", []string{"ip"}, "absent", 9},
		{"told and never tried", "0 a 200\n10 a 429 | Retry-After: 5", []string{"ip"}, "exact", 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr, outcomes := run(t, c.trace)
			l := fixed(1, 5)
			l.Scope = c.scope
			r := audit.Of(tr, outcomes, []verdict.Limit{l})
			want := verdict.RetryAfter{Verdict: c.want, BiasS: &c.bias}
			if c.bias == 9 {
				want.BiasS = nil
			}
			if d := cmp.Diff(want, r.Limits[0].Rejection.RetryAfter); d != "" {
				t.Errorf("(-want +got)\n%s%+v", d, r.Headers.Conflicts)
			}
			if untested := len(r.Warnings) > 0; untested != (c.want == "exact" && c.bias == 9) {
				t.Errorf("warnings %q", r.Warnings)
			}
		})
	}
}

func minutely(left int) string {
	return fmt.Sprintf("RateLimit-Policy: \"p\";q=10;w=60; RateLimit: \"p\";r=%d", left)
}

func TestHeaders(t *testing.T) {
	// started is at second 5.25; the server's clock is the client's.
	epoch := func(s float64) int64 { return started.Add(time.Duration(s * float64(time.Second))).Unix() }
	for _, c := range []struct {
		name, trace string
		limits      []verdict.Limit
		want        []verdict.Conflict
	}{
		{
			"an epoch rounded up is right",
			fmt.Sprintf("0 a 200\n10 a 429 | X-RateLimit-Reset: %d; X-RateLimit-Remaining: 0\n4990 a 429 | X-RateLimit-Reset: %[1]d; X-RateLimit-Remaining: 0\n5005 a 200", epoch(5)+1),
			[]verdict.Limit{fixed(1, 5)}, nil,
		},
		{
			"an epoch rounded down is early",
			fmt.Sprintf("0 a 200\n10 a 429 | X-RateLimit-Reset: %d; X-RateLimit-Remaining: 0\n4900 a 429 | X-RateLimit-Reset: %[1]d; X-RateLimit-Remaining: 0\n4995 a 429 | X-RateLimit-Reset: %[1]d; X-RateLimit-Remaining: 0\n5005 a 200", epoch(5)),
			[]verdict.Limit{fixed(1, 5)},
			[]verdict.Conflict{{Header: "X-RateLimit-Reset", Claim: "resets in 4.74 s", Measurement: "too early: still refused 4.98 s later (seen 2 times)", Observations: []int{2, 4}}},
		},
		{
			"a limit that another layer keeps is no lie",
			"0 a 200 | X-RateLimit-Limit: 100; X-RateLimit-Remaining: 99\n1 a 429 | X-RateLimit-Limit: 100; X-RateLimit-Remaining: 99\n2 a 429 | X-RateLimit-Limit: 100; X-RateLimit-Remaining: 99\n5005 a 200 | X-RateLimit-Limit: 100; X-RateLimit-Remaining: 98",
			[]verdict.Limit{fixed(1, 5)}, nil,
		},
		{
			"a limit of twice what is let through",
			"0 a 200\n1 a 429 | X-RateLimit-Limit: 20; X-RateLimit-Remaining: 0\n2 a 429 | X-RateLimit-Limit: 20; X-RateLimit-Remaining: 0",
			[]verdict.Limit{fixed(10, 5)},
			[]verdict.Conflict{{Header: "X-RateLimit-Limit", Claim: "limit 20", Measurement: "10 are let through per 5 s", Observations: []int{2, 3}}},
		},
		{
			"a minute that lasts five seconds",
			strings.Repeat("0 a 200 | "+minutely(4)+"\n", 10) + "1 a 429 | " + minutely(0) + "\n2 a 429 | " + minutely(0) + "\n" + strings.Repeat("5005 a 200 | "+minutely(4)+"\n", 3),
			[]verdict.Limit{fixed(10, 5)},
			[]verdict.Conflict{{Header: "RateLimit-Policy", Claim: "limit 10 per 60 s (p)", Measurement: "10 are let through per 5 s", Observations: []int{11, 12}}},
		},
		{
			"two nodes that count a minute each",
			strings.Repeat("0 a 200 | "+minutely(4)+"\n", 10) + "1 a 429 | " + minutely(0) + "\n2 a 429 | " + minutely(0) + "\n" + strings.Repeat("5005 ~a 200 | "+minutely(4)+"\n", 10),
			[]verdict.Limit{fixed(10, 5)}, nil,
		},
		{
			"a minute that lasts five by an inference that nothing seen confirms",
			strings.Repeat("0 a 200 | "+minutely(4)+"\n", 10) + "1 a 429 | " + minutely(0) + "\n2 a 429 | " + minutely(0),
			[]verdict.Limit{fixed(10, 300)}, nil,
		},
		{
			"a minute that lasts five",
			strings.Repeat("0 a 200 | "+minutely(4)+"\n", 10) + "1 a 429 | " + minutely(0) + "\n100000 a 429 | " + minutely(0) + "\n301000 a 200 | " + minutely(4),
			[]verdict.Limit{fixed(10, 300)},
			[]verdict.Conflict{{Header: "RateLimit-Policy", Claim: "limit 10 per 60 s (p)", Measurement: "10 are let through per 300 s", Observations: []int{11, 12}}},
		},
		{
			"a long wait by an inference that nothing seen confirms",
			"0 a 200\n1 a 429 | Retry-After: 10\n2 a 429 | Retry-After: 10\n3 a 429 | Retry-After: 10",
			[]verdict.Limit{fixed(1, 5)}, nil,
		},
		{
			"two families that tell of different limits",
			strings.Repeat("1 a 429 | X-RateLimit-Limit: 10; X-RateLimit-Remaining: 0; RateLimit-Limit: 99; RateLimit-Remaining: 0\n", 2),
			[]verdict.Limit{fixed(10, 5)},
			[]verdict.Conflict{{Header: "RateLimit-Limit", Claim: "limit 99", Measurement: "10 are let through per 5 s", Observations: []int{1, 2}}},
		},
		{
			"no limit where one is claimed",
			strings.Repeat("1 a 200 | RateLimit-Policy: \"p\";q=3;w=60\n", 20), nil,
			[]verdict.Conflict{{Header: "RateLimit-Policy", Claim: "limit 3 per 60 s (p)", Measurement: "20 were let through within 0 ms and none was refused", Observations: []int{1, 20}}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr, outcomes := run(t, c.trace)
			got := audit.Of(tr, outcomes, c.limits).Headers
			if c.want == nil {
				c.want = []verdict.Conflict{}
			}
			if d := cmp.Diff(c.want, got.Conflicts); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// Whatever is no plain 429 says why it counts, and what no wait of the caller cures
// is told.
func TestReasons(t *testing.T) {
	tr, outcomes := run(t, "0 a 200\n1 a 403 | X-RateLimit-Limit: 5; X-RateLimit-Remaining: 0\n2 a 403 | X-RateLimit-Limit: 5; X-RateLimit-Remaining: 0\n3 a 503\n4 a 429\n5 a 409\n6 a 0")
	tr.Meta.LimitedWhen = []string{"status=409", "dropped"}
	tr.Observations[6].Fault = trace.FaultReset
	tr.Observations[4].Body.Text = `{"error":{"message":"The engine is currently overloaded"}}`
	for i := 1; i < len(outcomes); i++ {
		outcomes[i] = trace.Limited
	}
	r := audit.Of(tr, outcomes, []verdict.Limit{fixed(1, 5)})
	want := []verdict.Evidence{
		{Claim: "refusals with status 403 count as rejections (2): status 403 with nothing remaining", Observations: []int{2, 3}},
		{Claim: "refusals with status 503 count as rejections (1): the same caller was let through before", Observations: []int{4}},
		{Claim: "refusals with status 409 count as rejections (1): a rule of --limited-when says so", Observations: []int{6}},
		{Claim: "connections closed without an answer count as rejections (1): a rule of --limited-when says so", Observations: []int{7}},
	}
	if d := cmp.Diff(want, r.Limits[0].Evidence); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if d := cmp.Diff([]string{"1 of 5 refusals: the server is busy, which is not this caller's own rate: the body says currently overloaded"}, r.Warnings); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// falling writes one admission a line under a remaining count that falls by so much.
func falling(by int, headers string) string {
	var b strings.Builder
	for i := range 10 {
		fmt.Fprintf(&b, "%d a 200 | "+headers+"\n", i, 20*by-by*(1+i))
	}
	return b.String()
}

func TestRemainingThatFallsByMore(t *testing.T) {
	tr, outcomes := run(t, falling(2, "X-RateLimit-Limit: 20; X-RateLimit-Remaining: %d")+
		"10 a 429 | X-RateLimit-Limit: 20; X-RateLimit-Remaining: 0\n11 a 429 | X-RateLimit-Limit: 20; X-RateLimit-Remaining: 0")
	r := audit.Of(tr, outcomes, []verdict.Limit{fixed(10, 5)})
	if len(r.Headers.Conflicts) > 0 {
		t.Errorf("a limit in units of which a request takes two is told as %+v", r.Headers.Conflicts)
	}
	if d := cmp.Diff([]string{"X-RateLimit-Remaining falls by 2 a request: the service counts this request as so many"}, r.Warnings); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestFamiliesThatDisagree(t *testing.T) {
	const both = "X-RateLimit-Limit: 20; X-RateLimit-Remaining: %d; RateLimit-Limit: 20; RateLimit-Remaining: 7"
	tr, outcomes := run(t, falling(1, both))
	want := []string{"X-RateLimit-Remaining and RateLimit-Remaining state the same limit of 20 and differ in what is left (17 and 7 in request 3): two counters, or one of them is wrong"}
	got := audit.Of(tr, outcomes, nil).Warnings
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestWaitsThatGrowWhileAsking(t *testing.T) {
	for wait, want := range map[string]string{"growing": "wait 75 to 5 s, longer with each refusal", "steady": "wait 10 to 5 s"} {
		text := "0 a 200\n"
		for i := range 8 {
			stated := 5 + 10*i
			if wait == "steady" {
				stated = 10 - 5*(i%2) // one moment, rounded up and down
			}
			text += fmt.Sprintf("%d a 429 | Retry-After: %d\n", 100*(i+1), stated)
		}
		tr, outcomes := run(t, text)
		claims := audit.Of(tr, outcomes, []verdict.Limit{fixed(1, 5)}).Headers.Claims
		if len(claims) != 1 || claims[0].Says != want {
			t.Errorf("%s: %+v, want %q", wait, claims, want)
		}
	}
}
