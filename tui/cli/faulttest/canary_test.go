package faulttest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
)

// canary holds secrets that are made up anew for each run of the tests, so that
// nothing shows one by accident.
var canary = map[string]string{
	"key": "key-" + token(), "user": "user+" + token() + "@example.org", "bearer": token() + "." + token(),
	"basic": "p/w:" + token() + "==", "cookie": token(), "query": "q " + token(), "body": token(), "proxy": token(),
}

func token() string { return strings.ToLower(rand.Text()) }

// canaryEnv hands the secrets to a run.
func canaryEnv() []string {
	var out []string
	for name, v := range canary {
		out = append(out, "CANARY_"+strings.ToUpper(name)+"="+v)
	}
	return out
}

// fragment is how much of a secret is one too much.
const fragment = 12

// fragments are all pieces of all secrets in all spellings, in lower case.
var fragments = func() map[string]string {
	out := map[string]string{}
	for name, v := range canary {
		for _, form := range spellings(v) {
			low := strings.ToLower(form)
			for i := 0; i+fragment <= len(low); i++ {
				out[low[i:i+fragment]] = name
			}
		}
	}
	return out
}()

// spellings are the forms in which servers give back what they were told.
func spellings(s string) []string {
	out := []string{s, url.QueryEscape(s), url.PathEscape(s), hex.EncodeToString([]byte(s)), html.EscapeString(s)}
	for shift := range 3 { // as a part of something longer
		padded := append(make([]byte, shift), s...)
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			e := enc.EncodeToString(padded)
			out = append(out, e[min(len(e), 2*shift):len(padded)/3*4])
		}
	}
	return out
}

// leaks lists the secrets that a text shows.
func leaks(text string) []string {
	low := strings.ToLower(text)
	seen := map[string]bool{}
	var out []string
	for i := 0; i+fragment <= len(low); i++ {
		if name, ok := fragments[low[i:i+fragment]]; ok && !seen[name] {
			seen[name] = true
			out = append(out, fmt.Sprintf("secret %s as %q", name, low[i:i+fragment]))
		}
	}
	return out
}

// The search finds what it looks for.
func TestLeaksAreFound(t *testing.T) {
	t.Parallel()
	for name, v := range canary {
		for _, text := range append(spellings(v), strings.ToUpper(v), "{"+v[:fragment], base64.StdEncoding.EncodeToString([]byte("user:"+v))) {
			if len(leaks("x "+text+" y")) == 0 {
				t.Errorf("%q, a form of %s, goes unnoticed", text, name)
			}
		}
	}
	for text, bad := range map[string]bool{"a\x1b[31m": true, "a\u009bb": true, "a\x9bb": true, "a\u202eb": true, "a\u200bb": true, "a\rb": true, "plain – text\n": false} {
		if (acting(text, true) != "") != bad {
			t.Errorf("%q acts: %v", text, !bad)
		}
	}
}
