package report

import (
	"fmt"
	"slices"
	"strings"

	"apisonde/analyze/verdict"
)

// names of the dimensions for people: singular after "each".
var dimension = map[string]string{
	"ip": "client address", "key": "API key", "user": "user", "route": "path", "forwarded": "X-Forwarded-For address",
}

func dim(name string) string {
	if s, ok := dimension[name]; ok {
		return s
	}
	return visible(name)
}

// scopeName names a counter's key: "API key", "combination of client address and
// path", "everybody together".
func scopeName(scope []string) string {
	switch len(scope) {
	case 0:
		return "everybody together"
	case 1:
		return dim(scope[0])
	}
	names := make([]string, len(scope))
	for i, d := range scope {
		names[i] = dim(d)
	}
	return "combination of " + and(names)
}

// holder is who gets a quota, as the subject of a sentence, and whether the
// scope is settled.
func holder(l verdict.Limit) (string, bool) {
	switch {
	case l.Scope == nil:
		return "A caller", false
	case len(l.Scope) == 0:
		return "Everybody together", true
	}
	return "Each " + scopeName(l.Scope), true
}

// sentence says in plain words what one layer allows and to whom.
func sentence(l verdict.Limit) string {
	who, settled := holder(l)
	if l.Routes != nil {
		who = "On " + and(l.Routes) + ", " + strings.ToLower(who[:1]) + who[1:]
	}
	s := who + " gets " + allowance(l)
	if n := l.Nodes; n != nil {
		s += fmt.Sprintf(", on each of %s servers that count apart", around(n))
	}
	if p := l.IPv6Prefix; p != nil {
		s += fmt.Sprintf("; of IPv6 addresses each /%.0f counts as one", p.Value)
	}
	s += "."
	if !settled {
		s += " Whose counter it is stays open: " + candidates(l) + "."
	}
	return s
}

// candidates lists what a counter may be kept by.
func candidates(l verdict.Limit) string {
	if len(l.ScopeCandidates) == 0 {
		return "nothing was found out about it"
	}
	list := make([]string, len(l.ScopeCandidates))
	for i, c := range l.ScopeCandidates {
		if len(c) == 0 {
			list[i] = "one for everybody"
		} else {
			list[i] = "one per " + scopeName(c)
		}
	}
	return or(list)
}

// allowance is the object of the sentence.
func allowance(l verdict.Limit) string {
	switch l.Algorithm {
	case verdict.FixedWindow:
		return windowed(l) + aligned(l)
	case verdict.SlidingLog:
		return inAny(l)
	case verdict.SlidingCounter:
		return inAny(l) + ", as estimated from this window and the one before"
	case verdict.TokenBucket:
		return bucket(l)
	case verdict.LeakyQueue:
		return queue(l)
	case verdict.Concurrency:
		if l.Limit == nil {
			return "a number of " + units(l, true) + " in flight at once that is not known"
		}
		return quantity(l.Limit, l) + " in flight at once"
	}
	switch {
	case l.Limit != nil && l.WindowS != nil:
		return inAny(l) + ", by a rule that was not recognised"
	case l.RatePerS != nil:
		return rate(l) + ", by a rule that was not recognised"
	case l.Limit != nil:
		return quantity(l.Limit, l) + " at once; how soon they come back is not known"
	}
	return "a limited number of " + units(l, true) + ": how many and how often is not known"
}

func windowed(l verdict.Limit) string {
	switch {
	case l.Limit == nil && l.WindowS == nil:
		return "a number of " + units(l, true) + " per window that is not known"
	case l.Limit == nil:
		return "a number of " + units(l, true) + " that is not known per " + windowAdjective(l) + " window"
	case l.WindowS == nil:
		return quantity(l.Limit, l) + " per window of a length that is not known"
	}
	return quantity(l.Limit, l) + " per " + windowAdjective(l) + " window"
}

func windowAdjective(l verdict.Limit) string {
	if f := l.WindowS; f.Hi-f.Lo > 0.01*f.Value {
		return "about-" + spanAdjective(f.Value)
	}
	return spanAdjective(l.WindowS.Value)
}

func aligned(l verdict.Limit) string {
	if l.Alignment == nil {
		return ""
	}
	switch *l.Alignment {
	case verdict.AlignClock:
		return ", windows following the clock"
	case verdict.AlignFirstRequest:
		return ", counted from its first request"
	case verdict.AlignProcessStart:
		return ", windows following each other from the server's start"
	case verdict.AlignTick:
		return ", refilled in steps"
	case verdict.AlignLastRequest:
		return ", counted anew from every request, so that only silence ends it"
	}
	return ""
}

func inAny(l verdict.Limit) string {
	switch {
	case l.Limit == nil || l.WindowS == nil:
		return windowed(l)
	case l.WindowS.Hi-l.WindowS.Lo > 0.01*l.WindowS.Value:
		return quantity(l.Limit, l) + " in any period of about " + span(l.WindowS.Value)
	}
	return quantity(l.Limit, l) + " in any period of " + span(l.WindowS.Value)
}

func bucket(l verdict.Limit) string {
	size := l.Burst
	if size == nil {
		size = l.Limit
	}
	var s string
	switch {
	case size == nil && l.RatePerS == nil:
		return "a bucket of " + units(l, true) + " whose size and refill are not known"
	case size == nil:
		s = "a bucket of " + units(l, true) + " of unknown size, refilled at " + rate(l)
	case l.RatePerS == nil:
		s = "a bucket of " + quantity(size, l) + ", refilled at a rate that is not known"
	default:
		s = quantity(size, l) + " at once and then " + rate(l) + " (a bucket that refills steadily)"
	}
	if l.Alignment != nil && *l.Alignment == verdict.AlignTick {
		s = strings.Replace(s, "refills steadily", "refills in steps", 1)
	}
	return s
}

func queue(l verdict.Limit) string {
	s := "service at a rate that is not known"
	switch {
	case l.RatePerS != nil:
		s = rate(l) + ", and what comes faster waits in a queue"
	case l.Limit != nil && l.WindowS != nil:
		s = inAny(l) + " without delay, and what exceeds it waits"
	}
	if l.MaxDelayS != nil {
		s += fmt.Sprintf(" for up to %s", span(l.MaxDelayS.Value))
	}
	if l.Burst != nil {
		s += "; more than " + around(l.Burst) + " at once are refused"
	}
	return s
}

// rate writes the sustained rate: by the second, or by a longer time where that
// is the whole number that people know it by.
func rate(l verdict.Limit) string {
	f := l.RatePerS
	if perMinute := f.Value * 60; f.Value < 1 && perMinute >= 1 {
		n := *f
		n.Value, n.Lo, n.Hi = perMinute, f.Lo*60, f.Hi*60
		return quantity(&n, l) + " per minute"
	}
	if f.Value < 1.0/60 {
		n := *f
		n.Value, n.Lo, n.Hi = f.Value*3600, f.Lo*3600, f.Hi*3600
		return quantity(&n, l) + " per hour"
	}
	return quantity(f, l) + " per second"
}

func quantity(f *verdict.Figure, l verdict.Limit) string {
	return around(f) + " " + units(l, f.Value != 1)
}

func units(l verdict.Limit, plural bool) string {
	switch l.Unit {
	case "", "requests":
		if plural {
			return "requests"
		}
		return "request"
	}
	u := visible(l.Unit)
	if !plural {
		u = strings.TrimSuffix(u, "s")
	}
	return u
}

// identityHints says what to add so that the remaining scope candidates can be
// told apart: every dimension that some of them have and others lack.
func identityHints(l verdict.Limit) []string {
	if len(l.ScopeCandidates) < 2 {
		return nil
	}
	hints := map[string]string{
		"ip":        "a second address to send from (--ip)",
		"key":       "a second API key (--key)",
		"user":      "a second user (--user), or a key of another owner (--key NAME@OWNER=…)",
		"route":     "a second path (--route)",
		"forwarded": "a second X-Forwarded-For address (--ip forwarded:ADDR)",
	}
	var out []string
	for _, d := range []string{"ip", "key", "user", "route", "forwarded"} {
		in := 0
		for _, c := range l.ScopeCandidates {
			if slices.Contains(c, d) {
				in++
			}
		}
		if in > 0 && in < len(l.ScopeCandidates) {
			out = append(out, hints[d])
		}
	}
	return out
}

func and(list []string) string { return joined(list, "and") }
func or(list []string) string  { return joined(list, "or") }

func joined(list []string, word string) string {
	switch len(list) {
	case 0:
		return ""
	case 1:
		return list[0]
	}
	return strings.Join(list[:len(list)-1], ", ") + " " + word + " " + list[len(list)-1]
}
