package header

import (
	"net/netip"
	"strings"
)

// reasonHeader reads the headers that give no figure and say which limiter, or
// which error, it was.
func reasonHeader(d *decoder, lower, value string) bool {
	switch {
	case errorType(lower):
		d.errType = value
		if _, end, _ := core(lower); end > 0 { // discourse-rate-limit-error-code: ip_10_secs_limit
			d.hint(scopeOf(value))
			d.raw(lower, value)
		}
		return true
	case lower == "x-envoy-overloaded":
		d.saw("envoy")
		d.overload = "the proxy in front shed load (Envoy), whoever asked"
		return true
	case strings.HasSuffix(lower, "rate-limited-reason") || strings.HasSuffix(lower, "throttle-reason") || strings.HasSuffix(lower, "throttle-scope"):
		d.saw("reason")
		d.hint(scopeOf(value))
		d.raw(lower, value)
		return true
	case strings.HasSuffix(lower, "should-retry"):
		d.raw(lower, value) // a flag, not a wait
		return true
	}
	return false
}

// errorType tells x-amzn-ErrorType and its kin (x-mashery-error-code,
// x-ms-error-code), in any case.
func errorType(name string) bool {
	for _, end := range [...]string{"-errortype", "-error-type", "-error-code"} {
		if len(name) > len(end) && strings.EqualFold(name[len(name)-len(end):], end) {
			return true
		}
	}
	return false
}

// hint keeps the first scope that a header says.
func (d *decoder) hint(scope string) {
	if d.scope == "" {
		d.scope = scope
	}
}

// sourceHint reads the caller as the limiter saw it: an address, or else an
// account.
func sourceHint(value string) string {
	if _, err := netip.ParseAddr(bare(value)); err == nil {
		return "ip"
	}
	return "user"
}

// throttleHint reads the names of Rack::Attack's throttles, which tell whether
// the caller was known.
func throttleHint(name string) string {
	switch {
	case !strings.HasPrefix(name, "throttle_"):
		return ""
	case strings.Contains(name, "unauthenticated"):
		return "ip"
	case strings.Contains(name, "authenticated"):
		return "user"
	}
	return ""
}

// nameHint is the scope that the quotas' header names agree on: global, user,
// ip or route. Where they differ, the one that is exhausted decides.
func (d *decoder) nameHint() string {
	hint, spent, clash := "", "", false
	for i := range d.entries {
		e := &d.entries[i]
		if e.valueName || e.ietf || e.Name == "" {
			continue
		}
		scope := scopeOf(string(e.Name))
		switch scope {
		case "global", "user", "ip", "route":
		default:
			scope = "other"
		}
		clash = clash || (hint != "" && hint != scope)
		hint = scope
		if e.Remaining.Known && e.Remaining.Value == 0 {
			spent = scope
		}
	}
	if clash {
		hint = spent
	}
	if hint == "other" {
		return ""
	}
	return hint
}
