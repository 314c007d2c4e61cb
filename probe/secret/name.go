package secret

import "strings"

// Named tells whether a header, query parameter or cookie of that name usually
// carries a credential. It errs on the side of secrecy.
func Named(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "sig", "sid", "pwd", "pass", "bearer":
		return true
	}
	squeezed := strings.NewReplacer("-", "", "_", "", ".", "").Replace(name)
	for _, part := range []string{"authoriz", "authent", "oauth", "token", "secret", "password", "passwd", "cookie",
		"credential", "session", "signature", "jwt", "csrf", "xsrf"} {
		if strings.Contains(squeezed, part) {
			return true
		}
	}
	// Names of authors and keywords are no secrets.
	return strings.HasSuffix(squeezed, "key") || strings.HasSuffix(squeezed, "auth") || strings.HasSuffix(squeezed, "keyid")
}
