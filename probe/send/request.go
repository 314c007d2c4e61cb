package send

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"apisonde/probe/secret"
	"apisonde/probe/trace"
)

// Request is the shape of every request of a run. Identities and routes vary it.
type Request struct {
	Method  string      // "" is GET
	URL     *url.URL    // the baseline: origin, path and query of the first route
	Headers http.Header // sent as they are; values may be secret
	Body    []byte
	KeyIn   Place  // the zero Place is DefaultKeyPlace
	UserIn  Place  // the zero Place is DefaultUserPlace
	Contact string // stands in the User-Agent; "" for none
}

// check refuses what cannot be sent, without repeating a value.
func (r Request) check() error {
	switch {
	case r.URL == nil:
		return errors.New("no URL to send to")
	case r.URL.Scheme != "http" && r.URL.Scheme != "https":
		return fmt.Errorf("the URL's scheme is %q: only http and https can be probed", r.URL.Scheme)
	case r.URL.Hostname() == "":
		return errors.New("the URL names no host")
	case r.Method != "" && !token.MatchString(r.Method):
		return fmt.Errorf("%q is not a method", r.Method)
	case r.KeyIn.clashes(r.UserIn):
		return fmt.Errorf("key and user would both travel in %s: give one of them another place", r.KeyIn)
	}
	for name, values := range r.Headers {
		if err := settable(name); err != nil {
			return err
		}
		for _, v := range values {
			if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return fmt.Errorf("the value of header %s holds a control character", http.CanonicalHeaderKey(name))
			}
		}
	}
	return nil
}

// target is the URL of a route: the baseline's own for its path, request URI or
// whole URL, otherwise the path (and query) of the same origin.
func (r Request) target(route string) (*url.URL, error) {
	u := *r.URL
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if route == "" || route == u.Path || route == u.RequestURI() || route == "/" && u.Path == "" || route == Public(&u) {
		return &u, nil
	}
	if !strings.HasPrefix(route, "/") || strings.HasPrefix(route, "//") {
		return nil, fmt.Errorf("route %q does not begin with a single /", route)
	}
	rel, err := url.ParseRequestURI(route)
	if err != nil {
		return nil, fmt.Errorf("route %q is not a path", route)
	}
	u.Path, u.RawPath, u.RawQuery = rel.Path, rel.RawPath, rel.RawQuery
	return &u, nil
}

// build makes the request of an identity on a route. Its header map is shared
// by all sends and never changes.
func (s *Sender) build(id trace.Identity, route string) (*http.Request, error) {
	u, err := s.cfg.Request.target(route)
	if err != nil {
		return nil, err
	}
	agent := "apisonde/" + s.cfg.Version
	if c := s.cfg.Request.Contact; c != "" {
		agent += " (+" + c + ")"
	}
	h := http.Header{"User-Agent": {agent}}
	for name, values := range s.cfg.Request.Headers {
		h[http.CanonicalHeaderKey(name)] = values
	}
	host := u.Host
	if v := h.Get("Host"); v != "" {
		host = v
		h.Del("Host")
	}
	if user := s.cfg.Request.URL.User; user != nil && h.Get("Authorization") == "" {
		pass, _ := user.Password()
		Place{kind: inBasic, name: "Authorization"}.put(secret.New(user.Username()+":"+pass), h, u)
	}
	if id.Key != "" {
		v, ok := s.cfg.Keys[id.Key]
		if !ok {
			return nil, fmt.Errorf("no key is named %q", id.Key)
		}
		s.cfg.Request.KeyIn.put(v, h, u)
	}
	if id.User != "" {
		v, ok := s.cfg.Users[id.User]
		if !ok {
			return nil, fmt.Errorf("no user is named %q", id.User)
		}
		s.cfg.Request.UserIn.put(v, h, u)
	}
	if id.Forwarded != "" {
		addr := id.Forwarded
		if a, ok := s.cfg.Forwarded[id.Forwarded]; ok {
			addr = a
		}
		h.Set("X-Forwarded-For", addr)
	}
	return &http.Request{
		Method: s.cfg.Request.Method, URL: u, Host: host, Header: h,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// secrets lists every credential that a request may carry.
func (c Config) secrets() []secret.Value {
	var out []secret.Value
	for _, v := range c.Keys {
		out = append(out, v)
	}
	for _, v := range c.Users {
		out = append(out, v)
	}
	for _, v := range c.Vantages {
		if v.Proxy != nil {
			out = append(out, v.Proxy.secret())
		}
	}
	for name, values := range c.Request.Headers {
		if !secret.Named(name) {
			continue
		}
		for _, v := range values {
			// The scheme before a credential is no secret and would redact
			// every challenge that names it.
			if _, cred, ok := strings.Cut(v, " "); ok && strings.EqualFold(name, "Authorization") {
				v = cred
			}
			out = append(out, secret.New(v))
		}
	}
	out = append(out, bodySecrets(c.Request.Body)...)
	if pass, ok := c.Request.URL.User.Password(); ok {
		out = append(out, secret.New(pass))
	}
	for name, values := range c.Request.URL.Query() {
		if secret.Named(name) {
			for _, v := range values {
				out = append(out, secret.New(v))
			}
		}
	}
	return out
}

// Public is a URL fit for a trace or a screen: without user information and
// fragment, and with the values of parameters that may be credentials replaced.
func Public(u *url.URL) string {
	v := *u
	v.User, v.Fragment, v.RawFragment = nil, "", ""
	parts := strings.Split(v.RawQuery, "&")
	for i, p := range parts {
		name, _, ok := strings.Cut(p, "=")
		if plain, err := url.QueryUnescape(name); ok && (err != nil || secret.Named(plain)) {
			parts[i] = name + "=" + secret.Redacted
		}
	}
	v.RawQuery = strings.Join(parts, "&")
	return v.String()
}
