package cli

import (
	"errors"
	"fmt"
	"net/netip"
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

// origins are where requests leave from, and where they claim to come from; the
// names of both in the order given.
type origins struct {
	names    []string
	vantages map[string]send.Vantage
	claims   []string
	claimed  map[string]string // addresses by name
}

// noClaim is the label of requests without X-Forwarded-For.
const noClaim = ""

// parseVantages reads the values of --ip, [NAME=]VANTAGE, where env:VAR and
// file:PATH stand for the vantage that they hold. Without a name a vantage is
// called what it is, credentials left out. A single claim is compared with none.
func parseVantages(values []string, src secret.Source) (origins, error) {
	o := origins{vantages: map[string]send.Vantage{}, claimed: map[string]string{}}
	for i, v := range values {
		if err := o.add(v, src); err != nil {
			return origins{}, usagef("--ip, value %d: %w", i+1, err)
		}
	}
	if len(o.claims) == 1 {
		o.claims = append(o.claims, noClaim)
	}
	return o, nil
}

// add reads one value.
func (o *origins) add(value string, src secret.Source) error {
	name, text, named := strings.Cut(value, "=")
	if !named || strings.Contains(name, ":") { // a password or a path may hold the sign
		name, text, named = "", value, false
	}
	if named && !isLabel(name) {
		return errors.New("its name is not a plain one (letters, digits, . _ -, at most 32)")
	}
	if strings.HasPrefix(text, "env:") || strings.HasPrefix(text, "file:") {
		held, err := secret.Resolve(text, src)
		if err != nil {
			return err
		}
		text = held.Reveal()
	}
	if claim, ok := strings.CutPrefix(text, "forwarded:"); ok {
		return o.claim(name, claim)
	}
	vantage, err := send.ParseVantage(text)
	if err != nil {
		return err
	}
	if !named {
		name = vantage.String()
	}
	for have, other := range o.vantages {
		if have == name || other.Same(vantage) {
			return errors.New("an earlier one has the same name or address")
		}
	}
	o.names = append(o.names, name)
	o.vantages[name] = vantage
	return nil
}

// claim adds an address to claim in X-Forwarded-For.
func (o *origins) claim(name, text string) error {
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil || addr.Zone() != "" {
		return errors.New("what is to be claimed is no address: write forwarded:ADDR with an IPv4 or IPv6 address")
	}
	if name == "" {
		name = addr.String()
	}
	for have, other := range o.claimed {
		if have == name || other == addr.String() {
			return errors.New("an earlier one has the same name or claims the same address")
		}
	}
	o.claims = append(o.claims, name)
	o.claimed[name] = addr.String()
	return nil
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
