package cli

import (
	"bufio"
	"fmt"
	"net/url"
	"strings"

	"github.com/urfave/cli/v2"
)

// consent is whether the run may start, as far as flags can say.
type consent int

const (
	refused consent = iota // not without a terminal to ask on
	granted
	mustAsk
)

// consentOf applies the rule of the contract: --authorized HOST where it matches
// the target; --yes where the target is loopback and every vantage reaches it
// directly; else the question, which needs a terminal.
func consentOf(c *cli.Context, target *url.URL, loopback, terminal bool) (consent, error) {
	if host := c.String("authorized"); c.IsSet("authorized") {
		if !sameHost(host, target) {
			return refused, usagef("--authorized names another host than the target, %s; nothing was sent", target.Host)
		}
		return granted, nil
	}
	switch {
	case c.Bool("yes") && loopback:
		return granted, nil
	case terminal:
		return mustAsk, nil
	case loopback:
		return refused, usagef("there is no terminal to confirm the plan on; --yes confirms it. Nothing was sent")
	}
	return refused, usagef("there is no terminal to confirm the plan on; --authorized %s states that this host may be tested. Nothing was sent", target.Hostname())
}

// sameHost tells whether host, perhaps with a port, is that of the target.
func sameHost(host string, target *url.URL) bool {
	bare := func(h string) string {
		return strings.ToLower(strings.TrimSuffix(strings.Trim(h, "[]"), "."))
	}
	return bare(host) == bare(target.Hostname()) || strings.EqualFold(host, target.Host)
}

// ask puts the question on the terminal; only yes is yes.
func ask(std *streams, question string) bool {
	fmt.Fprintf(std.err, "%s [y/N] ", question)
	line, err := bufio.NewReader(std.in).ReadString('\n')
	if err != nil {
		fmt.Fprintln(std.err)
		return false
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes"
}
