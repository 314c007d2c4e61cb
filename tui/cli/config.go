package cli

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"apisonde/analyze/header"
	"apisonde/probe/guard"
	"apisonde/probe/importer"
	"apisonde/probe/plan"
	"apisonde/probe/secret"
	"apisonde/probe/send"
	"apisonde/probe/trace"
	"apisonde/tui"
)

// config is what the flags of probe, plan and tui come to: what to send, under
// whose names, within which ceilings.
type config struct {
	plan  plan.Plan
	send  send.Config // without clock, and before resolve without secrets
	keys  []named
	users []named
	rules header.Rules // signs of a rejection

	care      guard.Care
	learnBans bool
	check     *url.URL // tells where requests arrive from; nil: not asked
}

// formOf is what the flags say of URL and identities; the setup screen asks for the
// same.
func formOf(c *cli.Context) tui.Form {
	return tui.Form{
		URL: c.Args().First(), Keys: c.StringSlice("key"), Users: c.StringSlice("user"),
		Addresses: c.StringSlice("ip"), Routes: c.StringSlice("route"),
	}
}

// configure reads a form and the other flags. It knows keys and users by name alone;
// near tells whether everything that is sent stays on this machine.
func (cfg *config) near() bool {
	return cfg.plan.Loopback && (cfg.check == nil || isLoopback(cfg.check.Hostname()))
}

// resolve follows their references.
func configure(c *cli.Context, std *streams, f tui.Form) (*config, error) {
	request, err := readRequest(c, std, f.URL)
	if err != nil {
		return nil, err
	}
	keys, err := parseAllNamed("key", "k", f.Keys, true)
	if err != nil {
		return nil, err
	}
	users, err := parseAllNamed("user", "u", f.Users, false)
	if err != nil {
		return nil, err
	}
	cfg := &config{send: send.Config{Request: request, Version: version, SSHKeys: c.StringSlice("ssh-key")}, keys: keys, users: users}
	r := &cfg.plan.Roster
	for _, k := range keys {
		r.Keys = append(r.Keys, trace.Key{Name: k.name, Owner: k.owner})
	}
	for _, u := range users {
		r.Users = append(r.Users, u.name)
	}
	from, err := parseVantages(f.Addresses, secret.System(std.in, std.err))
	if err != nil {
		return nil, err
	}
	r.Vantages, cfg.send.Vantages = from.names, from.vantages
	for name, v := range from.vantages {
		if a, ok := v.Known(); ok {
			if r.Addresses == nil {
				r.Addresses = map[string]string{}
			}
			r.Addresses[name] = a.String()
		}
	}
	r.Forwarded, cfg.send.Forwarded = from.claims, from.claimed
	if len(r.Forwarded) > 0 && request.Headers.Get("X-Forwarded-For") != "" {
		return nil, usagef("--header: X-Forwarded-For is set by --ip forwarded:ADDR already; leave one of them out")
	}
	if len(r.Vantages) == 0 {
		r.Vantages = []string{anyAddress}
	}
	if cfg.send.TLS, err = readTLS(c); err != nil {
		return nil, err
	}
	if cfg.send.HTTP2, err = readHTTP(c); err != nil {
		return nil, err
	}
	if r.Routes, err = parseRoutes(request.URL, f.Routes); err != nil {
		return nil, err
	}
	if cfg.check, err = readEgressCheck(c.String("egress-check")); err != nil {
		return nil, err
	}
	if cfg.check != nil {
		cfg.plan.EgressCheck = send.Public(cfg.check)
	}
	cfg.plan.Target = trace.Target{Method: request.Method, URL: send.Public(request.URL)}
	cfg.plan.Loopback = isLoopback(request.URL.Hostname()) && allDirect(cfg.send.Vantages)
	if cfg.rules, err = header.ParseRules(c.StringSlice("limited-when")); err != nil {
		return nil, usagef("--limited-when: %w", err)
	}
	cfg.send.KeepBodies = cfg.rules.ReadBody()
	if cfg.care, cfg.learnBans, err = readCare(c, cfg.plan.Loopback); err != nil {
		return nil, err
	}
	cfg.plan.Inside, cfg.plan.Leave, cfg.plan.StopAtBan = cfg.care.Inside, cfg.care.Leave, !cfg.plan.Loopback && !cfg.learnBans
	if cfg.plan.Budget, err = readBudget(c, guard.DefaultBudget(cfg.plan.Loopback)); err != nil {
		return nil, err
	}
	return cfg, nil
}

// resolve follows the references to keys and users, which may ask at the terminal.
func (cfg *config) resolve(std *streams) error {
	src := secret.System(std.in, std.err)
	var err error
	if cfg.send.Keys, err = resolveAll("key", cfg.keys, src); err != nil {
		return err
	}
	cfg.send.Users, err = resolveAll("user", cfg.users, src)
	return err
}

// anyAddress names the one place that requests leave from where --ip says none:
// the system chooses the address.
const anyAddress = "default"

func resolveAll(flag string, list []named, src secret.Source) (map[string]secret.Value, error) {
	out := map[string]secret.Value{}
	for _, n := range list {
		v, err := secret.Resolve(n.ref, src)
		if err != nil {
			return nil, usagef("--%s %s: %w", flag, n.name, err)
		}
		for other, have := range out {
			if have.Equal(v) {
				return nil, usagef("--%s: %s and %s have the same value; two names need two values to tell anything", flag, other, n.name)
			}
		}
		out[n.name] = v
	}
	return out, nil
}

// readRequest joins the URL, --from-curl, -X, -H and -d into the request. What is
// written on the command line wins over the curl command.
func readRequest(c *cli.Context, std *streams, raw string) (send.Request, error) {
	var found importer.Request
	if ref := c.String("from-curl"); ref != "" {
		text := ref
		if strings.HasPrefix(ref, "file:") || strings.HasPrefix(ref, "env:") || ref == "-" {
			var err error
			if text, err = readText("--from-curl", ref, std); err != nil {
				return send.Request{}, err
			}
		}
		var err error
		if found, err = importer.Curl(text); err != nil {
			return send.Request{}, usagef("--from-curl: %w", err)
		}
	}
	switch {
	case raw != "" && found.URL != "":
		return send.Request{}, usagef("the URL is given twice, as an argument and by --from-curl; leave one out")
	case raw == "" && found.URL == "":
		return send.Request{}, usagef("no URL to assess; one begins with http:// or https://")
	case raw == "":
		raw = found.URL
	}
	target, err := parseTarget(raw)
	if err != nil {
		return send.Request{}, err
	}
	r := send.Request{URL: target, Body: found.Body, Headers: http.Header{}}
	if ref := c.String("data"); c.IsSet("data") {
		text, err := readText("--data", ref, std)
		if err != nil {
			return send.Request{}, err
		}
		r.Body = []byte(text)
	}
	if r.Method, err = readMethod(c, found.Method, r.Body != nil); err != nil {
		return send.Request{}, err
	}
	if r.KeyIn, err = readPlace("--key-in", c.String("key-in"), send.DefaultKeyPlace); err != nil {
		return send.Request{}, err
	}
	if r.UserIn, err = readPlace("--user-in", c.String("user-in"), send.DefaultUserPlace); err != nil {
		return send.Request{}, err
	}
	if r.Contact, err = readContact(c); err != nil {
		return send.Request{}, err
	}
	headers, err := parseHeaders(c.StringSlice("header"))
	if err != nil {
		return send.Request{}, err
	}
	if err := setHeaders(&r, found.Headers, headers); err != nil {
		return send.Request{}, err
	}
	if r.Contact != "" && r.Headers.Get("User-Agent") != "" {
		return send.Request{}, usagef("--contact stands in the User-Agent, which the request sets itself; leave one of them out")
	}
	return r, nil
}

// readContact reads --contact: what can stand in a header's comment.
func readContact(c *cli.Context) (string, error) {
	contact := c.String("contact")
	odd := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`()\\`, r) }
	if c.IsSet("contact") && (contact == "" || len(contact) > 200 || strings.ContainsFunc(contact, odd)) {
		return "", usagef("--contact is an address to write to, as ops@example.org or https://example.org/bots, without spaces and brackets")
	}
	return contact, nil
}

func readMethod(c *cli.Context, found string, body bool) (string, error) {
	value := c.String("method")
	if value == "" {
		value = found
	}
	method, err := parseMethod(value, body)
	if err != nil {
		return "", err
	}
	if !safeMethod(method) && !c.Bool("side-effect-free") {
		return "", usagef("a %s may change something each time; where it does not, say so with --side-effect-free", method)
	}
	return method, nil
}

func readPlace(flag, value string, def send.Place) (send.Place, error) {
	if value == "" {
		return def, nil
	}
	p, err := send.ParsePlace(value)
	if err != nil {
		return send.Place{}, usagef("%s: %s", flag, strings.ReplaceAll(err.Error(), strconv.Quote(value), "its value"))
	}
	return p, nil
}

// readBudget lays the ceilings of the flags over the defaults.
func readBudget(c *cli.Context, b trace.Budget) (trace.Budget, error) {
	for _, f := range []struct {
		name string
		into *int
	}{
		{"max-requests", &b.MaxRequests}, {"max-rps", &b.MaxRate},
		{"max-inflight", &b.MaxInflight}, {"max-rejections", &b.MaxRejections},
	} {
		if !c.IsSet(f.name) {
			continue
		}
		if *f.into = c.Int(f.name); *f.into < 1 {
			return b, usagef("--%s must be at least 1", f.name)
		}
	}
	if c.IsSet("max-duration") {
		if b.MaxDuration = c.Duration("max-duration"); b.MaxDuration < time.Second || b.MaxDuration > longestRun {
			return b, usagef("--max-duration must lie between 1s and %s", longestRun)
		}
	}
	return b, nil
}

// isLoopback tells whether a host is this machine by its name alone; a name that
// merely resolves to it does not count, for its answer may change.
func isLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}
