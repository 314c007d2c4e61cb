package cli

import (
	"net/url"
	"slices"
	"strings"

	"apisonde/probe/importer"
	"apisonde/probe/secret"
	"apisonde/probe/send"
)

// parseTarget reads the URL to assess. Errors do not repeat it: it may hold a
// credential.
func parseTarget(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Opaque != "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, usagef("the target is not an absolute http:// or https:// URL")
	}
	if u.User != nil {
		return nil, usagef("the URL carries credentials; leave them out and give them with --key REF --key-in basic")
	}
	if err := plainQuery("the URL", u); err != nil {
		return nil, err
	}
	u.Fragment, u.RawFragment = "", ""
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

// readEgressCheck reads the URL of --egress-check, which outputs show; nil is none.
func readEgressCheck(raw string) (*url.URL, error) {
	if raw == "" {
		return nil, nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Opaque != "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, usagef("--egress-check takes an absolute http:// or https:// URL without credentials")
	}
	if err := plainQuery("--egress-check", u); err != nil {
		return nil, err
	}
	u.Fragment, u.RawFragment = "", ""
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

// plainQuery refuses a query parameter that looks like a credential: what it
// stands in is written to the trace and the report.
func plainQuery(what string, u *url.URL) error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return usagef("%s has a query that cannot be parsed", what)
	}
	for name := range query {
		if secret.Named(name) {
			return usagef("%s has the query parameter %q, which looks like a credential; leave it out and give it with --key REF --key-in query:%s", what, name, name)
		}
	}
	return nil
}

// parseRoutes lists the baseline, which is the target's own path, and the further
// paths of --route.
func parseRoutes(target *url.URL, values []string) ([]string, error) {
	routes := []string{target.RequestURI()}
	for i, v := range values {
		u, err := url.Parse(v)
		if err != nil || !strings.HasPrefix(v, "/") || u.Host != "" || u.Fragment != "" || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return nil, usagef("--route, value %d: it is not a path of the target, which begins with /", i+1)
		}
		if err := plainQuery("the route", u); err != nil {
			return nil, err
		}
		route := u.RequestURI()
		if slices.Contains(routes, route) {
			return nil, usagef("--route, value %d: %s is probed already", i+1, route)
		}
		routes = append(routes, route)
	}
	return routes, nil
}

// parseHeaders reads the values of -H.
func parseHeaders(values []string) ([]importer.Header, error) {
	var out []importer.Header
	for i, v := range values {
		name, value, found := strings.Cut(v, ":")
		value = strings.TrimSpace(value)
		if !found || !importer.ValidHeaderName(name) || !importer.ValidHeaderValue(value) {
			return nil, usagef("--header, value %d: it is not of the form 'NAME: VALUE'", i+1)
		}
		out = append(out, importer.Header{Name: name, Value: value, Secret: secret.Named(name)})
	}
	return out, nil
}

// setHeaders puts the headers of -H over those found in a curl command. One that
// would stand twice is refused: which of the two the server heeds cannot be known.
// send.New refuses those that belong to the connection.
func setHeaders(r *send.Request, found, given []importer.Header) error {
	stands := func(name string) bool { return r.Headers.Values(name) != nil }
	for _, h := range given {
		if stands(h.Name) {
			return usagef("--header: %s is given twice", h.Name)
		}
		r.Headers.Set(h.Name, h.Value)
	}
	for _, h := range found {
		switch {
		case slices.ContainsFunc(given, func(g importer.Header) bool { return strings.EqualFold(g.Name, h.Name) }):
			continue
		case stands(h.Name):
			return usagef("--from-curl: the header %s stands twice", h.Name)
		}
		r.Headers.Set(h.Name, h.Value)
	}
	return nil
}

// parseMethod reads the method; a body makes it POST where none is given.
func parseMethod(value string, body bool) (string, error) {
	switch method := strings.ToUpper(value); {
	case value == "" && body:
		return "POST", nil
	case value == "":
		return "GET", nil
	case strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "", method == "CONNECT", method == "TRACE":
		return "", usagef("--method: it is not a method that can be repeated as a request")
	default:
		return method, nil
	}
}

// safeMethod tells whether repeating the method is free of side effects by
// RFC 9110 and by common practice.
func safeMethod(method string) bool { return method == "GET" || method == "HEAD" }
