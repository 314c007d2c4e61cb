package header_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"apisonde/analyze/header"
	"apisonde/probe/trace"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReadResponse(t *testing.T) {
	t.Parallel()
	limit := []trace.Header{{Name: "X-RateLimit-Limit", Value: "60"}}
	for _, c := range []struct {
		name, in string
		want     header.Raw
	}{
		{"lf", "HTTP/1.1 200 OK\nX-RateLimit-Limit: 60\n\nhello\nworld\n",
			header.Raw{Status: 200, Headers: limit, Body: []byte("hello\nworld\n")}},
		{"crlf", "HTTP/1.1 429 Too Many Requests\r\nX-RateLimit-Limit:60\r\n\r\n{}",
			header.Raw{Status: 429, Headers: limit, Body: []byte("{}")}},
		{"http2 without a reason", "HTTP/2 503 \r\nX-RateLimit-Limit: 60\r\n\r\n",
			header.Raw{Status: 503, Headers: limit}},
		{"no empty line at the end", "HTTP/1.1 200 OK\nX-RateLimit-Limit: 60",
			header.Raw{Status: 200, Headers: limit}},
		{"the last of several heads", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Found\r\nLocation: /b\r\nRetry-After: 5\r\n\r\nHTTP/2 200\r\nX-RateLimit-Limit: 60\r\n\r\nbody",
			header.Raw{Status: 200, Headers: limit, Body: []byte("body")}},
		{"a proxy's head first", "HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 429 Too Many Requests\r\nX-RateLimit-Limit: 60\r\n\r\n",
			header.Raw{Status: 429, Headers: limit}},
		{"folded", "HTTP/1.0 200 OK\nX-RateLimit-Limit: 60,\n\t60;w=60\n\n",
			header.Raw{Status: 200, Headers: []trace.Header{{Name: "X-RateLimit-Limit", Value: "60, 60;w=60"}}}},
		{"a prompt before and a stray line within", "$ curl -i https://api.example/\nHTTP/1.1 200 OK\nX-RateLimit-Limit: 60\nnonsense\n\n",
			header.Raw{Status: 200, Headers: limit, Notes: []string{"lines before the status line are skipped", "a line that is no header is skipped"}}},
		{"curl -v", "* Connected\n> GET / HTTP/1.1\n>\n< HTTP/1.1 200 OK\n< X-RateLimit-Limit: 60\n* chatter\n<\nbody",
			header.Raw{Status: 200, Headers: limit, Body: []byte("body"), Notes: []string{"lines before the status line are skipped"}}},
		{"a body that only looks like a head", "HTTP/1.1 200 OK\nX-RateLimit-Limit: 60\n\nHTTP/abc 200 is no status line\n",
			header.Raw{Status: 200, Headers: limit, Body: []byte("HTTP/abc 200 is no status line\n")}},
		{"hostile text is made visible", "HTTP/1.1 200 OK\nX-RateLimit-Name: a\x1b[2Jb\u202e\n\n",
			header.Raw{Status: 200, Headers: []trace.Header{{Name: "X-RateLimit-Name", Value: `a\u{1b}[2Jb\u{202e}`}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := header.ReadResponse(strings.NewReader(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestReadResponseRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "\n\n", "X-RateLimit-Limit: 60\n\n", "HTTP/1.1 abc\n\n", "HTTP/1.1 42\n\n", strings.Repeat("x\n", 1000)} {
		if _, err := header.ReadResponse(strings.NewReader(in)); !errors.Is(err, header.ErrNoResponse) {
			t.Errorf("%.20q: err = %v, want %v", in, err, header.ErrNoResponse)
		}
	}
	broken := io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\nA: b\n"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := header.ReadResponse(broken); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a failing reader: err = %v", err)
	}
}

func TestReadResponseIsBounded(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("a", 3<<20)
	for name, in := range map[string]string{
		"body":    "HTTP/1.1 200 OK\n\n" + big,
		"value":   "HTTP/1.1 200 OK\nA: " + big + "\nB: c\n\nbody",
		"headers": "HTTP/1.1 200 OK\n" + strings.Repeat("A: b\n", 1<<20) + "\nbody",
		"folds":   "HTTP/1.1 200 OK\nA: b\n" + strings.Repeat(" b\n", 1<<20) + "\nbody",
	} {
		got, err := header.ReadResponse(strings.NewReader(in))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		size := len(got.Body)
		for _, h := range got.Headers {
			size += len(h.Name) + len(h.Value)
		}
		if size > 2<<20 || len(got.Headers) > 1000 {
			t.Errorf("%s: kept %d bytes in %d headers", name, size, len(got.Headers))
		}
	}
}
