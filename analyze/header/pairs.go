package header

import "strings"

// pairHeader reads headers that hold used and limit as one pair: Shopify's
// "32/40" and its imitators, Salesforce's "api-usage=18/5000".
func pairHeader(d *decoder, lower, value string) bool {
	if lower == "sforce-limit-info" {
		d.saw("salesforce")
		for rest, more := value, true; more; {
			var member string
			i := strings.IndexAny(rest, ";,")
			if member = rest; i >= 0 {
				member, rest = rest[:i], rest[i+1:]
			}
			more = i >= 0
			name, pair, found := strings.Cut(strings.TrimSpace(member), "=")
			if !found || strings.ContainsAny(name, "()") {
				continue
			}
			pair, _, _ = strings.Cut(pair, "(")
			d.pair("salesforce", name, lower, pair)
		}
		return true
	}
	name, ok := pairName(lower)
	if !ok || !strings.Contains(value, "/") {
		return false
	}
	d.saw(name)
	d.pair(name, "", lower, value)
	return true
}

// pairName tells the names that hold a pair. The dialect is the vendor's word.
func pairName(lower string) (dialect string, ok bool) {
	for _, end := range [...]string{"-call-limit", "-bucket-level", "-api-limit", "-api-usage", "-recharge-limit", "-rate-limit", "-ratelimit", "-request-limit", "-usage"} {
		if stem, found := strings.CutSuffix(lower, end); found {
			stem = strings.TrimPrefix(stem, "x-")
			if vendor, _, _ := strings.Cut(stem, "-"); vendor != "" && vendor != "x" {
				return vendor, true
			}
			return "used/limit", true
		}
	}
	return "", false
}

// pair reads used/limit. A half that is garbage leaves the other; more than two
// parts are no pair.
func (d *decoder) pair(family, name, lower, value string) {
	used, limit, _ := strings.Cut(value, "/")
	if _, ok := plain(limit); !ok {
		d.warn(lower, "is no pair of used and limit and is ignored", value)
		return
	}
	if e := d.at(family, name, lower); e != nil {
		d.figure(e, usedField, lower, used, 0, false)
		d.figure(e, limitField, lower, limit, 0, false)
	}
}
