package send_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"apisonde/probe/secret"
	"apisonde/probe/send"
	"apisonde/probe/trace"

	"github.com/google/go-cmp/cmp"
)

func TestHeadersThatAreKept(t *testing.T) {
	t.Parallel()
	var raw strings.Builder
	raw.WriteString("HTTP/1.1 401 Unauthorized\r\n")
	for _, h := range []string{
		"X-RateLimit-Limit: 100", "X-RateLimit-Limit: 50", "ratelimit-policy: \"d\";q=5;w=10", "Retry-After: 3",
		"X-Quota-Left: 7", "X-App-Usage: {\"call_count\":28}", "x-ms-throttle-info: a", "Credits-Used: 3", "X_Rate_Limit: 4",
		"Date: Thu, 01 Jan 2026 00:00:00 GMT", "Server: nginx", "Etag: \"a\"", "Via: 1.1 x", "Age: 0", "Cf-Ray: 1-AMS",
		"Content-Type: text/plain", "Cache-Control: no-store", "X-Cache: HIT", "X-Amzn-Errortype: Throttling",
		"Www-Authenticate: Bearer realm=\"x\", error=\"y\"",
		"Set-Cookie: limit=1", "X-Cookie-Limit: 1", "X-Powered-By: y", "X-Request-Id: 1", "Link: </a>; rel=next",
		"X-Limit-Note: a\u202eb\u009b31m", "X-Limit-Long: " + strings.Repeat("9", 2000),
	} {
		raw.WriteString(h + "\r\n")
	}
	raw.WriteString("Content-Length: 0\r\n\r\n")
	w := newWild(t, "tcp4", "127.0.0.1:0", say(raw.String()))
	o := once(t, newSender(t, w.url("/")), id1, "/")
	want := []trace.Header{
		{Name: "Age", Value: "0"}, {Name: "Cache-Control", Value: "no-store"}, {Name: "Cf-Ray", Value: "1-AMS"},
		{Name: "Content-Type", Value: "text/plain"}, {Name: "Credits-Used", Value: "3"},
		{Name: "Date", Value: "Thu, 01 Jan 2026 00:00:00 GMT"}, {Name: "Etag", Value: "\"a\""},
		{Name: "Ratelimit-Policy", Value: `"d";q=5;w=10`}, {Name: "Retry-After", Value: "3"}, {Name: "Server", Value: "nginx"},
		{Name: "Via", Value: "1.1 x"}, {Name: "Www-Authenticate", Value: "Bearer"},
		{Name: "X-Amzn-Errortype", Value: "Throttling"}, {Name: "X-App-Usage", Value: `{"call_count":28}`},
		{Name: "X-Cache", Value: "HIT"}, {Name: "X-Limit-Note", Value: `a\u{202e}b\u{9b}31m`},
		{Name: "X-Ms-Throttle-Info", Value: "a"}, {Name: "X-Quota-Left", Value: "7"},
		{Name: "X-Ratelimit-Limit", Value: "100"}, {Name: "X-Ratelimit-Limit", Value: "50"}, {Name: "X_rate_limit", Value: "4"},
	}
	if d := cmp.Diff(want, o.Headers); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	t.Parallel()
	var raw strings.Builder
	raw.WriteString("HTTP/1.1 429 No\r\n")
	for i := range 60 {
		fmt.Fprintf(&raw, "X-Limit-%d: %s\r\n", i, strings.Repeat("\u009b", 400))
	}
	fmt.Fprintf(&raw, "Content-Length: 3000\r\n\r\n%s", strings.Repeat("\u202e", 1000))
	w := newWild(t, "tcp4", "127.0.0.1:0", say(raw.String()))
	o := once(t, newSender(t, w.url("/")), id1, "/")
	size := 0
	for _, h := range o.Headers {
		size += len(h.Name) + len(h.Value)
	}
	if size > 16<<10 || len(o.Headers) == 0 || len(o.Body.Text) > 512 || o.Body.Bytes != 3000 {
		t.Errorf("%d bytes of headers, %d of text, %d of body", size, len(o.Body.Text), o.Body.Bytes)
	}
}

// The server echoes every credential, in every spelling, everywhere.
func TestEchoedCredentialsAreNotKept(t *testing.T) {
	t.Parallel()
	secrets := map[string]string{
		"key": "kEy/7Q2m+Zt9=Wb4xR&n1", "user": "user:8f3kQz/pLm-02", "header": "tok_5hYw7LqP0sNd",
		"query": "qs-9aVb3XcUe6Ty", "password": "pw:Hn4&Jk8+Mz2", "cookie": "ck-Rr5Tt6Yy7Uu8",
	}
	var spellings []string
	for _, s := range secrets {
		j, _ := json.Marshal(s)
		spellings = append(spellings, s, strings.ToUpper(s), strings.ToLower(s), url.QueryEscape(s), url.PathEscape(s),
			base64.StdEncoding.EncodeToString([]byte(s)), base64.StdEncoding.EncodeToString([]byte("u:"+s)),
			base64.StdEncoding.EncodeToString([]byte("un:"+s)), base64.URLEncoding.EncodeToString([]byte(s)),
			hex.EncodeToString([]byte(s)), strings.Trim(string(j), `"`), s[:12]+"****", "..."+s[len(s)-12:])
	}
	n := 0
	w := newWild(t, "tcp4", "127.0.0.1:0", func(c *net.TCPConn, r *http.Request, _ int) bool {
		var b strings.Builder
		say := spellings[n]
		n++
		field := strings.NewReplacer("\r", "", "\n", "").Replace(say)
		fmt.Fprintf(&b, "HTTP/1.1 403 key %s\r\nX-RateLimit-Key: %s\r\nLocation: /a/%s?k=%s\r\nEtag: \"x%sy\"\r\nServer: %s\r\n",
			field, field, field, field, field, field)
		if strings.Trim(field, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == "" {
			fmt.Fprintf(&b, "X-Limit-%s: 1\r\n", field)
		}
		body := `{"error":"` + say + `","pad":"` + strings.Repeat("p", 1000) + say + say + `"}`
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
		_, err := c.Write([]byte(b.String()))
		return err == nil
	})
	u := w.url("/")
	u.User = url.UserPassword("un", secrets["password"])
	u.RawQuery = url.Values{"api_key": {secrets["query"]}}.Encode()
	s := newSender(t, u, func(c *send.Config) {
		c.Keys = map[string]secret.Value{"k1": secret.New(secrets["key"])}
		c.Users = map[string]secret.Value{"u1": secret.New(secrets["user"])}
		c.Request.Headers = http.Header{"X-Auth-Token": {secrets["header"]}, "Cookie": {"a=" + secrets["cookie"]}}
	})
	for i := range spellings {
		o := once(t, s, trace.Identity{Vantage: "here", Key: "k1", User: "u1"}, "/")
		if o.Status != 403 || len(o.Headers) < 4 || o.Body.Text == "" {
			t.Fatalf("spelling %d: %+v", i, o)
		}
		stored, _ := json.Marshal(o)
		low := strings.ToLower(string(stored))
		for _, sp := range spellings {
			sp = strings.ToLower(sp)
			for k := 0; k+12 <= len(sp); k++ {
				if frag := sp[k : k+12]; strings.Contains(low, frag) {
					t.Fatalf("%q of %q was stored: %s", frag, spellings[i], stored)
				}
			}
		}
	}
	if public := send.Public(u); strings.Contains(public, "9aVb3") || strings.Contains(public, "un") || !strings.Contains(public, "api_key=") {
		t.Errorf("the public URL is %s", public)
	}
}

func TestFiguresSurviveShortCredentials(t *testing.T) {
	t.Parallel()
	w := newWild(t, "tcp4", "127.0.0.1:0", say("HTTP/1.1 429 No\r\nX-RateLimit-Limit: 1000\r\nX-Quota-For: alice\r\nContent-Length: 20\r\n\r\nalice may have 1000!"))
	s := newSender(t, w.url("/"), func(c *send.Config) {
		c.Users = map[string]secret.Value{"u1": secret.New("1000"), "u2": secret.New("alice")}
	})
	o := once(t, s, trace.Identity{Vantage: "here", User: "u1"}, "/")
	if header(o, "X-Ratelimit-Limit") != "1000" || header(o, "X-Quota-For") != secret.Redacted {
		t.Errorf("kept %v", o.Headers)
	}
	if want := trace.Text("[redacted] may have [redacted]!"); o.Body.Text != want {
		t.Errorf("kept %q, want %q", o.Body.Text, want)
	}
}
