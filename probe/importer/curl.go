// Package importer turns what people already have into targets: for now curl
// command lines, as terminals and browsers give them.
package importer

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Curl reads a curl command line, without running anything, into the request that
// curl would send. Options that only change what curl prints are accepted; one
// that would change the request, or how it travels, in a way that is not carried
// over is an error that names it. Credentials are kept apart (see Header.Secret)
// and no error repeats a value.
func Curl(text string) (Request, error) {
	r, err := curl(text)
	if err != nil {
		return Request{}, fmt.Errorf("read curl command: %w", err)
	}
	return r, nil
}

func curl(text string) (Request, error) {
	list, err := words(text)
	if err != nil {
		return Request{}, err
	}
	if len(list) > 0 && list[0] == "$" { // a prompt copied along
		list = list[1:]
	}
	if len(list) == 0 || (list[0] != "curl" && list[0] != "curl.exe" && !strings.HasSuffix(list[0], "/curl")) {
		return Request{}, fmt.Errorf("it does not begin with curl")
	}
	var c command
	for args := list[1:]; len(args) > 0; {
		used, err := c.take(args)
		if err != nil {
			return Request{}, err
		}
		args = args[used:]
	}
	return c.request()
}

// command is what the options add up to.
type command struct {
	plain   bool // after "--": everything is a URL
	urls    []string
	method  string
	head    bool
	get     bool
	headers []string // as written
	auth    string   // value of Authorization, from -u or --oauth2-bearer
	cookies []string
	agent   string
	referer string
	data    []string // joined by &
	json    string
	isJSON  bool
}

// take consumes the option or URL at the head of args and says how many words it
// took.
func (c *command) take(args []string) (int, error) {
	arg := args[0]
	switch {
	case c.plain || arg == "" || arg[0] != '-':
		c.urls = append(c.urls, arg)
		return 1, nil
	case arg == "-":
		return 0, fmt.Errorf("a lone dash is not an option of curl")
	case arg == "--":
		c.plain = true
		return 1, nil
	case strings.HasPrefix(arg, "--"):
		return c.long(args)
	}
	return c.cluster(args)
}

func (c *command) long(args []string) (int, error) {
	o, ok := longOptions[args[0]]
	if !ok {
		return 0, fmt.Errorf("option %s is not supported", shownOption(args[0]))
	}
	if o.value == nil {
		return 1, o.apply(c, args[0])
	}
	if len(args) < 2 {
		return 0, fmt.Errorf("option %s needs a value", args[0])
	}
	if err := o.value(c, args[1]); err != nil {
		return 0, fmt.Errorf("option %s: %w", args[0], err)
	}
	return 2, nil
}

// cluster reads short options, which may stand together and end in a value: -sSXPOST.
func (c *command) cluster(args []string) (int, error) {
	letters := args[0][1:]
	for i := range letters {
		name := "-" + letters[i:i+1]
		o, ok := shortOptions[name]
		if !ok {
			return 0, fmt.Errorf("option %s is not supported", shownOption(name))
		}
		if o.value == nil {
			if err := o.apply(c, name); err != nil {
				return 0, err
			}
			continue
		}
		value, used := letters[i+1:], 1
		if value == "" {
			if len(args) < 2 {
				return 0, fmt.Errorf("option %s needs a value", name)
			}
			value, used = args[1], 2
		}
		if err := o.value(c, value); err != nil {
			return 0, fmt.Errorf("option %s: %w", name, err)
		}
		return used, nil
	}
	return 1, nil
}

// shownOption is an option's name as it may stand in an error.
func shownOption(name string) string {
	name, _, _ = strings.Cut(name, "=")
	if len(name) > 32 {
		name = name[:32] + "…"
	}
	return fmt.Sprintf("%q", name)
}

func (c *command) request() (Request, error) {
	r := Request{Method: http.MethodGet}
	u, err := c.target()
	if err != nil {
		return Request{}, err
	}
	if err := c.addHeaders(&r); err != nil {
		return Request{}, err
	}
	if u.User != nil {
		if r.has("Authorization") {
			return Request{}, fmt.Errorf("credentials are given twice, in the URL and beside it")
		}
		password, _ := u.User.Password()
		r.add("Authorization", basic(u.User.Username()+":"+password))
		u.User = nil
	}
	if err := c.addBody(&r, u); err != nil {
		return Request{}, err
	}
	if c.head {
		r.Method = http.MethodHead
	}
	if c.method != "" {
		r.Method = c.method
	}
	r.URL = u.String()
	return r, nil
}

// target parses the one URL; curl takes one without a scheme for http.
func (c *command) target() (*url.URL, error) {
	if len(c.urls) != 1 {
		return nil, fmt.Errorf("it names %d URLs; one is needed", len(c.urls))
	}
	text := c.urls[0]
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("its URL is not an absolute http or https URL")
	}
	if strings.ContainsAny(u.Path+u.RawQuery, "{}[]") {
		return nil, fmt.Errorf("its URL holds { } or [ ], which curl expands to several; give one URL")
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

func (c *command) addHeaders(r *Request) error {
	dropped := map[string]bool{}
	for _, h := range c.headers {
		name, value, found := strings.Cut(h, ":")
		value = strings.TrimSpace(value)
		if !found { // "Name;" sends an empty header
			name, found = strings.CutSuffix(name, ";")
		} else if value == "" { // "Name:" withholds one of curl's own
			dropped[http.CanonicalHeaderKey(name)] = true
			if !ValidHeaderName(name) {
				return fmt.Errorf("a header's name is not valid")
			}
			continue
		}
		if !found || !ValidHeaderName(name) || !ValidHeaderValue(value) {
			return fmt.Errorf("a header is not of the form NAME: VALUE")
		}
		r.add(name, value)
	}
	for _, own := range []struct{ name, value string }{
		{"Authorization", c.auth}, {"Cookie", strings.Join(c.cookies, "; ")},
		{"User-Agent", c.agent}, {"Referer", c.referer},
	} {
		if own.value == "" || dropped[own.name] || r.has(own.name) {
			continue // -H overrides what the other options ask for
		}
		if !ValidHeaderValue(own.value) {
			return fmt.Errorf("the value for %s cannot stand in a header", own.name)
		}
		r.add(own.name, own.value)
	}
	if c.isJSON && !r.has("Accept") && !dropped["Accept"] {
		r.add("Accept", "application/json")
	}
	if r.has("Content-Type") || dropped["Content-Type"] || c.get {
		return nil
	}
	switch {
	case c.isJSON:
		r.add("Content-Type", "application/json")
	case c.data != nil:
		r.add("Content-Type", "application/x-www-form-urlencoded")
	}
	return nil
}

func (c *command) addBody(r *Request, u *url.URL) error {
	if c.isJSON && c.data != nil {
		return fmt.Errorf("--json and -d exclude each other")
	}
	body, given := strings.Join(c.data, "&"), c.data != nil
	if c.isJSON {
		body, given = c.json, true
	}
	switch {
	case !given:
	case c.get:
		u.RawQuery = strings.Trim(u.RawQuery+"&"+body, "&")
		// Neither may a control character stand in one, nor what begins a fragment.
		again, err := url.Parse(u.String())
		if _, bad := url.ParseQuery(u.RawQuery); bad != nil || err != nil || again.RawQuery != u.RawQuery {
			return fmt.Errorf("-G: the data is not a valid query")
		}
	case c.head:
		return fmt.Errorf("-I and data exclude each other")
	default:
		r.Method, r.Body = http.MethodPost, []byte(body)
	}
	return nil
}

func basic(userinfo string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(userinfo))
}
