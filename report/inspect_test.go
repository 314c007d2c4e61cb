package report_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisonde/analyze/header"
	"apisonde/probe/trace"
	"apisonde/report"
)

var arrived = time.Date(2026, 1, 2, 3, 4, 5, 500e6, time.UTC)

// response decodes lines of headers, "Name: value", as a response to of.
func response(of string, status int, lines ...string) report.Response {
	r := report.Response{Of: of, Received: arrived}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		r.Headers = append(r.Headers, trace.Header{Name: trace.Clean(name), Value: trace.Clean(value)})
	}
	r.Claims = header.Decode(status, r.Headers, nil, r.Received)
	return r
}

func TestClaimsInWords(t *testing.T) {
	t.Parallel()
	n := header.Some
	for _, c := range []struct {
		quota header.Quota
		want  string
	}{
		{header.Quota{Limit: n(60), Remaining: n(57), ResetInS: n(41), WindowS: n(60), Unit: "requests"}, "57 of 60 left, resets in 41 s, counted per minute"},
		{header.Quota{Limit: n(60), Remaining: n(57), Used: n(3), Unit: "requests"}, "57 of 60 left"},
		{header.Quota{Limit: n(60), Remaining: n(50), Used: n(3), Unit: "requests"}, "50 of 60 left, 3 used"},
		{header.Quota{Name: "core", Remaining: n(0), ResetInS: n(0), Unit: "tokens", Header: "x-left"}, "core: 0 tokens left, resets now (x-left)"},
		{header.Quota{Limit: n(5), Unit: "concurrency"}, "at most 5 at once"},
		{header.Quota{Used: n(28), Unit: "percent", WindowS: n(900)}, "28 % used, counted per 15 minutes"},
		{header.Quota{ResetInS: n(3661.5), WindowS: n(604800)}, "resets in 1 h 1 min 1.5 s, counted per week"},
		{header.Quota{ResetInS: n(3024000), WindowS: n(1)}, "resets in 35 d, counted per second"},
		{header.Quota{ResetInS: n(0.25), WindowS: n(20)}, "resets in 250 ms, counted per 20 s"},
		{header.Quota{Name: "daily"}, "daily: named without a figure"},
		{header.Quota{Name: "a\u202eb\x1b[2J"}, `a\u{202e}b\u{1b}[2J: named without a figure`},
	} {
		if got := report.Claim(c.quota); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// lines are what a response says under one label.
func lines(t *testing.T, r report.Response, label string) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Responses(&b, []report.Response{r}, report.Width(400)); err != nil {
		t.Fatal(err)
	}
	var out []string
	under := ""
	for l := range strings.Lines(b.String()) {
		name, text := strings.TrimSpace(l[:12]), strings.TrimSpace(l[12:])
		if name != "" {
			under = name
		}
		if under == label {
			out = append(out, text)
		}
	}
	return strings.Join(out, "; ")
}

func TestWhatAResponseSays(t *testing.T) {
	t.Parallel()
	assumed := response("", 200, "Date: Fri, 02 Jan 2026 02:04:05 GMT")
	assumed.Assumed = true
	old := response("", 200, "Date: Fri, 02 Jan 2025 02:04:05 GMT")
	old.Assumed = true
	took := response("", 200, "Date: Fri, 02 Jan 2026 03:04:02 GMT")
	took.Took = 3 * time.Second
	body := response("", 429, "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 41")
	body.Claims = header.Decode(429, body.Headers, []byte(`{"retry_after": 7}`), arrived)
	for _, c := range []struct {
		response report.Response
		label    string
		want     string
	}{
		{response("", 200), "limited", "no: nothing says that a limit refused it"},
		{response("", 403), "limited", "no: status 403, but no quota is spent, no wait is asked for and no body speaks of a limit"},
		{response("", 404), "limited", "no: status 404, and no known sign of a limit"},
		{response("", 503), "limited", "not by what it says: status 503, and nothing that tells a limit from an outage"},
		{response("", 403, "Retry-After: 5"), "limited", "yes: status 403 with retry-after"},
		{response("", 200), "wait", ""},
		{response("", 429), "wait", "none stated"},
		{response("", 429, "Retry-After: 20"), "wait", "20 s, stated by retry-after"},
		{response("", 429, "Retry-After: 20", "X-RateLimit-Limit: 5", "X-RateLimit-Reset: 41"), "wait", "20 s, stated by retry-after; it goes before the reset in 41 s of x-ratelimit-limit"},
		{body, "wait", "41 s, until the reset of x-ratelimit-remaining; it goes before the 7 s that the body states"},
		{response("", 200, "Cache-Control: public, max-age=3600"), "caching", "Cache-Control public, max-age=3600: an answer may be used again for 1 h"},
		{response("", 200, "Cache-Control: no-store, max-age=3600"), "caching", "Cache-Control no-store, max-age=3600: no answer may be kept"},
		{response("", 200, "Cache-Control: max-age=1e99, surprise"), "caching", "Cache-Control max-age=1e99, surprise"},
		{response("", 200, "Age: 90"), "caching", "Age 90: a cache answered, so what it says of quotas may be 90 s old"},
		{response("", 200, "Age: -1"), "caching", "Age -1"},
		{response("", 200, "Date: Fri, 02 Jan 2026 03:04:05 GMT"), "clock", "the server's agrees, as far as its Date tells"},
		{response("", 200, "Date: Fri, 02 Jan 2026 03:04:04 GMT"), "clock", "the server's is behind by 500 ms at least"},
		{response("", 200, "Date: Fri Jan  2 03:06:15 2026"), "clock", "the server's is ahead by 2 min 9 s at least"},
		{response("", 200, "Date: Fri, 02 Jan 2026 03:03:05 GMT", "Age: 60"), "clock", "the server's agrees, as far as its Date tells"},
		{took, "clock", "the server's agrees, as far as its Date tells"},
		{assumed, "clock", "its Date is Fri, 02 Jan 2026 02:04:05 GMT, and resets that are times of day count from it; --received-at says when it arrived"},
		{old, "clock", "its Date is more than a day from now, so resets that are times of day count from now; --received-at says when it arrived"},
		{response("", 200, "Date: soon"), "clock", ""},
		{response("", 200, "X-RateLimit-Limit: lots"), "warning", "x-ratelimit-limit is no plain number and is ignored: lots"},
		{response("", 429, "X-RateLimit-Scope: shared"), "whose", "shared, by what it says"},
	} {
		if got := lines(t, c.response, c.label); got != c.want {
			t.Errorf("%d %v\ngot  %s\nwant %s", c.response.Claims.Status, c.response.Headers, got, c.want)
		}
	}
}

func sideBySide(t *testing.T, width int, list ...report.Response) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.SideBySide(&b, list, report.Width(width)); err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(b.String()) {
		if n := len([]rune(strings.TrimSuffix(l, "\n"))); n > width {
			t.Errorf("a line has %d columns of %d: %s", n, width, l)
		}
	}
	return b.String()
}

func TestSideBySide(t *testing.T) {
	t.Parallel()
	a := response("one", 200, "X-RateLimit-Limit: 60", "X-RateLimit-Remaining: 57", "ETag: x")
	b := response("two@alice", 429, "X-RateLimit-Limit: 60", "X-RateLimit-Remaining: 0", "Retry-After: 20", "ETag: x")
	want := `The same for one and two@alice
  caching   ETag x: ask with If-None-Match, which some services do not count
            where the answer is 304

What differs
            one                               two@alice
  status    200                               429
  limited   no: nothing says that a limit     yes: status 429
            refused it
  wait      nothing                           20 s, stated by retry-after
  claims    57 of 60 left                     0 of 60 left (x-ratelimit-limit)
            (x-ratelimit-limit)
  dialects  x-ratelimit                       x-ratelimit, retry-after
`
	if d := cmp.Diff(want, sideBySide(t, 80, a, b)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	b.Claims.Status, b.Claims.Limited, b.Claims.Dialects, b.Claims.WaitS = 200, false, a.Claims.Dialects, header.Num{}
	b.Claims.Why = ""
	want = `The same for one, two@alice and three
  status    200
  limited   no: nothing says that a limit refused it
  dialects  x-ratelimit
  caching   ETag x: ask with If-None-Match, which some services do not count
            where the answer is 304

What differs
  claims    one: 57 of 60 left (x-ratelimit-limit)
            two@alice: 0 of 60 left (x-ratelimit-limit)
            three: 57 of 60 left (x-ratelimit-limit)
`
	c := a
	c.Of = "three"
	if d := cmp.Diff(want, sideBySide(t, 80, a, b, c)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff(sideBySide(t, 80, a), "one\n"+strings.Join(strings.SplitAfter(sideBySide(t, 80, a, a), "\n")[1:], "")); d != "" {
		t.Errorf("one caller alone reads otherwise than two that are told the same:\n%s", d)
	}
}

type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestResponsesTellAFailedWrite(t *testing.T) {
	t.Parallel()
	if err := report.Responses(full{}, []report.Response{response("", 200)}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}
