package header

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"apisonde/probe/trace"
)

// Rule is a user's own sign of a limit, for services whose refusals look like
// something else. Every condition in it must hold.
type Rule struct {
	text       string
	conditions []condition
}

// Rules are a user's signs, which come before those of the package.
type Rules []Rule

type condition struct {
	dropped  bool           // the connection was closed without an answer
	from, to int            // of the status; 0 for any
	name     string         // of a header, lower case; "" for none
	value    string         // that the header's value or the body contains, lower case
	pattern  *regexp.Regexp // that the body matches; nil for none
}

// ParseRule reads a rule: `dropped`, or one or more of `status=403`, `status=500-599`,
// `body=TEXT` (contained, whatever its case), `body~REGEXP`, `header=NAME` and
// `header=NAME: TEXT`, joined with " and ".
func ParseRule(spec string) (Rule, error) {
	r := Rule{text: strings.TrimSpace(spec)}
	for _, part := range strings.Split(r.text, " and ") {
		c, err := parseCondition(strings.TrimSpace(part))
		if err != nil {
			return Rule{}, fmt.Errorf("rule %q: %w", spec, err)
		}
		r.conditions = append(r.conditions, c)
	}
	return r, nil
}

func parseCondition(part string) (c condition, err error) {
	if part == "dropped" {
		return condition{dropped: true}, nil
	}
	at := strings.IndexAny(part, "=~")
	if at < 0 || at+1 == len(part) {
		return c, fmt.Errorf("%q is no condition; write status=403, body=TEXT, body~REGEXP, header=NAME: TEXT or dropped", part)
	}
	key, op, value := part[:at], part[at], part[at+1:]
	switch {
	case key == "status" && op == '=':
		low, high, ranged := strings.Cut(value, "-")
		if !ranged {
			high = low
		}
		if c.from, err = strconv.Atoi(low); err == nil {
			c.to, err = strconv.Atoi(high)
		}
		if err != nil || c.from < 100 || c.to > 999 || c.to < c.from {
			return c, fmt.Errorf("%q is no status; write 403, or 500-599", value)
		}
		return c, nil
	case key == "body" && op == '=':
		c.value = strings.ToLower(value)
		return c, nil
	case key == "body":
		if c.pattern, err = regexp.Compile(value); err != nil {
			return c, fmt.Errorf("body pattern: %w", err)
		}
		return c, nil
	case key == "header" && op == '=':
		name, text, _ := strings.Cut(value, ":")
		if c.name = strings.ToLower(strings.TrimSpace(name)); c.name == "" {
			return c, fmt.Errorf("%q names no header; write header=NAME: TEXT", part)
		}
		c.value = strings.ToLower(strings.TrimSpace(text))
		return c, nil
	}
	return c, fmt.Errorf("%q is no condition; it begins with status, body or header, or is dropped", part)
}

// Match is whether every condition of the rule holds. The zero Rule matches
// nothing. A status of 0 is a connection that was closed without an answer.
func (r Rule) Match(status int, hs []trace.Header, body []byte) bool {
	for _, c := range r.conditions {
		if !c.match(status, hs, body) {
			return false
		}
	}
	return len(r.conditions) > 0
}

func (c condition) match(status int, hs []trace.Header, body []byte) bool {
	switch {
	case c.dropped || status == 0:
		return c.dropped && status == 0
	case c.from > 0:
		return status >= c.from && status <= c.to
	case c.name != "":
		for _, h := range hs {
			if strings.EqualFold(string(h.Name), c.name) && strings.Contains(strings.ToLower(string(h.Value)), c.value) {
				return true
			}
		}
		return false
	}
	body = body[:min(len(body), maxBody)]
	if c.pattern != nil {
		return c.pattern.Match(body)
	}
	return strings.Contains(strings.ToLower(string(body)), c.value)
}

// ParseRules reads several rules; any one of them is a sign of a limit.
func ParseRules(specs []string) (Rules, error) {
	var out Rules
	for _, spec := range specs {
		r, err := ParseRule(spec)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// Match is whether some rule holds.
func (rs Rules) Match(status int, hs []trace.Header, body []byte) bool {
	return slices.ContainsFunc(rs, func(r Rule) bool { return r.Match(status, hs, body) })
}

// ReadBody is whether some rule looks at bodies.
func (rs Rules) ReadBody() bool {
	return slices.ContainsFunc(rs, func(r Rule) bool {
		return slices.ContainsFunc(r.conditions, func(c condition) bool { return c.from == 0 && c.name == "" && !c.dropped })
	})
}

// Texts are the rules as they were written.
func (rs Rules) Texts() (out []string) {
	for _, r := range rs {
		out = append(out, r.text)
	}
	return out
}
