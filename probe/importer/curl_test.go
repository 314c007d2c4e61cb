package importer

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		want []string
	}{
		{`curl  a	b`, []string{"curl", "a", "b"}},
		{`'a b'c"d e"`, []string{"a bcd e"}},
		{`"" ''`, []string{"", ""}},
		{`a\ b \"`, []string{"a b", `"`}},
		{"a \\\n  b", []string{"a", "b"}},
		{"a \\\r\n  b", []string{"a", "b"}},
		{`"a\"b\\c\d"`, []string{`a"b\c\d`}},
		{`'it'\''s'`, []string{"it's"}},
		{`$'a\'b\n\x41\u00e9\101'`, []string{"a'b\nAéA"}},
		{`'$HOME' 5$ "cost: $"`, []string{"$HOME", "5$", "cost: $"}},
		{`a#b`, []string{"a#b"}},
	} {
		got, err := words(c.in)
		if err != nil {
			t.Errorf("words(%q): %v", c.in, err)
			continue
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("words(%q) (-want +got):\n%s", c.in, d)
		}
	}
	for _, in := range []string{`'a`, `"a`, `$'a`, `a\`, `$HOME`, `"${X}"`, "`id`", `"$(id)"`, `a | b`, `a; b`, `a > b`, `a # b`, `$'\q'`, `$'\x'`} {
		if got, err := words(in); err == nil {
			t.Errorf("words(%q) = %q, want an error", in, got)
		}
	}
}

func TestCurl(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		want     Request
	}{
		{"bare host", `curl example.org/x`, Request{Method: "GET", URL: "http://example.org/x"}},
		{"as a browser copies it", "curl 'https://api.example.org/v1/items?page=2' \\\n  -H 'accept: application/json' \\\n  -H 'x-api-key: abc' \\\n  --compressed",
			Request{Method: "GET", URL: "https://api.example.org/v1/items?page=2",
				Headers: []Header{{"accept", "application/json", false}, {"x-api-key", "abc", true}}}},
		{"data makes it a POST", `curl -d a=1 --data-raw @b -d c=3 https://h/`,
			Request{Method: "POST", URL: "https://h/", Body: []byte("a=1&@b&c=3"),
				Headers: []Header{{"Content-Type", "application/x-www-form-urlencoded", false}}}},
		{"json", `curl --json '{"a":' --json '1}' https://h/`,
			Request{Method: "POST", URL: "https://h/", Body: []byte(`{"a":1}`),
				Headers: []Header{{"Accept", "application/json", false}, {"Content-Type", "application/json", false}}}},
		{"short options together", `curl -sSXPUT -d x https://h/`,
			Request{Method: "PUT", URL: "https://h/", Body: []byte("x"),
				Headers: []Header{{"Content-Type", "application/x-www-form-urlencoded", false}}}},
		{"get", `curl -G --data-urlencode 'q=a b&c' -d n=1 'https://h/?p=0'`,
			Request{Method: "GET", URL: "https://h/?p=0&q=a%20b%26c&n=1"}},
		{"head", `curl -I https://h/`, Request{Method: "HEAD", URL: "https://h/"}},
		{"user", `curl -u alice:pw https://h/`,
			Request{Method: "GET", URL: "https://h/", Headers: []Header{{"Authorization", "Basic YWxpY2U6cHc=", true}}}},
		{"user in the URL", `curl https://alice:pw@h/`,
			Request{Method: "GET", URL: "https://h/", Headers: []Header{{"Authorization", "Basic YWxpY2U6cHc=", true}}}},
		{"cookies and agent", `curl -b a=1 -b b=2 -A me --url https://h/`,
			Request{Method: "GET", URL: "https://h/", Headers: []Header{{"Cookie", "a=1; b=2", true}, {"User-Agent", "me", false}}}},
		{"a header overrides", `curl -A me -H 'User-Agent: you' -H 'X-Empty;' https://h/`,
			Request{Method: "GET", URL: "https://h/", Headers: []Header{{"User-Agent", "you", false}, {"X-Empty", "", false}}}},
		{"a header withheld", `curl -d x -H 'Content-Type:' https://h/`,
			Request{Method: "POST", URL: "https://h/", Body: []byte("x")}},
		{"a prompt copied along", `$ curl -- https://h/`, Request{Method: "GET", URL: "https://h/"}},
	} {
		got, err := Curl(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if d := cmp.Diff(c.want, got, cmp.Comparer(func(a, b Header) bool { return a == b })); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

// What cannot be carried over is refused by name, and no refusal repeats a value.
func TestCurlRefuses(t *testing.T) {
	t.Parallel()
	for in, names := range map[string]string{
		`wget https://h/`:                           "begin with curl",
		``:                                          "begin with curl",
		`curl`:                                      "0 URLs",
		`curl https://a/ https://canary/`:           "2 URLs",
		`curl -x http://canary https://h/`:          `"-x"`,
		`curl --proxy=canary https://h/`:            `"--proxy"`,
		`curl -F a=canary https://h/`:               `"-F"`,
		`curl -k https://h/`:                        "-k",
		`curl -L https://h/`:                        "-L",
		`curl --http2 https://h/`:                   `"--http2"`,
		`curl -d @canary https://h/`:                "-d",
		`curl -b canary https://h/`:                 "-b",
		`curl -u canary https://h/`:                 "-u",
		`curl -H`:                                   "-H",
		`curl -H canary https://h/`:                 "NAME: VALUE",
		"curl -H $'A: canary\\nB: c' https://h/":    "NAME: VALUE",
		`curl -X 'canary 1' https://h/`:             "-X",
		`curl 'https://h/canary[1-9]'`:              "expands",
		`curl ftp://canary/`:                        "http or https",
		`curl 'http://h/%zzcanary'`:                 "http or https",
		`curl -u a:canary https://b:canary@h/`:      "twice",
		`curl --json '{}' -d canary https://h/`:     "--json",
		`curl -I -d canary https://h/`:              "-I",
		`curl -H "X-Key: $canary" https://h/`:       "expansion",
		`curl https://h/ | jq canary`:               "operator",
		`curl - https://h/canary`:                   "lone dash",
		`curl --data-urlencode a@canary https://h/`: "--data-urlencode",
	} {
		got, err := Curl(in)
		if err == nil {
			t.Errorf("Curl(%q) = %v, want an error", in, got)
			continue
		}
		if !strings.Contains(err.Error(), names) {
			t.Errorf("Curl(%q): %q does not say %q", in, err, names)
		}
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("Curl(%q): the error repeats a value: %q", in, err)
		}
	}
}

func TestSecretHeadersPrintAsTheirName(t *testing.T) {
	t.Parallel()
	r, err := Curl(`curl -u alice:canary -b sid=canary -H 'X-Api-Key: canary' -H 'X-Auth-Token: canary' -H 'X-Goog-Signature: canary' https://h/`)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Headers) != 5 {
		t.Fatalf("%d headers, want 5", len(r.Headers))
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if s := fmt.Sprintf(verb, r); strings.Contains(s, "canary") || strings.Contains(s, "63616e617279") {
			t.Errorf("%s prints a secret: %s", verb, s)
		}
	}
}

// Whatever the text, Curl neither panics nor hands out a request that could not be
// sent.
func FuzzCurl(f *testing.F) {
	for _, s := range []string{
		`curl https://h/`, `curl -sSXPUT -H 'A: b' -d x h`, `curl $'a\u00e9' --json '{}' h`, "curl \\\n -u a:b h",
		`curl -G --data-urlencode 'q=a b' h`, `curl -b a=1 -A x -e y --url h`, `$ curl -- h`, `curl -I "h/\"$"`, `curl h/%zz`, "curl -G '-d\x18' 0", `curl -G '-d#0' 0`, "curl -H $'A: b\\nC: d' h",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Curl(s)
		if err != nil {
			return
		}
		u, err := url.Parse(r.URL)
		if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || (u.Scheme != "http" && u.Scheme != "https") {
			t.Errorf("URL %q cannot be asked for", r.URL)
		}
		if r.Method == "" || strings.ContainsAny(r.Method, " \r\n") {
			t.Errorf("method %q", r.Method)
		}
		for _, h := range r.Headers {
			if !ValidHeaderName(h.Name) || !ValidHeaderValue(h.Value) {
				t.Errorf("header %q cannot be sent", h.Name)
			}
		}
	})
}
