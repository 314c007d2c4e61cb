package header

import (
	"strings"
	"time"
)

// field is what a header of a rate-limit family states.
type field int

const (
	noField        field = iota
	limitField           // how much there is
	remainingField       // how much is left
	usedField            // how much is spent
	resetField           // when it is whole again
	windowField          // how long it lasts
	waitField            // how long to wait
	policyField          // a list of policies; the last that is a figure
	labelField           // what the quota is called
	typeField            // a window or a scope, in a word
	scopeField           // whose it is
	reasonField          // which limiter refused, in words
	sourceField          // the caller as the limiter sees it
	costField            // what this request cost
	rateField            // refill of a bucket, units an interval
	ignoredField         // flags and other things that are no figure
)

// fieldWords maps the words that header names use for each field. Words of
// several tokens are joined with '-'.
var fieldWords = map[string]field{
	"limit": limitField, "limits": limitField, "max": limitField, "maximum": limitField, "total": limitField,
	"quota": limitField, "capacity": limitField, "allotted": limitField, "allowed": limitField, "burst-capacity": limitField, "size": limitField, "ceiling": limitField,
	"remaining": remainingField, "remain": remainingField, "left": remainingField, "available": remainingField, "remains": remainingField,
	"used": usedField, "usage": usedField, "count": usedField, "current": usedField, "consumed": usedField, "observed": usedField,
	"reset": resetField, "resets": resetField, "next": resetField, "expires": resetField, "expire": resetField,
	"expiry": resetField, "expiration": resetField, "expired": resetField, "time-reset": resetField,
	"resettime": resetField, "resetat": resetField, "resetafter": resetField, "resetin": resetField, "resetson": resetField,
	"refresh": resetField, "renewal": resetField, "replenish": resetField, "time-to-reset": resetField, "seconds-to-reset": resetField,
	"until-reset": resetField, "seconds-until-reset": resetField, "remaining-seconds": resetField, "remaining-time": resetField,
	"time-remaining": resetField, "time-left": resetField,
	"window": windowField, "period": windowField, "interval": windowField, "time-window": windowField,
	"window-size": windowField, "timeframe": windowField, "timewindow": windowField, "duration": windowField,
	"retry-after": waitField, "retryafter": waitField, "after": waitField, "retry-in": waitField, "wait": waitField, "wait-time": waitField,
	"policy": policyField, "policies": policyField,
	"resource": labelField, "bucket": labelField, "name": labelField, "group": labelField, "category": labelField, "rule": labelField,
	"type": typeField, "scope": scopeField, "reason": reasonField, "problem": typeField, "source": sourceField,
	"cost": costField, "query-cost": costField, "tokens-query-cost": costField, "requested-tokens": costField,
	"used-currentrequest": costField, "used-current-request": costField, "request-cost": costField,
	"fillrate": rateField, "fill-rate": rateField, "replenish-rate": rateField, "refill-rate": rateField, "restore-rate": rateField,
	"nearlimit": ignoredField, "near-limit": ignoredField, "global": ignoredField, "status": ignoredField, "delay": ignoredField,
	"delayed": ignoredField, "exceeded": ignoredField, "enabled": ignoredField, "hit": ignoredField, "limited": ignoredField,
	"bypass": ignoredField, "tier": ignoredField, "plan": ignoredField, "mode": ignoredField, "version": ignoredField,
	"key": ignoredField, "id": ignoredField, "message": ignoredField, "path": ignoredField, "utilization": ignoredField,
}

// fieldUnits are the tokens that may follow the word of a time and belong to it.
// The singular "second" is not one, nor are "minute" and "hour": they name a
// window (reset-second).
var fieldUnits = map[string]time.Duration{
	"ms": time.Millisecond, "millis": time.Millisecond, "msec": time.Millisecond,
	"milliseconds": time.Millisecond, "s": time.Second, "sec": time.Second, "secs": time.Second, "seconds": time.Second,
	"mins": time.Minute, "minutes": time.Minute, "hrs": time.Hour, "hours": time.Hour,
	"after": 0, "in": 0, "at": 0, "on": 0, "time": 0, "timestamp": 0, "ts": 0, "date": 0, "utc": 0, "unix": 0, "epoch": 0, "size": 0,
}

// suffixWords are the fields that some names write together with the quota's
// name: UserLimit, ConcurrentRemaining, DailyLimit.
var suffixWords = [...]string{"remaining", "limit", "reset", "used"}

// prefixNames are the words before "ratelimit" that say which quota it is; any
// other word there is the vendor's.
var prefixNames = map[string]bool{
	"app": true, "method": true, "user": true, "ip": true, "account": true, "client": true, "org": true, "organization": true,
	"project": true, "team": true, "tenant": true, "workspace": true, "burst": true, "read": true, "write": true, "search": true,
	"global": true, "service": true, "endpoint": true, "route": true, "post": true, "upload": true, "daily": true, "hourly": true,
	"monthly": true, "second": true, "minute": true, "hour": true, "day": true, "month": true, "overall": true, "concurrent": true,
	"concurrency": true, "request": false,
}

// parsed is a header name taken apart.
type parsed struct {
	family string        // the spelling up to the core: which set of headers it belongs to
	prefix string        // a word before the core that names the quota, or ""
	vendor string        // any other words before the core
	field  field         // noField where the name has no word for one
	name   string        // the rest: what the name calls the quota
	unit   time.Duration // unit of a bare number in a time field
	// unitStated is whether the name itself says the unit, after whether it
	// says that a reset is a delta.
	unitStated, after bool
}

// milliFamilies are the families whose times are milliseconds by documentation
// alone (KuCoin).
var milliFamilies = map[string]bool{"gw-ratelimit": true}

// parseName takes a lower-case header name apart at its rate-limit core. ok is
// false where it has none.
func parseName(lower string) (p parsed, ok bool) {
	start, end, inline := core(lower)
	if end == 0 {
		return parsed{}, false
	}
	p.family = lower[:end]
	p.vendor = strings.TrimPrefix(strings.Trim(lower[:start], "-"), "x-")
	if p.vendor == "x" {
		p.vendor = ""
	}
	switch last := p.vendor[strings.LastIndexByte(p.vendor, '-')+1:]; {
	case inline != "":
		p.prefix = inline
	case prefixNames[last]:
		p.prefix = last
		p.vendor = strings.TrimSuffix(strings.TrimSuffix(p.vendor, last), "-")
	}
	p.parseRest(strings.Trim(lower[end:], "-"))
	return p, true
}

// core finds "ratelimit" or "rate-limit" in a name, also where it is glued to
// another word (ReadRateLimit, RateLimitBySize, BurstLimit). end is 0 where
// there is none.
func core(lower string) (start, end int, inline string) {
	for at := 0; at <= len(lower); {
		stop := at + strings.IndexByte(lower[at:], '-')
		if stop < at {
			stop = len(lower)
		}
		token := lower[at:stop]
		switch {
		case token == "ratelimit" || token == "ratelimits" || token == "ratelimiting" || token == "quota":
			return at, stop, ""
		case token == "rate":
			for _, word := range [...]string{"-limits", "-limiting", "-limit"} {
				if rest, found := strings.CutPrefix(lower[stop:], word); found && (rest == "" || rest[0] == '-') {
					return at, stop + len(word), ""
				}
			}
		case strings.HasSuffix(token, "ratelimit"):
			return at, stop, strings.TrimSuffix(token, "ratelimit")
		case strings.HasPrefix(token, "ratelimit") && fieldWords[token[len("ratelimit"):]] != noField:
			return at, at + len("ratelimit"), ""
		case strings.HasPrefix(token, "ratelimit"):
			return at, stop, strings.TrimPrefix(token, "ratelimit")
		case token == "burstlimit":
			return at, stop, "burst"
		case token == "tokenlimit":
			return at, stop, "tokens"
		case token == "priority" && strings.HasPrefix(lower, "anthropic-"):
			return at, stop, "priority"
		}
		at = stop + 1
	}
	return 0, 0, ""
}

// parseRest tells the field's word from the quota's name. A figure's word in
// front names the rest (limit-requests), unless it only says "limit" and
// another figure ends the name (limit-remaining), or another word for it stands
// there (quota-limit); else the last field's word counts (requests-limit,
// hard-limit-limit). Words that are no figure count
// only where no figure's word stands (global-limit, global).
func (p *parsed) parseRest(rest string) {
	p.unit = time.Second
	if milliFamilies[p.family] {
		p.unit = time.Millisecond
	}
	if rest == "" {
		return
	}
	var lead, last span
	for at := 0; at < len(rest); {
		f, n := fieldAt(rest[at:])
		s := span{f, at, at + n}
		switch {
		case f == noField:
			next := strings.IndexByte(rest[at:], '-')
			if next < 0 {
				next = len(rest) - at
			}
			at += next + 1
			continue
		case at == 0 && (f.figure() || n == len(rest)):
			lead = s
		case f.figure() || !last.field.figure():
			last = s
		}
		at += n + 1
	}
	pick := last
	twice := lead.field == limitField && last.field == limitField && last.to == len(rest) && rest[:lead.to] != "limit"
	if lead.field != noField && !twice && (lead.field != limitField || last.field == limitField || !last.field.figure()) {
		pick = lead
	}
	if pick.field == noField {
		p.glued(rest)
		return
	}
	p.field = pick.field
	before := strings.Trim(rest[:pick.from], "-")
	if pick != lead && lead.to > 0 {
		before = strings.Trim(rest[lead.to:pick.from], "-")
	}
	p.name = join(before, p.qualify(strings.Trim(rest[pick.to:], "-")))
}

// span is a field's word and where it stands in a name.
type span struct {
	field    field
	from, to int
}

// figure tells the fields that are numbers of a quota.
func (f field) figure() bool { return f > noField && f <= policyField }

// glued takes apart a word that holds name and field together.
func (p *parsed) glued(rest string) {
	p.name = rest
	for _, word := range suffixWords {
		if stem, found := strings.CutSuffix(rest, word); found && len(strings.Trim(stem, "-")) > 1 {
			p.field, p.name = fieldWords[word], strings.Trim(stem, "-")
			return
		}
	}
}

// qualify takes the tokens that follow a time's word and belong to it.
func (p *parsed) qualify(rest string) string {
	if p.field != resetField && p.field != waitField && p.field != windowField {
		return rest
	}
	for rest != "" {
		token, tail, _ := strings.Cut(rest, "-")
		unit, known := fieldUnits[token]
		if !known {
			return rest
		}
		if unit != 0 {
			p.unit = unit
			p.unitStated = true
		}
		p.after = p.after || token == "after" || token == "in"
		rest = tail
	}
	return ""
}

// fieldAt is the field whose word begins s and how long the word is; the
// longest word wins.
func fieldAt(s string) (field, int) {
	best, length := noField, 0
	for n, tokens := 0, 0; n <= len(s) && tokens < 3; tokens++ {
		next := strings.IndexByte(s[n:], '-')
		if next < 0 {
			next = len(s) - n
		}
		n += next
		if f, ok := fieldWords[s[:n]]; ok {
			best, length = f, n
		}
		n++
	}
	return best, length
}

func join(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + "-" + b
}
