package send

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"apisonde/probe/secret"
	"apisonde/probe/trace"
)

// FuzzKeeper feeds foreign headers and bodies: what is kept is clean, bounded
// and free of the credential, and no promise of a server is absurd.
func FuzzKeeper(f *testing.F) {
	f.Add("Location", "http://u:p@h/a?b=c#d", "body")
	f.Add("X-Ratelimit-Limit", "100, 100;w=60", "\xff\x1b[31m\u202e")
	f.Add("Www-Authenticate", "Bearer credential-of-fuzz", "credential-of-fuzz")
	f.Add("Keep-Alive", "timeout=5", strings.Repeat("\u009b", 600))
	f.Fuzz(func(t *testing.T, name, value, body string) {
		const key = "credential-of-fuzz"
		k := newKeeper(secret.NewRedactor(secret.New(key)))
		for range 2 { // the second time from memory
			kept := k.headers(http.Header{name: {value, value}, "X-Quota": {value}})
			size := 0
			for _, h := range kept {
				size += len(h.Name) + len(h.Value)
				check(t, string(h.Name), key)
				check(t, string(h.Value), key)
			}
			if size > maxKept {
				t.Errorf("%d bytes of headers were kept", size)
			}
			text := string(k.text([]byte(body)[:min(len(body), textSource)]))
			check(t, text, key)
			if len(text) > maxText {
				t.Errorf("%d bytes of a body were kept", len(text))
			}
		}
		if d, ok := keepAlive(value); ok && (d < 0 || d > 24*time.Hour) {
			t.Errorf("%q promises %v", value, d)
		}
	})
}

func check(t *testing.T, s, key string) {
	if string(trace.Clean(s)) != s || strings.Contains(strings.ToLower(s), key) {
		t.Errorf("kept %q", s)
	}
}
