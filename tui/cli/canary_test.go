package cli

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/time/rate"
)

// The secrets of a run whose server repeats them wherever it can.
var canaries = map[string]string{
	"key from the environment": "canary-key-0a1b2c3d4e5f",
	"key from a file":          "canary+key/9z8y7x6w5v==",
	"user":                     "canary-user@example.org",
	"header":                   "canary-header-77aa88bb99cc",
	"cookie":                   "canary-cookie-1212343456",
	"proxy":                    "canary-proxy-5566ee77ff88",
}

// leaks lists the secrets that a text shows, in any form that a server gives back.
func leaks(text string) []string {
	low := strings.ToLower(text)
	var out []string
	for name, secret := range canaries {
		for _, form := range []string{
			secret, url.QueryEscape(secret), url.PathEscape(secret), hex.EncodeToString([]byte(secret)),
			base64.RawStdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
			secret[:12], secret[len(secret)-12:],
		} {
			if strings.Contains(low, strings.ToLower(form)) {
				out = append(out, fmt.Sprintf("%s as %q", name, form))
			}
		}
	}
	return out
}

// parrot refuses after a few requests and repeats everything it was told.
func parrot(t *testing.T) string {
	t.Helper()
	l := rate.NewLimiter(40, 6)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, c := range canaries {
			if name == "proxy" {
				continue // no target is told
			}
			w.Header().Add("X-RateLimit-Scope", c)
			w.Header().Add("X-Request-Id", hex.EncodeToString([]byte(c)))
			w.Header().Add("WWW-Authenticate", "Bearer realm="+url.QueryEscape(c))
		}
		if !l.Allow() {
			w.WriteHeader(http.StatusTooManyRequests)
		}
		fmt.Fprintf(w, "no more for %q, %s, %s\n", r.Header, strings.ToUpper(canaries["user"]),
			base64.StdEncoding.EncodeToString([]byte("user:"+canaries["header"])))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// refuser is a proxy that wants other credentials and repeats those it got.
func refuser(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, c := range canaries {
			w.Header().Add("Proxy-Authenticate", "Basic realm="+url.QueryEscape(c))
		}
		w.WriteHeader(http.StatusProxyAuthRequired)
		fmt.Fprintf(w, "not %q, %s\n", r.Header, canaries["proxy"])
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// canaryFlags are a request full of secrets, the file of one of them in folder.
func canaryFlags(t *testing.T, folder string) []string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, "key"), []byte(canaries["key from a file"]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--key", "one=env:CANARY", "--key", "two=file:key", "--user", "literal:" + canaries["user"],
		"-H", "Authorization: Bearer " + canaries["header"], "-H", "Cookie: sid=" + canaries["cookie"], "--yes", "--max-requests", "60"}
}

// A secret appears in no output, trace, report or error, even where the server
// repeats it.
func TestNoSecretLeaks(t *testing.T) {
	t.Parallel()
	target := parrot(t)
	for _, c := range []struct {
		name string
		args []string
	}{
		{"plain", []string{"--output", "plain", "--report", "r.md"}},
		{"json", []string{"--output", "json"}},
		{"ndjson", []string{"--output", "ndjson"}},
		{"markdown", []string{"--output", "markdown"}},
		{"same value twice", []string{"--key", "three=env:CANARY"}},
		{"surplus argument", []string{canaries["header"]}},
		{"secret for its reference", []string{"--key", canaries["header"]}},
		{"named secret for its reference", []string{"--key", "k=" + canaries["header"]}},
		{"secret for a variable", []string{"--key", "env:" + canaries["header"]}},
		{"secret for a file", []string{"--key", "file:" + canaries["header"]}},
		{"secret for a flag", []string{"--" + canaries["header"]}},
		{"secret for a header", []string{"-H", canaries["header"]}},
		{"secret for a vantage", []string{"--ip", canaries["header"]}},
		{"proxy that refuses", []string{"--ip", "http://me:" + canaries["proxy"] + "@" + refuser(t), "--authorized", "127.0.0.1"}},
		{"proxy that is none", []string{"--ip", "socks5h://me:" + canaries["proxy"] + "@" + refuser(t), "--authorized", "127.0.0.1"}},
		{"proxy from the environment", []string{"--ip", "env:PROXY", "--authorized", "127.0.0.1"}},
		{"proxy without a port", []string{"--ip", "http://me:" + canaries["proxy"] + "@127.0.0.1"}},
		{"proxy of a kind that is none", []string{"--ip", "ftp://me:" + canaries["proxy"] + "@127.0.0.1:9"}},
		{"proxy that cannot be read", []string{"--ip", "http://me:%" + canaries["proxy"] + "@127.0.0.1:9"}},
		{"secret for a route", []string{"--route", canaries["header"]}},
		{"secret in a route", []string{"--route", "/x?token=" + canaries["header"]}},
		{"secret in a curl command", []string{"--from-curl", "curl -Q " + canaries["header"] + " http://127.0.0.1/"}},
		{"secret for a place", []string{"--key-in", canaries["header"]}},
		{"secret in a template", []string{"--key-in", "header:X-A: " + canaries["header"]}},
		{"secret for a number", []string{"--max-rps", canaries["header"]}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := program(t)
			p.Args = append(p.Args, "probe", target)
			p.Args = append(p.Args, append(canaryFlags(t, p.Dir), c.args...)...)
			p.Env = append(p.Env, "CANARY="+canaries["key from the environment"], "PROXY=http://me:"+canaries["proxy"]+"@127.0.0.1:1")
			o := start(t, p)()
			for where, text := range map[string]string{"standard output": o.stdout.String(), "standard error": o.stderr.String()} {
				for _, l := range leaks(text) {
					t.Errorf("%s shows the %s:\n%s", where, l, text)
				}
			}
			scanFiles(t, p.Dir)
		})
	}
}

// scanFiles looks for secrets in everything that a run wrote.
func scanFiles(t *testing.T, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "key" {
			return err
		}
		b, err := os.ReadFile(path)
		for _, l := range leaks(string(b) + path) {
			t.Errorf("%s holds the %s", d.Name(), l)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Nor does the screen show one.
func TestNoSecretOnScreen(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	args := append([]string{"tui", parrot(t), "--report", "r.md"}, canaryFlags(t, folder)...)
	for i, a := range args {
		switch a {
		case "two=file:key":
			args[i] = "two=file:" + filepath.Join(folder, "key")
		case "one=env:CANARY":
			args[i] = "one=literal:" + canaries["key from the environment"]
		}
	}
	s := inTerminal(t, args...)
	s.Await(t, "save report")
	for key, shows := range map[string]string{"1": "[1 Plan]", "2": "[2 Live]", "4": "[4 Advice]", "5": "[5 Headers]"} {
		s.Press(t, key)
		s.Await(t, shows)
	}
	s.Press(t, "s")
	s.Await(t, "saved r.md")
	s.Press(t, "q")
	s.exit(t)
	for _, l := range leaks(s.Text()) {
		t.Errorf("the screen shows the %s", l)
	}
	scanFiles(t, s.Dir)
}

// The search for secrets finds what it looks for.
func TestLeaksAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range canaries {
		for _, text := range []string{c, strings.ToUpper(c), "x" + url.QueryEscape(c) + "y", hex.EncodeToString([]byte(c)), "{" + c[:14]} {
			if len(leaks(text)) == 0 {
				t.Errorf("%q goes unnoticed", text)
			}
		}
	}
}
