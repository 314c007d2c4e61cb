package header

import (
	"strings"
	"time"
)

// The units of quotas.
const (
	unitRequests    = "requests"
	unitTokens      = "tokens"
	unitPoints      = "points"
	unitPercent     = "percent"
	unitConcurrency = "concurrency"
	unitEvents      = "events"
	unitBytes       = "bytes"
)

// unitWords are the tokens of a quota's name that say what it counts.
var unitWords = map[string]string{
	"tokens": unitTokens, "complexity": unitPoints, "points": unitPoints, "point": unitPoints, "cost": unitPoints,
	"credits": "credits", "credit": "credits", "graphql": unitPoints, "bytes": unitBytes, "bandwidth": unitBytes, "bysize": unitTokens,
	"concurrent": unitConcurrency, "concurrency": unitConcurrency, "parallel": unitConcurrency, "inflight": unitConcurrency,
	"seconds": "seconds", "order": "orders", "orders": "orders", "weight": "weight", "events": unitEvents, "errors": "errors",
}

// unitOf tells what a quota called name counts; requests unless the name says
// otherwise. A token of a key ("api-token") is not a unit.
func unitOf(name string) string {
	for rest := name; rest != ""; {
		var token string
		token, rest, _ = strings.Cut(rest, "-")
		if unit, ok := unitWords[strings.ToLower(token)]; ok {
			return unit
		}
		if strings.HasPrefix(token, "tokens_") || strings.HasSuffix(token, "_tokens") {
			return unitTokens
		}
	}
	return unitRequests
}

// windowWords are the words for windows of a fixed length. A month and a year
// have none.
var windowWords = map[string]time.Duration{
	"second": time.Second, "secondly": time.Second, "sec": time.Second,
	"minute": time.Minute, "minutely": time.Minute, "min": time.Minute,
	"hour": time.Hour, "hourly": time.Hour, "hr": time.Hour,
	"day": 24 * time.Hour, "daily": 24 * time.Hour, "today": 24 * time.Hour,
	"week": 7 * 24 * time.Hour, "weekly": 7 * 24 * time.Hour,
	"qps": time.Second, "rps": time.Second, "qpm": time.Minute, "rpm": time.Minute, "tpm": time.Minute,
	"rph": time.Hour, "rpd": 24 * time.Hour, "qpd": 24 * time.Hour, "tpd": 24 * time.Hour,
}

// windowOf reads the window from a name's words: minute, videos-minute, daily,
// per_hour, perday, 24hour, 10-minute. It is 0 where no word says one.
func windowOf(name string) time.Duration {
	count := 0
	for rest := name; rest != ""; {
		i := strings.IndexAny(rest, "-_ ")
		token := rest
		if i < 0 {
			rest = ""
		} else {
			token, rest = rest[:i], rest[i+1:]
		}
		if n := digits(token); n > 0 && n == len(token) && n <= 4 {
			count = 0
			for i := range n {
				count = count*10 + int(token[i]-'0')
			}
			continue
		}
		token = strings.ToLower(token)
		if count > 0 { // only a counted word is a plural: "audio-seconds" counts seconds
			token = strings.TrimSuffix(token, "s")
		}
		if w := windowWord(token); w != 0 {
			return w * time.Duration(max(count, 1))
		}
		count = 0
	}
	return 0
}

func windowWord(token string) time.Duration {
	token = strings.TrimPrefix(token, "per")
	if w, ok := windowWords[token]; ok {
		return w
	}
	if n := digits(token); n > 0 && n < len(token) && n <= 6 {
		if w, ok := duration(token); ok && w > 0 {
			return w
		}
	}
	return 0
}

// periodOf reads the value of a window field: seconds, a word, a length with
// its unit. A month, a word that is no period and a window over 400 days are
// not ok.
func periodOf(value string, unit time.Duration, unitStated bool) (d time.Duration, milli, ok bool) {
	value = bare(value)
	if whole, frac, rest := decimal(value); whole != "" && rest == "" {
		d, fits := scale(whole, frac, unit)
		if !fits || d <= 0 || len(whole) > maxDigits {
			return 0, false, false
		}
		if !unitStated && milliseconds(d) {
			return d / 1000, true, true
		}
		return d, false, d <= longestWindow
	}
	if d, ok := duration(value); ok {
		return d, false, d > 0 && d <= longestWindow
	}
	d = windowOf(value)
	return d, false, d > 0 && d <= longestWindow
}

// longestWindow is the longest window that is believed: a leap year.
const longestWindow = 366 * 24 * time.Hour

// milliseconds tells a window that was meant in milliseconds from its value
// read as seconds: no service counts in windows of ten days and ten hours, and
// 900000 ms is a quarter of an hour.
func milliseconds(d time.Duration) bool {
	return d%(1000*time.Second) == 0 && !usual(d) && usual(d/1000)
}

// usual tells the lengths that people choose for windows.
func usual(d time.Duration) bool {
	for _, unit := range [...]time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if d < unit {
			continue
		}
		if d%unit != 0 {
			return false
		}
		switch d / unit {
		case 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 15, 20, 28, 30, 31, 45, 90, 365, 366:
			return true
		}
		return false
	}
	return false
}

// scopeWords are the words that say whose limit it is, and the hint each gives.
var scopeWords = map[string]string{
	"global": "global", "user": "user", "users": "user", "ip": "ip", "app": "app", "application": "app",
	"account": "account", "tenant": "tenant", "org": "organization", "organization": "organization", "endpoint": "endpoint",
	"route": "route", "shared": "shared", "key": "key", "apikey": "key", "token": "token", "client": "client",
	"method": "method", "project": "project", "workspace": "workspace", "team": "team", "resource": "resource", "page": "page",
}

// scopeOf finds the first scope word in a value such as "jira-quota-global-based".
func scopeOf(value string) string {
	for rest := strings.ToLower(value); rest != ""; {
		i := strings.IndexAny(rest, "-_ /.:;,")
		token := rest
		if i < 0 {
			rest = ""
		} else {
			token, rest = rest[:i], rest[i+1:]
		}
		if hint, ok := scopeWords[token]; ok {
			return hint
		}
	}
	return ""
}
