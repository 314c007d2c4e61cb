package header

import "strings"

// topics are the words that make a name without "rate-limit" one about a quota:
// x-requests-remaining, x-daily-requests-left, x-credits-used.
var topics = map[string]bool{
	"request": true, "requests": true, "call": true, "calls": true, "credit": true, "credits": true, "limit": true, "limits": true,
	"api": true, "usage": true, "queries": true, "query": true, "points": true, "tokens": true, "concurrency": true, "concurrent": true,
}

// looseHeader reads names that state a figure and its topic without any
// rate-limit word. A limit alone among them may be anything (an upload's size),
// so such quotas count only when something says what is left or used.
func looseHeader(d *decoder, lower, value string) bool {
	rest := strings.TrimPrefix(lower, "x-")
	about := false
	for tail := rest; tail != ""; {
		var token string
		token, tail, _ = strings.Cut(tail, "-")
		about = about || topics[token]
	}
	if _, number := plain(value); !about || !number {
		return false
	}
	var p parsed
	p.parseRest(rest)
	switch p.field {
	case limitField, remainingField, usedField, resetField:
	default:
		return false
	}
	if strings.HasSuffix(rest, "-count") || strings.HasPrefix(rest, "count") || strings.HasSuffix(rest, "-total") {
		return false // of a list's members
	}
	e := d.at("loose", looseName(p.name), lower)
	if e == nil {
		return true
	}
	e.loose = true
	d.figure(e, p.field, lower, value, p.unit, p.after)
	return true
}

// looseName is what is left of a name without the words that only say that it
// is about an API's limit.
func looseName(name string) string {
	out := ""
	for rest := name; rest != ""; {
		var token string
		token, rest, _ = strings.Cut(rest, "-")
		switch token {
		case "api", "limit", "limits", "call", "calls":
		default:
			out = join(out, token)
		}
	}
	return out
}
