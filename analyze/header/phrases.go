package header

import (
	"net/netip"
	"strings"
	"time"
)

// waitPhrases stand before a wait in the messages of people.
var waitPhrases = [...]string{"again in ", "again after ", "retry in ", "retry after ", "retry-after: ", "retry_after ", "available in ",
	"resets in ", "reset in ", "please wait ", "wait for ", "wait at least ", "wait another ", "retrying in ", "retried in ", "retried after ",
	"until ", "resets at ", "reset at ", "expire in ", "expires in "}

// fillers may stand between such a phrase and its number.
var fillers = [...]string{"about ", "approximately ", "approx ", "another ", "at least ", "~", "around ", "for ", "the next "}

// phraseWaits finds waits in a message: "try again in 20s", "expected available
// in 26 seconds", "banned until 1767323165000".
func (f *facts) phraseWaits(lower string) {
	for _, phrase := range waitPhrases {
		for rest := lower; ; {
			_, after, found := strings.Cut(rest, phrase)
			if !found || len(f.waits) >= maxMembers {
				break
			}
			rest = after
			for _, filler := range fillers {
				after = strings.TrimPrefix(after, filler)
			}
			if text := lengthOrDate(after); text != "" {
				f.wait(text, time.Second)
			}
		}
	}
}

// lengthOrDate cuts a wait from the front of a message: a number with its unit
// glued or a word behind, repeated; a date without spaces; or a bare number.
func lengthOrDate(s string) string {
	if len(s) > 2*maxName {
		s = s[:2*maxName]
	}
	if digits(s) == 0 {
		return ""
	}
	word := s
	if i := strings.IndexAny(s, " \"'<,)"); i >= 0 {
		word = s[:i]
	}
	word = strings.TrimRight(word, ".!;")
	if _, ok := moment(word); ok {
		return word
	}
	if _, ok := duration(word); ok {
		return word
	}
	whole, frac, rest := decimal(s)
	if frac != "" {
		whole += "." + frac
	}
	rest = strings.TrimLeft(rest, " -")
	n := 0
	for n < len(rest) && rest[n] >= 'a' && rest[n] <= 'z' {
		n++
	}
	if _, known := units[rest[:n]]; known {
		return whole + " " + rest[:n]
	}
	if whole == word {
		return word
	}
	return ""
}

// textScope reads whose limit a message speaks of.
func textScope(lower string) string {
	for _, phrase := range [...]string{"ip banned", "your ip", "this ip", "per ip", "ip address", "per-ip", "from ip"} {
		if strings.Contains(lower, phrase) {
			return "ip"
		}
	}
	for _, phrase := range [...]string{"for user id", "userratelimit", "user rate limit", "user-rate limit", "per user", "per-user"} {
		if strings.Contains(lower, phrase) {
			return "user"
		}
	}
	if _, after, found := strings.Cut(lower, "limit exceeded for "); found {
		who, _, _ := strings.Cut(after, " ")
		if _, err := netip.ParseAddr(strings.TrimRight(who, `.",`)); err == nil {
			return "ip"
		}
	}
	return ""
}
