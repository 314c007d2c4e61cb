package send

import (
	"encoding/json"
	"net/url"
	"strings"
	"unicode"

	"apisonde/probe/secret"
)

// bodySecrets lists what in a request's body may be a credential: the values of
// fields named like one, in JSON and in forms, and words that look made up by a
// machine. A server that repeats the request in an error repeats them too.
func bodySecrets(body []byte) []secret.Value {
	if len(body) == 0 {
		return nil
	}
	var out []secret.Value
	var doc any
	if json.Unmarshal(body, &doc) == nil {
		namedIn(doc, false, &out)
	} else if form, err := url.ParseQuery(string(body)); err == nil {
		for name, values := range form {
			if !secret.Named(name) {
				continue
			}
			for _, v := range values {
				out = append(out, secret.New(v))
			}
		}
	}
	for _, w := range strings.FieldsFunc(string(body), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.+=~", r)
	}) {
		if madeUp(w) {
			out = append(out, secret.New(w))
		}
	}
	return out
}

// namedIn lists the strings and numbers below fields that are named like
// credentials.
func namedIn(v any, named bool, out *[]secret.Value) {
	switch v := v.(type) {
	case map[string]any:
		for name, e := range v {
			namedIn(e, named || secret.Named(name), out)
		}
	case []any:
		for _, e := range v {
			namedIn(e, named, out)
		}
	case string:
		if named {
			*out = append(*out, secret.New(v))
		}
	}
}

// madeUp tells words that no person writes: long, with letters and digits mixed.
func madeUp(w string) bool {
	return len(w) >= 16 && strings.ContainsFunc(w, unicode.IsLetter) && strings.ContainsFunc(w, unicode.IsDigit)
}
