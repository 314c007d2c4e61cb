package send

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"apisonde/probe/secret"
)

// Place is where a credential travels in a request. The zero Place is nowhere.
type Place struct {
	kind     placeKind
	name     string // of the header, query parameter or cookie
	template string // of the header's value, with {} for the credential
}

type placeKind int

const (
	nowhere placeKind = iota
	inHeader
	inBasic
	inQuery
	inCookie
)

// The places that are used where nothing else was asked for.
var (
	DefaultKeyPlace  = Place{kind: inHeader, name: "X-Api-Key", template: "{}"}
	DefaultUserPlace = Place{kind: inHeader, name: "X-User", template: "{}"}
)

// token is the grammar of header, cookie and (here) parameter names.
var token = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// ParsePlace reads header:NAME, header:NAME: TEMPLATE with {}, bearer, basic,
// query:NAME or cookie:NAME.
func ParsePlace(s string) (Place, error) {
	kind, rest, _ := strings.Cut(s, ":")
	name := strings.TrimSpace(rest)
	switch kind {
	case "bearer":
		if rest == "" {
			return Place{inHeader, "Authorization", "Bearer {}"}, nil
		}
	case "basic":
		if rest == "" {
			return Place{kind: inBasic, name: "Authorization"}, nil
		}
	case "header":
		name, template, found := strings.Cut(rest, ":")
		name, template = strings.TrimSpace(name), strings.TrimSpace(template)
		if !found {
			template = "{}"
		}
		if err := settable(name); err != nil {
			return Place{}, err
		}
		if !strings.Contains(template, "{}") {
			return Place{}, fmt.Errorf("the template of header %s has no {} for the credential", name)
		}
		if strings.ContainsFunc(template, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return Place{}, fmt.Errorf("the template of header %s holds a control character", name)
		}
		return Place{inHeader, http.CanonicalHeaderKey(name), template}, nil
	case "query":
		if name != "" {
			return Place{kind: inQuery, name: name}, nil
		}
	case "cookie":
		if token.MatchString(name) {
			return Place{kind: inCookie, name: name}, nil
		}
	}
	return Place{}, fmt.Errorf("%q is no place for a credential: use header:NAME, header:NAME: TEMPLATE with {}, bearer, basic, query:NAME or cookie:NAME", s)
}

// String is what ParsePlace reads.
func (p Place) String() string {
	switch p.kind {
	case inHeader:
		if p.name == "Authorization" && p.template == "Bearer {}" {
			return "bearer"
		}
		if p.template == "{}" {
			return "header:" + p.name
		}
		return "header:" + p.name + ": " + p.template
	case inBasic:
		return "basic"
	case inQuery:
		return "query:" + p.name
	case inCookie:
		return "cookie:" + p.name
	}
	return "nowhere"
}

// put places a credential into a request under construction.
func (p Place) put(v secret.Value, h http.Header, u *url.URL) {
	text := v.Reveal()
	switch p.kind {
	case inHeader:
		h.Set(p.name, strings.ReplaceAll(p.template, "{}", text))
	case inBasic:
		h.Set(p.name, "Basic "+base64.StdEncoding.EncodeToString([]byte(basicPair(text))))
	case inQuery:
		u.RawQuery = strings.TrimPrefix(u.RawQuery+"&"+url.QueryEscape(p.name)+"="+url.QueryEscape(text), "&")
	case inCookie:
		pair := p.name + "=" + text
		if old := h.Get("Cookie"); old != "" {
			pair = old + "; " + pair
		}
		h.Set("Cookie", pair)
	}
}

// basicPair is user:password; a credential without a colon is a user without a
// password, which is how keys travel in basic authentication.
func basicPair(text string) string {
	if strings.Contains(text, ":") {
		return text
	}
	return text + ":"
}

// clashes tells whether two credentials would overwrite each other.
func (p Place) clashes(q Place) bool {
	header := func(x Place) bool { return x.kind == inHeader || x.kind == inBasic }
	if header(p) && header(q) {
		return strings.EqualFold(p.name, q.name)
	}
	return p.kind != nowhere && p.kind == q.kind && p.name == q.name
}

// ownHeaders belong to the connection or to the sender.
var ownHeaders = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Transfer-Encoding": true,
	"Content-Length": true, "Te": true, "Trailer": true, "Upgrade": true, "Expect": true,
}

// settable refuses names that are no header or that the sender sets itself.
func settable(name string) error {
	if !token.MatchString(name) {
		return fmt.Errorf("%q is not the name of a header", name)
	}
	if ownHeaders[http.CanonicalHeaderKey(name)] {
		return fmt.Errorf("header %s is set by the connection itself: leave it out", http.CanonicalHeaderKey(name))
	}
	return nil
}
