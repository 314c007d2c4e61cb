package header_test

import (
	"bytes"
	"encoding/json"
	"math"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"apisonde/analyze/header"
	"apisonde/probe/trace"
)

const longestWait = 35 * 24 * 3600

// sane fails when a document holds what no input may bring about.
func sane(t *testing.T, doc header.Document) {
	t.Helper()
	wait := func(what string, n header.Num) {
		if n.Known && !(n.Value >= 0 && n.Value <= longestWait) {
			t.Errorf("%s = %v", what, n.Value)
		}
	}
	wait("retry_after_s", doc.RetryAfterS)
	wait("wait_s", doc.WaitS)
	for _, q := range doc.Quotas {
		wait("reset_in_s", q.ResetInS)
		for _, n := range []header.Num{q.Limit, q.Remaining, q.Used, q.WindowS} {
			if n.Known && !(n.Value >= 0 && n.Value <= 1e15) || math.IsNaN(n.Value) {
				t.Errorf("quota %q holds %v", q.Name, n.Value)
			}
		}
		if !q.Limit.Known && !q.Remaining.Known && !q.Used.Known && !q.ResetInS.Known {
			t.Errorf("quota %q says nothing", q.Name)
		}
		if q.Unit == "" {
			t.Errorf("quota %q has no unit", q.Name)
		}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatalf("the document does not marshal: %v", err)
	}
	var back header.Document
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatalf("the document does not read back: %v", err)
	}
	for _, s := range []string{string(doc.ScopeHint), string(doc.Why), strings.Join(doc.Dialects, "")} {
		if s != string(trace.Clean(s)) {
			t.Errorf("unclean text %q", s)
		}
	}
	for _, q := range doc.Quotas {
		if s := string(q.Name) + q.Unit; s != string(trace.Clean(s)) {
			t.Errorf("unclean name %q", s)
		}
	}
	doc.Primary()
}

func FuzzDecode(f *testing.F) {
	for _, r := range records(f, "testdata/corpus.jsonl") {
		var lines strings.Builder
		for _, h := range r.Headers {
			lines.WriteString(h[0] + ": " + h[1] + "\n")
		}
		body := ""
		if r.Body != nil {
			body = *r.Body
		}
		f.Add(r.Status, lines.String(), body)
	}
	f.Fuzz(func(t *testing.T, status int, lines, body string) {
		var hs []trace.Header
		for line := range strings.Lines(lines) {
			name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), ":")
			hs = append(hs, trace.Header{Name: trace.Clean(name), Value: trace.Clean(value)})
		}
		doc := header.Decode(status, hs, []byte(body), received)
		sane(t, doc)
		if doc.Status != status || (status == 429 && !doc.Limited) {
			t.Errorf("status %d, limited %v", status, doc.Limited)
		}
		if kind, _ := header.Classify(status, hs, []byte(body)); kind != doc.Kind && status != 403 {
			t.Errorf("Classify says %s, Decode %s", kind, doc.Kind)
		}
	})
}

func FuzzReadResponse(f *testing.F) {
	for _, r := range records(f, "testdata/corpus.jsonl")[:20] {
		f.Add(r.raw("\r\n"))
	}
	f.Add([]byte("HTTP/1.1 100 Continue\n\nHTTP/2 302\nA: b\n\nHTTP/1.1 200 OK\nX-RateLimit-Limit: 1\n c\n\nx"))
	f.Add([]byte("< HTTP/1.1 200 OK\n< A: b\n<\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		raw, err := header.ReadResponse(bytes.NewReader(in))
		if err != nil {
			return
		}
		if raw.Status < 100 || raw.Status > 999 {
			t.Errorf("status %d", raw.Status)
		}
		for _, h := range raw.Headers {
			if !utf8.ValidString(string(h.Name)) || h.Name != trace.Clean(string(h.Name)) || h.Value != trace.Clean(string(h.Value)) {
				t.Errorf("unclean header %q: %q", h.Name, h.Value)
			}
		}
		sane(t, header.Decode(raw.Status, raw.Headers, raw.Body, received))
	})
}

// raw writes a record as a server would.
func (r record) raw(eol string) []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 " + header.Some(float64(r.Status)).String() + " X" + eol)
	for _, h := range r.Headers {
		b.WriteString(h[0] + ": " + h[1] + eol)
	}
	b.WriteString(eol)
	if r.Body != nil {
		b.WriteString(*r.Body)
	}
	return b.Bytes()
}

// Costly inputs: many headers, long lists, deep JSON. What decoding allocates
// stays within a few times the input and a constant.
func TestDecodeAllocatesInProportion(t *testing.T) {
	many := func(n int, name, value string) []trace.Header {
		hs := make([]trace.Header, n)
		for i := range hs {
			hs[i] = trace.Header{Name: trace.Text(strings.ReplaceAll(name, "#", header.Some(float64(i)).String())), Value: trace.Text(value)}
		}
		return hs
	}
	for name, in := range map[string]struct {
		hs   []trace.Header
		body string
	}{
		"many names":    {hs: many(100_000, "x-ratelimit-limit-#", "5")},
		"long list":     {hs: many(1, "ratelimit-limit", strings.Repeat("1;w=1,", 200_000))},
		"bounded lists": {hs: many(512, "ratelimit-policy", strings.Repeat("1,", 1000))},
		"dictionary":    {hs: many(512, "ratelimit", strings.Repeat("a=1,", 500))},
		"garbage":       {hs: many(512, "x-ratelimit-reset", strings.Repeat("z", 8000))},
		"usage":         {hs: many(512, "x-app-usage", `{"a":`+strings.Repeat("[", 4000))},
		"deep body":     {body: strings.Repeat(`{"error":`, 100_000)},
		"wide body":     {body: `{"errors":[` + strings.Repeat(`{"code":"x"},`, 100_000)},
		"escapes":       {body: `{"error":"` + strings.Repeat(`\u0041`, 100_000)},
		"phrases":       {body: strings.Repeat("retry after 5 seconds ", 100_000)},
	} {
		size := len(in.body)
		for _, h := range in.hs {
			size += len(h.Name) + len(h.Value)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		sane(t, header.Decode(429, in.hs, []byte(in.body), received))
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > uint64(8*size)+256<<10 {
			t.Errorf("%s: %d bytes of input made it allocate %d", name, size, got)
		}
	}
}

var typical = []trace.Header{
	{Name: "Date", Value: "Fri, 02 Jan 2026 03:04:05 GMT"},
	{Name: "Content-Type", Value: "application/json; charset=utf-8"},
	{Name: "Cache-Control", Value: "private, max-age=60, s-maxage=60"},
	{Name: "Etag", Value: `"0123456789abcdef"`},
	{Name: "Server", Value: "nginx"},
	{Name: "Strict-Transport-Security", Value: "max-age=31536000; includeSubdomains; preload"},
	{Name: "X-Ratelimit-Limit", Value: "60"},
	{Name: "X-Ratelimit-Remaining", Value: "56"},
	{Name: "X-Ratelimit-Reset", Value: "1767325152"},
	{Name: "X-Ratelimit-Used", Value: "4"},
	{Name: "X-Ratelimit-Resource", Value: "core"},
	{Name: "Access-Control-Expose-Headers", Value: "ETag, Link, Location, Retry-After"},
}

var structured = []trace.Header{
	{Name: "Date", Value: "Fri, 02 Jan 2026 03:04:05 GMT"},
	{Name: "RateLimit-Policy", Value: `"default";q=100;w=60`},
	{Name: "RateLimit", Value: `"default";r=50;t=30`},
	{Name: "Retry-After", Value: "30"},
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range []struct {
		name   string
		status int
		hs     []trace.Header
		body   string
	}{
		{"typical", 200, typical, ""},
		{"structured", 429, structured, `{"title":"Too Many Requests","status":429}`},
		{"none", 200, typical[:6], `{"items":[1,2,3]}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				header.Decode(c.status, c.hs, []byte(c.body), received)
			}
		})
	}
}

func BenchmarkClassify(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		header.Classify(200, typical, nil)
		header.Classify(429, structured, []byte(`{"title":"Too Many Requests","status":429}`))
	}
}
