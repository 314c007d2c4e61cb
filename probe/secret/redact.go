package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"
)

// Redacted stands where a credential stood.
const Redacted = "[redacted]"

// gram is the length of the fragments that a Redactor looks for. Every run of
// this many bytes of a credential, in any case and any of the encodings below,
// is taken out: servers echo keys cut, masked in the middle or upper-cased.
const gram = 8

// Redactor removes known credentials from text that comes back. It never
// changes after NewRedactor, so it is safe for concurrent use. The nil
// Redactor changes nothing.
type Redactor struct {
	grams  map[string]bool // lower-case fragments of gram bytes
	tokens map[string]bool // lower-case credentials too short for a fragment
	short  []int           // distinct lengths of tokens, longest first
}

// NewRedactor returns a Redactor for the given credentials. One shorter than
// eight bytes is taken out only where it stands as a word of its own.
func NewRedactor(values ...Value) *Redactor {
	r := &Redactor{grams: map[string]bool{}, tokens: map[string]bool{}}
	for _, v := range values {
		text := v.Reveal()
		if text == "" {
			continue
		}
		for _, form := range forms(text) {
			r.add(lower(form))
		}
	}
	for t := range r.tokens {
		if !slices.Contains(r.short, len(t)) {
			r.short = append(r.short, len(t))
		}
	}
	slices.Sort(r.short)
	slices.Reverse(r.short)
	return r
}

func (r *Redactor) add(form string) {
	if len(form) < gram {
		r.tokens[form] = true
		return
	}
	for i := 0; i+gram <= len(form); i++ {
		r.grams[form[i:i+gram]] = true
	}
}

// forms lists the spellings of a credential that come back from servers.
func forms(s string) []string {
	out := []string{s, url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s), hex.EncodeToString([]byte(s))}
	if j, err := json.Marshal(s); err == nil {
		out = append(out, strings.Trim(string(j), `"`))
	}
	out = append(out, strings.ReplaceAll(s, "/", `\/`), percentAll(s))
	// In base64 of a longer text (user:key, a whole header) the letters depend
	// on where the credential starts, modulo three; the first and last group
	// mix with its neighbours and are left out.
	for shift := range 3 {
		padded := append(make([]byte, shift), s...)
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			e := enc.EncodeToString(padded)
			lo, hi := 0, len(e)
			if shift > 0 {
				lo = 4
			}
			if len(padded)%3 != 0 {
				hi = len(padded) / 3 * 4
			}
			if hi-lo >= gram {
				out = append(out, e[lo:hi])
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// percentAll escapes every byte, as some gateways do.
func percentAll(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteByte('%')
		b.WriteString(hex.EncodeToString([]byte{c}))
	}
	return b.String()
}

// Text returns s with every trace of a known credential replaced by Redacted.
func (r *Redactor) Text(s string) string { return r.clean(s, false) }

// Field is Text for the value of a header that carries figures: a credential
// of fewer than eight digits, which nothing tells from a figure, stays.
func (r *Redactor) Field(s string) string { return r.clean(s, true) }

func (r *Redactor) clean(s string, figures bool) string {
	if r == nil || len(r.grams) == 0 && len(r.tokens) == 0 {
		return s
	}
	low := lower(s)
	var spans [][2]int
	if len(r.grams) > 0 {
		for i := 0; i+gram <= len(low); i++ {
			if r.grams[low[i:i+gram]] {
				spans = append(spans, [2]int{i, i + gram})
			}
		}
	}
	for _, n := range r.short {
		for i := 0; i+n <= len(low); i++ {
			word := low[i : i+n]
			if r.tokens[word] && isWord(low, i, i+n) && !(figures && digits(word)) {
				spans = append(spans, [2]int{i, i + n})
			}
		}
	}
	if len(spans) == 0 {
		return s
	}
	slices.SortFunc(spans, func(a, b [2]int) int { return a[0] - b[0] })
	var out strings.Builder
	at := 0
	for i := 0; i < len(spans); {
		lo, hi := spans[i][0], spans[i][1]
		for i++; i < len(spans) && spans[i][0] <= hi; i++ {
			hi = max(hi, spans[i][1])
		}
		out.WriteString(s[at:lo])
		out.WriteString(Redacted)
		at = hi
	}
	out.WriteString(s[at:])
	return out.String()
}

// lower folds ASCII only, so that the offsets of what it returns are those of s.
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// isWord tells whether s[i:j] touches no letter or digit on either side.
func isWord(s string, i, j int) bool {
	return (i == 0 || !alnum(s[i-1])) && (j == len(s) || !alnum(s[j]))
}

func alnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || c == '_'
}

func digits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}
