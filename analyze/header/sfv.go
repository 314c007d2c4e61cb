package header

import (
	"errors"
	"strconv"
	"strings"

	"github.com/dunglas/httpsfv"
)

// Bounds on what is read as structured fields: their items are costly.
const (
	maxStructured = 2 << 10 // bytes of a field
	maxMembers    = 32      // members of a list, and parameters of a member
)

// member is one item of a structured list, in text.
type member struct {
	value  string // the bare item: a name, or a number
	params []param
}

// param is one parameter, or one member of a dictionary.
type param struct{ key, value string }

// get is the text of a parameter.
func (m member) get(keys ...string) (string, bool) {
	for _, p := range m.params {
		for _, key := range keys {
			if p.key == key {
				return p.value, true
			}
		}
	}
	return "", false
}

// parseList reads a structured list. A field that breaks the grammar is read
// again member by member, for servers write bare names, stray digits and
// unquoted words; a member that is broken too is dropped, and told in bad. An
// unterminated string drops the field whole: nobody knows where it ends.
func parseList(value string) (members []member, bad []string) {
	if len(value) > maxStructured {
		return nil, []string{value}
	}
	if modest(value) {
		if list, err := httpsfv.UnmarshalList([]string{value}); err == nil {
			for _, item := range list {
				if item, ok := item.(httpsfv.Item); ok {
					members = append(members, fromItem(item))
				}
			}
			return members, nil
		}
	}
	parts, whole := split(value, ',')
	if !whole {
		return nil, []string{value}
	}
	for _, part := range parts {
		if part == "" {
			continue
		}
		if m, ok := lenient(part); ok {
			members = append(members, m)
		} else {
			bad = append(bad, part)
		}
	}
	return members, bad
}

// modest tells the fields whose items are few enough for the full grammar,
// which makes some hundred bytes of each.
func modest(value string) bool {
	return strings.Count(value, ",") < maxMembers && strings.Count(value, ";") < 4*maxMembers
}

func fromItem(item httpsfv.Item) member {
	m := member{value: itemText(item.Value)}
	for _, key := range item.Params.Names() {
		if v, ok := item.Params.Get(key); ok && len(m.params) < maxMembers {
			m.params = append(m.params, param{key, itemText(v)})
		}
	}
	return m
}

func itemText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case httpsfv.Token:
		return string(v)
	case httpsfv.DisplayString:
		return string(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return "" // a flag, bytes or a date: nothing here reads those
}

// lenient reads one member whose parameters may be anything.
func lenient(part string) (m member, ok bool) {
	parts, whole := split(part, ';')
	if !whole || len(parts) == 0 || parts[0] == "" {
		return member{}, false
	}
	m.value = bare(parts[0])
	for _, p := range parts[1:] {
		key, v, found := strings.Cut(p, "=")
		switch {
		case found && len(m.params) < maxMembers:
			m.params = append(m.params, param{strings.ToLower(strings.TrimSpace(key)), bare(v)})
		case !found && strings.HasPrefix(p, `"`):
			m.value = bare(p) // some write "kind";"name"
		}
	}
	return m, true
}

// split cuts s at sep outside of quotes, at most maxMembers times, and trims
// the parts. whole is false when a quote is left open.
func split(s string, sep byte) (parts []string, whole bool) {
	from, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted && len(parts) < maxMembers:
			parts = append(parts, strings.Trim(s[from:i], " \t"))
			from = i + 1
		}
	}
	return append(parts, strings.Trim(s[from:], " \t")), !quoted
}

// pairs reads key=value members that ',' or ';' separates, which are the
// dictionary of draft-07 and its imitations. ok is false where the value does
// not begin with such a member.
func pairs(value string) (out []param, ok bool) {
	if len(value) > maxStructured {
		return nil, false
	}
	word := strings.IndexAny(value, `=,;"`)
	if word <= 0 || value[word] != '=' {
		return nil, false
	}
	if dict, err := dictionaryOf(value); err == nil {
		for _, key := range dict.Names() {
			m, _ := dict.Get(key)
			item, isItem := m.(httpsfv.Item)
			if !isItem {
				continue
			}
			out = append(out, param{key, itemText(item.Value)})
			out = append(out, fromItem(item).params...)
		}
		return out, true
	}
	parts, whole := split(value, ',')
	if !whole {
		return nil, false
	}
	for _, part := range parts {
		inner, _ := split(part, ';')
		for _, p := range inner {
			if key, v, found := strings.Cut(p, "="); found && len(out) < maxMembers {
				out = append(out, param{strings.ToLower(strings.TrimSpace(key)), bare(v)})
			}
		}
	}
	return out, true
}

var errImmodest = errors.New("too many members")

func dictionaryOf(value string) (*httpsfv.Dictionary, error) {
	if !modest(value) {
		return nil, errImmodest
	}
	return httpsfv.UnmarshalDictionary([]string{value})
}
