package lab

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"apisonde/probe/lab/limit"
)

func TestCaller(t *testing.T) {
	t.Parallel()
	owners := map[string]string{"s3": "alice"}
	for _, test := range []struct {
		name   string
		target string
		header http.Header
		remote string
		want   limit.Request
	}{
		{"nothing", "/", nil, "127.0.0.1:5000", limit.Request{IP: "127.0.0.1", Route: "/"}},
		{"IPv6", "/a", nil, "[::1]:5000", limit.Request{IP: "::1", Route: "/a"}},
		{"IPv4 in IPv6", "/a?x=1", nil, "[::ffff:127.0.0.2]:5000", limit.Request{IP: "127.0.0.2", Route: "/a"}},
		{"no address", "/", nil, "pipe", limit.Request{IP: "pipe", Route: "/"}},
		{"key", "/", http.Header{"X-Api-Key": {"s1"}}, "127.0.0.1:1", limit.Request{IP: "127.0.0.1", Key: "s1", Route: "/"}},
		{"bearer", "/", http.Header{"Authorization": {"Bearer s1"}}, "127.0.0.1:1", limit.Request{IP: "127.0.0.1", Key: "s1", Route: "/"}},
		{"basic, a key as the user", "/", http.Header{"Authorization": {"basic czE6"}}, "127.0.0.1:1", limit.Request{IP: "127.0.0.1", Key: "s1", Route: "/"}},
		{"basic, both", "/", http.Header{"Authorization": {"Basic dTpzMQ=="}}, "127.0.0.1:1", limit.Request{IP: "127.0.0.1", Key: "u:s1", Route: "/"}},
		{"basic, not base64", "/", http.Header{"Authorization": {"Basic ???"}}, "127.0.0.1:1", limit.Request{IP: "127.0.0.1", Key: "???", Route: "/"}},
		{"a scheme of its own", "/", http.Header{"Authorization": {"Token s1"}}, "127.0.0.1:1", limit.Request{IP: "127.0.0.1", Key: "s1", Route: "/"}},
		{"no scheme", "/", http.Header{"Authorization": {"s1"}}, "127.0.0.1:1", limit.Request{IP: "127.0.0.1", Key: "s1", Route: "/"}},
		{"query", "/a?api_key=s1", nil, "127.0.0.1:1", limit.Request{IP: "127.0.0.1", Key: "s1", Route: "/a"}},
		{"cookie", "/", http.Header{"Cookie": {"a=b; api_key=s1"}}, "127.0.0.1:1", limit.Request{IP: "127.0.0.1", Key: "s1", Route: "/"}},
		{"user", "/", http.Header{"X-User": {"bob"}, "X-Api-Key": {"s3"}}, "127.0.0.1:1", limit.Request{IP: "127.0.0.1", Key: "s3", User: "bob", Route: "/"}},
		{"owner", "/", http.Header{"X-Api-Key": {"s3"}}, "127.0.0.1:1", limit.Request{IP: "127.0.0.1", Key: "s3", User: "alice", Route: "/"}},
		{"forwarded", "/", http.Header{"X-Forwarded-For": {" 10.1.1.1 , 10.2.2.2"}}, "127.0.0.1:1", limit.Request{IP: "127.0.0.1", Forwarded: "10.1.1.1", Route: "/"}},
	} {
		r := httptest.NewRequest(http.MethodGet, test.target, nil)
		r.RemoteAddr = test.remote
		if test.header != nil {
			r.Header = test.header
		}
		if diff := cmp.Diff(test.want, caller(r, owners)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.name, diff)
		}
	}
}

// FuzzCredentials looks for an Authorization header that breaks its reader.
func FuzzCredentials(f *testing.F) {
	for _, s := range []string{"", " ", "Bearer", "Bearer a b", "Basic czE6", "Basic :", "Basic Og==", "basic\tx"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := credentials(s); len(got) > len(s) {
			t.Errorf("%q became longer: %q", s, got)
		}
	})
}
