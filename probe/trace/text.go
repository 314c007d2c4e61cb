package trace

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is text from a server (or a file) that is safe to show: it holds no
// control, bidirectional or zero-width character and no invalid UTF-8. Screens
// and reports take only this type; Clean is the one way to make it.
type Text string

// Clean makes server text safe to show. Printable text passes unchanged, so
// headers still parse; every other rune becomes a visible escape.
func Clean(s string) Text {
	if isClean(s) {
		return Text(s)
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\t':
			b.WriteByte(' ')
		case !shown(r):
			fmt.Fprintf(&b, `\u{%x}`, r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return Text(b.String())
}

func isClean(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !shown(r) {
			return false
		}
	}
	return true
}

// shown tells the runes that neither move the cursor nor reorder or hide text.
func shown(r rune) bool {
	return unicode.IsPrint(r) && !unicode.Is(unicode.Cf, r)
}
