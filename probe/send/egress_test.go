package send

import (
	"net/netip"
	"testing"
)

func TestSeenFrom(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"203.0.113.7\n":        "203.0.113.7",
		" 2001:DB8::0:1 ":      "2001:db8::1",
		"::ffff:203.0.113.7":   "203.0.113.7",
		`{"ip":"203.0.113.7"}`: "203.0.113.7",
		"{\n \"a\": {\"ip\": \"192.0.2.9\"},\n \"IP\": \"203.0.113.7\", \"z\": \"cut o": "203.0.113.7",
		`{"ip":42}`:                 "",
		`{"ip":"nobody"}`:           "",
		`{"address":"203.0.113.7"}`: "",
		`{"a":`:                     "",
		`["203.0.113.7"]`:           "",
		"<html>203.0.113.7</html>":  "",
		"203.0.113.7, 10.0.0.1":     "",
		"":                          "",
	} {
		if got := seenFrom([]byte(body)); got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
}

func FuzzSeenFrom(f *testing.F) {
	for _, s := range []string{"203.0.113.7", `{"ip":"::1"}`, `{"a":[{}],"ip":"fe80::1%eth0"}`, "{"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got := seenFrom(b)
		if got == "" {
			return
		}
		if a, err := netip.ParseAddr(got); err != nil || a.String() != got || a.Zone() != "" {
			t.Errorf("%q is no address in its usual form", got)
		}
	})
}
