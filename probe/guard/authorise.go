package guard

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// ErrRefused is wrapped by every refusal of Authorise. Nothing was sent.
var ErrRefused = errors.New("not authorised")

// Consent is what the operator has said, and how to ask for more.
type Consent struct {
	Yes        bool   // --yes
	Authorized string // --authorized HOST, "" where it was not given
	// Ask puts a question to the person at the terminal and returns the
	// answer. nil where there is no terminal.
	Ask func(question string) (string, error)
}

// Loopback tells whether a host is this machine by its very name: an address
// of the loopback network, or a localhost name.
func Loopback(host string) bool {
	host = strings.Trim(host, "[]")
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().IsLoopback()
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// Authorise decides whether target may be tested; nil is yes. direct is whether
// every vantage leaves from this machine itself. A loopback host, reached
// directly, needs a yes, given or asked for; any other needs its name, given or
// typed in. An authorisation for another host is refused everywhere.
func Authorise(target *url.URL, direct bool, c Consent) error {
	host := strings.ToLower(target.Hostname())
	if c.Authorized != "" {
		if names(c.Authorized, target) {
			return nil
		}
		return fmt.Errorf("%w: --authorized names %q, but the target is %q", ErrRefused, c.Authorized, host)
	}
	own := direct && Loopback(host)
	if own && c.Yes {
		return nil
	}
	if c.Ask == nil {
		if own {
			return fmt.Errorf("%w: there is no terminal to ask at: give --yes", ErrRefused)
		}
		return fmt.Errorf("%w: there is no terminal to ask at: give --authorized %s if you may test it (--yes is enough only for this machine, reached directly)", ErrRefused, host)
	}
	if own {
		answer, err := c.Ask("Send these requests? [y/N] ")
		if err != nil {
			return fmt.Errorf("%w: the question was not answered: %w", ErrRefused, err)
		}
		if a := strings.ToLower(strings.TrimSpace(answer)); a == "y" || a == "yes" {
			return nil
		}
		return fmt.Errorf("%w: the plan was not confirmed", ErrRefused)
	}
	answer, err := c.Ask(fmt.Sprintf("Type %s to state that you may test it and that these requests may be sent: ", host))
	if err != nil {
		return fmt.Errorf("%w: the question was not answered: %w", ErrRefused, err)
	}
	if names(strings.TrimSpace(answer), target) {
		return nil
	}
	return fmt.Errorf("%w: the host's name was not typed in", ErrRefused)
}

// names tells whether text is the target's host, with or without its port.
func names(text string, target *url.URL) bool {
	text = strings.TrimSuffix(strings.ToLower(text), ".")
	host := strings.TrimSuffix(strings.ToLower(target.Hostname()), ".")
	if text == "" {
		return false
	}
	if text == host || text == "["+host+"]" {
		return true
	}
	port := target.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[target.Scheme]
	}
	return text == host+":"+port || text == "["+host+"]:"+port
}
