package lab

import (
	"encoding/base64"
	"net/http"
	"net/netip"
	"strings"

	"apisonde/probe/lab/limit"
)

// caller reads out of r whom it comes from. Conn is left at zero.
func caller(r *http.Request, owners map[string]string) limit.Request {
	c := limit.Request{
		IP:        address(r.RemoteAddr),
		Key:       key(r),
		User:      r.Header.Get("X-User"),
		Forwarded: forwarded(r.Header),
		Route:     r.URL.Path,
	}
	if c.User == "" {
		c.User = owners[c.Key]
	}
	return c
}

// address is the IP address of a host and port; text that is none stays.
func address(remote string) string {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	return ap.Addr().Unmap().String()
}

// key is the API key in the first of the places where one may be.
func key(r *http.Request) string {
	if v := r.Header.Get("X-Api-Key"); v != "" {
		return v
	}
	if v := r.Header.Get("Authorization"); v != "" {
		return credentials(v)
	}
	if v := r.URL.Query().Get("api_key"); v != "" {
		return v
	}
	if c, err := r.Cookie("api_key"); err == nil {
		return c.Value
	}
	return ""
}

// credentials is what an Authorization header holds beside its scheme; of
// basic ones the user and password, or whichever of them is there.
func credentials(authorization string) string {
	scheme, value, ok := strings.Cut(authorization, " ")
	if !ok {
		return authorization
	}
	value = strings.TrimSpace(value)
	if !strings.EqualFold(scheme, "Basic") {
		return value
	}
	plain, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return value
	}
	return strings.Trim(string(plain), ":")
}

// forwarded is the first address of X-Forwarded-For: the client's, as claimed.
func forwarded(h http.Header) string {
	first, _, _ := strings.Cut(h.Get("X-Forwarded-For"), ",")
	return strings.TrimSpace(first)
}
