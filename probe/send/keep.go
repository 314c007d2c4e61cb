package send

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"apisonde/probe/secret"
	"apisonde/probe/trace"
)

// Bounds on what is kept of a response.
const (
	textSource = 2 << 10  // of a refusal's body, read before redaction
	maxText    = 512      // of a refusal's body, kept
	maxHeaders = 64       // header lines
	maxValue   = 1 << 10  // of one header's value; a longer one is no figure
	maxKept    = 16 << 10 // of all header lines together
	maxInterns = 4096     // strings that are shared between observations
	maxBodies  = 64       // refusals' texts that are
)

// patterns are what names of headers about limits contain.
var patterns = []string{
	"ratelimit", "rate-limit", "rate_limit", "limit", "quota", "retry", "remaining",
	"reset", "throttle", "usage", "credits", "used", "requests-left", "concurrent", "bucket",
	"order-count", "token-count", "replenish", "backoff", "error-type", "errortype", "error-code", "kubernetes-pf", "used-weight",
	"qps-", "units", "available", "allowed", "overloaded", "complexity", "request-charge", "drip-rate",
}

// others are kept by name: they date an answer, tell which machine or cache
// gave it, or name a refusal.
var others = map[string]bool{
	"date": true, "server": true, "via": true, "age": true, "content-type": true, "content-encoding": true, "etag": true,
	"cache-control": true, "location": true, "x-cache": true,
	"cf-ray": true, "www-authenticate": true,
}

// keeper decides what of a response is kept, and makes it safe to store. It is
// safe for concurrent use.
type keeper struct {
	redactor *secret.Redactor

	mu    sync.Mutex
	names map[string]trace.Text // by received name; "" is one that is not kept
	texts map[string]trace.Text // by name and received value
	pages map[string]trace.Text // by the start of a received body
}

func newKeeper(r *secret.Redactor) *keeper {
	return &keeper{redactor: r, names: map[string]trace.Text{}, texts: map[string]trace.Text{}, pages: map[string]trace.Text{}}
}

// headers returns the lines that are kept, in the order of their names; lines
// of one name stay in the order received.
func (k *keeper) headers(h http.Header) []trace.Header {
	if len(h) == 0 {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	kept := make([]string, 0, 8)
	for name := range h {
		if k.name(name) != "" {
			kept = append(kept, name)
		}
	}
	slices.Sort(kept)
	var out []trace.Header
	size := 0
	for _, name := range kept {
		for _, v := range h[name] {
			if len(v) > maxValue || len(out) == maxHeaders {
				continue
			}
			t := k.value(name, v)
			if size += len(name) + len(t); size > maxKept {
				return out
			}
			out = append(out, trace.Header{Name: k.name(name), Value: t})
		}
	}
	return out
}

// name is the name to store a header under, "" for one that is not kept.
func (k *keeper) name(name string) trace.Text {
	if t, ok := k.names[name]; ok {
		return t
	}
	t := trace.Text("")
	if wanted(name) {
		t = trace.Clean(k.redactor.Field(name))
	}
	if len(k.names) < maxInterns {
		k.names[name] = t
	}
	return t
}

func wanted(name string) bool {
	low := strings.ToLower(name)
	if len(name) > 128 || strings.Contains(low, "cookie") {
		return false
	}
	return others[low] || slices.ContainsFunc(patterns, func(p string) bool { return strings.Contains(low, p) })
}

// value is what is stored of a header's value. Repeated values share their
// memory: a run has many answers and few different ones.
func (k *keeper) value(name, v string) trace.Text {
	key := v
	special := name == "Location" || name == "Www-Authenticate"
	if special {
		key = name + "\x00" + v
	}
	if t, ok := k.texts[key]; ok {
		return t
	}
	s := v
	switch name {
	case "Location":
		s = place(v)
	case "Www-Authenticate":
		s, _, _ = strings.Cut(strings.TrimSpace(v), " ")
	}
	t := trace.Clean(k.redactor.Field(s))
	if len(k.texts) == maxInterns {
		clear(k.texts)
	}
	k.texts[key] = t
	return t
}

// place is a redirect's destination without user information, parameters and
// fragment: what they hold is not ours to keep.
func place(location string) string {
	u, err := url.Parse(location)
	if err != nil {
		return "(not a URL)"
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if u.RawQuery != "" {
		u.RawQuery = "..."
	}
	return u.String()
}

// shortBody is how long a refusal with 200 can be that has no member called error,
// in bytes; what is longer are data.
const shortBody = 1 << 10

// signs are what the codes and messages of such refusals contain, in lower case.
var signs = [...]string{"limit", "throttl", "too many", "too_many", "toomany", "quota", "frequen", "backoff", "retcode", "exhausted", `"code"`}

// complains is whether the body of a success may say that it is none: some
// services refuse with 200 and an error in JSON.
func complains(body []byte) bool {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || (body[0] != '{' && body[0] != '[') {
		return false
	}
	if bytes.Contains(body, []byte(`"err`)) {
		return true
	}
	if len(body) > shortBody {
		return false
	}
	low := strings.ToLower(string(body))
	return slices.ContainsFunc(signs[:], func(s string) bool { return strings.Contains(low, s) })
}

// text is what is stored of a refusal's body. A limiter says the same thing
// every time, so the work is done once.
func (k *keeper) text(body []byte) trace.Text {
	if len(body) == 0 {
		return ""
	}
	k.mu.Lock()
	t, ok := k.pages[string(body)]
	k.mu.Unlock()
	if ok {
		return t
	}
	t = k.show(body)
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.pages) == maxBodies {
		clear(k.pages)
	}
	k.pages[string(body)] = t
	return t
}

func (k *keeper) show(body []byte) trace.Text {
	s := string(trace.Clean(k.redactor.Text(string(body))))
	if len(s) > maxText {
		cut := maxText
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut]
	}
	return trace.Text(s)
}
