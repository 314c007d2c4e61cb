package importer

import (
	"fmt"
	"strings"

	"apisonde/probe/secret"
)

// Request is a request as it was found: what to ask, not under whose name.
type Request struct {
	Method  string
	URL     string // absolute, without user information
	Headers []Header
	Body    []byte // nil: none
}

// Header is one request header line. Where Secret is set, Value is a credential:
// it may go to the target and nowhere else. Printing the header shows its name.
type Header struct {
	Name   string
	Value  string
	Secret bool
}

// String hides the value of a credential.
func (h Header) String() string {
	if h.Secret {
		return h.Name + ": (secret)"
	}
	return h.Name + ": " + h.Value
}

// Format hides the value of a credential from every verb, %#v included.
func (h Header) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(h.String())) }

func (r *Request) add(name, value string) {
	r.Headers = append(r.Headers, Header{name, value, secret.Named(name)})
}

func (r *Request) has(name string) bool {
	for _, h := range r.Headers {
		if strings.EqualFold(h.Name, name) {
			return true
		}
	}
	return false
}

// ValidHeaderName tells whether name is a token of RFC 9110.
func ValidHeaderName(name string) bool {
	for _, c := range []byte(name) {
		alphanumeric := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !alphanumeric && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return name != ""
}

// ValidHeaderValue tells whether value can stand in a header: no control
// character but the tab.
func ValidHeaderValue(value string) bool {
	for _, c := range []byte(value) {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
