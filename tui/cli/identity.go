package cli

import (
	"fmt"
	"strings"

	"apisonde/probe/secret"
	"apisonde/probe/send"
)

// named is a flag's value of the form [NAME[@OWNER]=]REF, taken apart.
type named struct {
	name  string
	owner string
	ref   string
}

// parseNamed takes apart [NAME[@OWNER]=]REF. The n-th value of a flag is called
// prefix and n where it has no name. A value that is none of this form may be a
// secret written where its reference belongs, so errors count it and never quote it.
func parseNamed(flag, prefix string, n int, value string, owners bool) (named, error) {
	bad := func(what string) error {
		return usagef("--%s, value %d: %s; write [NAME=]REF, where REF is env:VAR, file:PATH, -, prompt or literal:VALUE", flag, n, what)
	}
	out := named{name: fmt.Sprintf("%s%d", prefix, n), ref: value}
	if isReference(value) {
		return out, nil
	}
	name, ref, found := strings.Cut(value, "=")
	if !found || !isReference(ref) {
		return named{}, bad("it is no reference")
	}
	out.ref = ref
	name, out.owner, found = strings.Cut(name, "@")
	switch {
	case found && !owners:
		return named{}, bad("only a key has an owner")
	case found && !isLabel(out.owner):
		return named{}, bad("its owner is not a plain name (letters, digits, . _ -, at most 32)")
	case !isLabel(name):
		return named{}, bad("its name is not a plain one (letters, digits, . _ -, at most 32)")
	}
	out.name = name
	return out, nil
}

// parseAllNamed takes apart every value of a flag; their names must differ.
func parseAllNamed(flag, prefix string, values []string, owners bool) ([]named, error) {
	var out []named
	seen := map[string]bool{}
	for i, v := range values {
		n, err := parseNamed(flag, prefix, i+1, v, owners)
		if err != nil {
			return nil, err
		}
		if seen[n.name] {
			return nil, usagef("--%s, value %d: an earlier one is called %s too; give each a name of its own", flag, i+1, n.name)
		}
		seen[n.name] = true
		out = append(out, n)
	}
	return out, nil
}

// isLabel tells whether s can name an identity: short, and safe in every table.
func isLabel(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for _, c := range []byte(s) {
		alphanumeric := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !alphanumeric && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// parseVantages reads the values of --ip, [NAME=]VANTAGE, where env:VAR and
// file:PATH stand for the vantage that they hold. Without a name a vantage is
// called what it is, credentials left out. The names come in the order given.
func parseVantages(values []string, src secret.Source) ([]string, map[string]send.Vantage, error) {
	var names []string
	vantages := map[string]send.Vantage{}
	for i, v := range values {
		name, text, found := strings.Cut(v, "=")
		if !found || strings.Contains(name, ":") { // a password or a path may hold the sign
			name, text, found = "", v, false
		}
		if strings.HasPrefix(text, "env:") || strings.HasPrefix(text, "file:") {
			held, err := secret.Resolve(text, src)
			if err != nil {
				return nil, nil, usagef("--ip, value %d: %w", i+1, err)
			}
			text = held.Reveal()
		}
		vantage, err := send.ParseVantage(text)
		switch {
		case err != nil:
			return nil, nil, usagef("--ip, value %d: %w", i+1, err)
		case found && !isLabel(name):
			return nil, nil, usagef("--ip, value %d: its name is not a plain one (letters, digits, . _ -, at most 32)", i+1)
		case !found:
			name = vantage.String()
		}
		for have, other := range vantages {
			if have == name || other.Same(vantage) {
				return nil, nil, usagef("--ip, value %d: an earlier one has the same name or address", i+1)
			}
		}
		names = append(names, name)
		vantages[name] = vantage
	}
	return names, vantages, nil
}

// allDirect tells whether requests reach the target from this machine itself. What
// a proxy calls localhost is another machine.
func allDirect(vantages map[string]send.Vantage) bool {
	for _, v := range vantages {
		if v.Proxy != nil {
			return false
		}
	}
	return true
}
