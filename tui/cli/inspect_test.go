package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// inspected runs inspect in this process on a response and returns what it prints.
func inspected(t *testing.T, raw string, args ...string) []byte {
	t.Helper()
	folder := t.TempDir()
	in := filepath.Join(folder, "in")
	if err := os.WriteFile(in, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	files := make([]*os.File, 3)
	for i, name := range []string{in, filepath.Join(folder, "out"), filepath.Join(folder, "err")} {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	code := Main(append([]string{"inspect", "-"}, args...), files[0], files[1], files[2])
	said, _ := os.ReadFile(files[2].Name())
	if code != 0 || len(said) > 0 {
		t.Fatalf("inspect ended with %d: %s", code, said)
	}
	out, err := os.ReadFile(files[1].Name())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// claims is what a response is expected to claim, as the document has it.
type claims struct {
	Limited   bool             `json:"limited"`
	Quotas    []map[string]any `json:"quotas"`
	RetryS    *float64         `json:"retry_after_s"`
	ScopeHint *string          `json:"scope_hint"`
}

// What the decoder is tested on passes the command too, as raw responses: real ones
// of many services, and variants of them.
func TestCorpusPassesInspect(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"corpus.jsonl", "variants.jsonl"} {
		f, err := os.Open(filepath.Join("../../analyze/header/testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		n := 0
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var r struct {
				ID       string      `json:"id"`
				Status   int         `json:"status"`
				Received string      `json:"received_at"`
				Headers  [][2]string `json:"headers"`
				Body     string      `json:"body"`
				Expect   claims      `json:"expect"`
			}
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			raw := fmt.Sprintf("HTTP/1.1 %d Status\r\n", r.Status)
			for _, h := range r.Headers {
				raw += h[0] + ": " + h[1] + "\r\n"
			}
			var got claims
			if err := json.Unmarshal(inspected(t, raw+"\r\n"+r.Body, "--received-at", r.Received, "--output", "json"), &got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(r.Expect, got, cmpopts.EquateApprox(0, 1e-6), cmpopts.EquateEmpty()); d != "" {
				t.Errorf("%s -want +got:\n%s", r.ID, d)
			}
			n++
		}
		if err := lines.Err(); err != nil || n < 50 {
			t.Fatalf("%s: %d records, %v", file, n, err)
		}
	}
}

// hostile holds what a terminal, a table or a reader might stumble over.
const hostile = "\x1b]0;owned\x07\x1b[2J\u202eevil\u200b\u0085\xff\x00\r"

// Nothing of a response reaches the terminal that could move its cursor, and no
// figure comes out of garbage.
func TestHostileResponseIsHarmless(t *testing.T) {
	t.Parallel()
	raw := "HTTP/1.1 429 " + hostile + "\n" +
		"X-RateLimit-Limit: 1e309\nX-RateLimit-Remaining: -5\nRetry-After: 99999999999999999999\n" +
		"X-RateLimit-Policy-" + hostile + ": " + hostile + "\nX-Quota-Note: " + hostile + strings.Repeat("x", 5000) + "\n" +
		"ETag: " + hostile + "\nCache-Control: " + hostile + "\nAge: " + hostile + "\nDate: " + hostile + "\n" +
		strings.Repeat("X-Limit-Note: "+hostile+"\n", 1000) + "\n" + `{"error":{"code":"rate_limit_exceeded` + hostile + `"}}`
	for _, args := range [][]string{nil, {"--output", "json"}} {
		out := inspected(t, raw, args...)
		for _, r := range string(bytes.ToValidUTF8(out, []byte("\x00"))) {
			if r != '\n' && (!unicode.IsPrint(r) || unicode.Is(unicode.Cf, r)) {
				t.Fatalf("%v lets %q through", args, r)
			}
		}
		if len(out) > 32<<10 {
			t.Errorf("%v prints %d bytes", args, len(out))
		}
	}
	var got claims
	if err := json.Unmarshal(inspected(t, raw, "--output", "json"), &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(claims{Limited: true}, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// Two keys of which one has spent its quota stand side by side.
func TestInspectComparesKeys(t *testing.T) {
	t.Parallel()
	url := practice(t, "fixed-window,limit=2,window=1h,by=key,align=first-request,headers=legacy").URL()
	inspect := func(args ...string) *output {
		p := program(t, append([]string{"inspect", url, "--yes"}, args...)...)
		return start(t, p)()
	}
	for range 2 {
		if o := inspect("--key", "literal:spent-canary"); o.code != 0 {
			t.Fatal(o.stderr.String())
		}
	}
	keys := []string{"--key", "spent=literal:spent-canary", "--key", "fresh@bob=literal:fresh-canary"}
	o := inspect(keys...)
	text := o.stdout.String()
	for _, want := range []string{"The same for spent and fresh@bob", "the server's agrees", "What differs", "1 of 2 left", "0 of 2 left", "yes: status 429"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(text+o.stderr.String(), "canary") {
		t.Errorf("it shows a key:\n%s%s", text, &o.stderr)
	}

	o = inspect(append(keys, "--output", "json")...)
	var doc struct {
		Schema    string
		Responses []struct {
			Identity map[string]string
			Headers  struct {
				Schema  string
				Status  int
				Limited bool
			}
		}
	}
	d := json.NewDecoder(&o.stdout)
	if err := d.Decode(&doc); err != nil || d.More() {
		t.Fatalf("not one document: %v", err)
	}
	var got []string
	for _, r := range doc.Responses {
		got = append(got, fmt.Sprint(r.Identity["key"], r.Identity["owner"], " ", r.Headers.Schema, " ", r.Headers.Status, " ", r.Headers.Limited))
	}
	want := []string{"spent apisonde/headers/v1 429 true", "freshbob apisonde/headers/v1 200 false"}
	if d := cmp.Diff(want, got); d != "" || doc.Schema != "apisonde/inspect/v1" {
		t.Errorf("%s -want +got:\n%s", doc.Schema, d)
	}
}

// A server that repeats every secret, and more besides, gets none of it shown.
func TestInspectShowsNoSecret(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"--output", "json"}} {
		p := program(t)
		p.Args = append(p.Args, "inspect", parrot(t))
		p.Args = append(p.Args, append(canaryFlags(t, p.Dir), args...)...)
		p.Env = append(p.Env, "CANARY="+canaries["key from the environment"])
		o := start(t, p)()
		if o.code != 0 || o.stdout.Len() == 0 {
			t.Fatalf("ended with %d: %s", o.code, &o.stderr)
		}
		for _, l := range leaks(o.stdout.String() + o.stderr.String()) {
			t.Errorf("%v shows the %s", args, l)
		}
		scanFiles(t, p.Dir)
	}
}

// On a terminal it asks, and says before what it would send.
func TestInspectAsks(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(s.Close)
	term := inTerminal(t, "inspect", s.URL, "--key", "literal:abcdefgh", "--key", "literal:ijklmnop")
	term.Await(t, "[y/N]")
	if text := term.Text(); !strings.Contains(text, "at most 2 in all") || !strings.Contains(text, "k2") {
		t.Errorf("it does not say what it would send:\n%s", text)
	}
	term.Press(t, "n\r")
	if code := term.exit(t); code != exitUsage || asked.Load() > 0 {
		t.Errorf("it ended with %d after %d requests", code, asked.Load())
	}
}
