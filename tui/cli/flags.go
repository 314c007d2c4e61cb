package cli

import (
	"time"

	"github.com/urfave/cli/v2"

	"apisonde/probe/send"
)

// The flags, by group. Each command takes the groups that mean something for it;
// cli wants fresh values for every command, hence functions.

// identityFlags say under whose names requests go out.
func identityFlags() []cli.Flag {
	const group = "Who asks"
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "key", Category: group, Usage: "`[NAME[@USER]=]REF` an API key, and whose it is; repeatable. REF is env:VAR, file:PATH, - (a line of standard input), prompt or literal:VALUE; names default to k1, k2, …"},
		&cli.StringFlag{Name: "key-in", Category: group, Usage: "`PLACE` where a key travels: header:NAME, bearer, basic, query:NAME, cookie:NAME or 'header:NAME: TEMPLATE with {}'", DefaultText: send.DefaultKeyPlace.String()},
		&cli.StringSliceFlag{Name: "user", Category: group, Usage: "`[NAME=]REF` a user that travels in a place of its own; repeatable"},
		&cli.StringFlag{Name: "user-in", Category: group, Usage: "`PLACE` where a user travels, written as for --key-in", DefaultText: send.DefaultUserPlace.String()},
		&cli.StringSliceFlag{Name: "ip", Category: group, Usage: "`[NAME=]VANTAGE` where to send from: an address of this machine, if:NAME, socks5h://[USER:PASSWORD@]HOST:PORT, http://[USER:PASSWORD@]HOST:PORT or ssh://[USER@]HOST[:PORT]; env:VAR or file:PATH may hold it; repeatable, the first is the baseline"},
		&cli.StringSliceFlag{Name: "ssh-key", Category: group, Usage: "`FILE` a key to log in to jump hosts with, tried before those of the agent and of ~/.ssh; repeatable"},
		&cli.StringFlag{Name: "egress-check", Category: group, Usage: "`URL` is asked once from each --ip and must answer with the address it is asked from, as text or as the field ip of JSON"},
	}
}

// requestFlags say what is asked for.
func requestFlags() []cli.Flag {
	const group = "What is asked"
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "route", Category: group, Usage: "`PATH` a further path of the same origin; repeatable, the URL's own is the baseline"},
		&cli.StringFlag{Name: "method", Aliases: []string{"X"}, Category: group, Usage: "`METHOD` the request's method; any but GET and HEAD needs --side-effect-free", DefaultText: "GET, with --data POST"},
		&cli.StringSliceFlag{Name: "header", Aliases: []string{"H"}, Category: group, Usage: "`'NAME: VALUE'` a header of every request; repeatable"},
		&cli.StringFlag{Name: "data", Aliases: []string{"d"}, Category: group, Usage: "`REF` the request's body: file:PATH, env:VAR, - or literal:TEXT"},
		&cli.StringFlag{Name: "from-curl", Category: group, Usage: "`REF` take the request from a curl command line: file:PATH, - or the command itself; other flags win over it"},
		&cli.StringFlag{Name: "contact", Category: group, Usage: "`ADDRESS` where those who run the service can reach you; it stands in the User-Agent"},
		&cli.BoolFlag{Name: "side-effect-free", Category: group, Usage: "states that repeating the request changes nothing on the server"},
		&cli.StringFlag{Name: "http", Category: group, Usage: "`VERSION` of HTTP to speak: 1.1, or 2, with one request at a time on a connection", DefaultText: "1.1"},
		&cli.StringFlag{Name: "cacert", Category: group, Usage: "`FILE` the certificates of authorities to trust, in place of the system's"},
		&cli.StringFlag{Name: "cert", Category: group, Usage: "`FILE` the caller's certificate, for servers that want one"},
		&cli.StringFlag{Name: "cert-key", Category: group, Usage: "`FILE` its private key, unless that is in the same file"},
	}
}

// signFlags say what counts as a rejection beside what services usually send.
func signFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "limited-when", Category: "What is asked", Usage: "`RULE` a further sign that a limit refused a request; repeatable. RULE joins with ' and ' any of status=403, status=500-599, body=TEXT, body~REGEXP, header=NAME and header=NAME: TEXT; dropped is a connection closed without an answer"},
	}
}

// ceilingFlags are never passed by one.
func ceilingFlags() []cli.Flag {
	const group = "Ceilings, never passed"
	return []cli.Flag{
		&cli.IntFlag{Name: "max-requests", Base: 10, Category: group, Usage: "`N` requests in all", DefaultText: "1000; loopback 100000"},
		&cli.DurationFlag{Name: "max-duration", Category: group, Usage: "`D` from the first request on, as 90s or 15m", DefaultText: "15m; loopback 30m"},
		&cli.IntFlag{Name: "max-rps", Base: 10, Category: group, Usage: "`N` requests in any one second, bursts included", DefaultText: "20; loopback none"},
		&cli.IntFlag{Name: "max-inflight", Base: 10, Category: group, Usage: "`N` requests at once", DefaultText: "20; loopback 256"},
		&cli.IntFlag{Name: "max-rejections", Base: 10, Category: group, Usage: "`N` rejections for each identity", DefaultText: "25; loopback none"},
	}
}

// consentFlags answer the question that is asked before anything is sent.
func consentFlags() []cli.Flag {
	const group = "Consent"
	return []cli.Flag{
		&cli.BoolFlag{Name: "yes", Category: group, Usage: "do not ask; enough only where the host is loopback and no vantage a proxy or jump host"},
		&cli.StringFlag{Name: "authorized", Category: group, Usage: "`HOST` states that HOST may be tested; must match the target, implies --yes"},
	}
}

// recordFlags concern the run's journal and its chances.
func recordFlags() []cli.Flag {
	const group = "Record"
	return []cli.Flag{
		&cli.StringFlag{Name: "trace", Category: group, Usage: "`FILE` the run's journal; it must not exist", DefaultText: "HOST-TIME.ndjson under the state folder"},
		&cli.Uint64Flag{Name: "seed", Base: 10, Category: group, Usage: "`N` makes every random choice repeatable", DefaultText: "random, and kept in the trace"},
	}
}

// resultFlags say how a verdict comes out, in one of formats.
func resultFlags(formats []format) []cli.Flag { return join(outputFlag(formats), verdictFlags()) }

// verdictFlags say what becomes of a verdict beside being printed.
func verdictFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "report", Category: resultGroup, Usage: "`FILE` also write a markdown report there"},
		&cli.StringFlag{Name: "expect", Category: resultGroup, Usage: "`TEXT` exit 4 when the verdict differs, as '100 per 60s by key'"},
		&cli.StringFlag{Name: "color", Category: resultGroup, Usage: "`WHEN` colour plain text: auto, always or never", DefaultText: "auto"},
	}
}

const resultGroup = "Result"

func join(groups ...[]cli.Flag) []cli.Flag {
	var out []cli.Flag
	for _, g := range groups {
		out = append(out, g...)
	}
	return out
}

// longestRun is the longest duration that means anything; beyond it a typing error
// is likelier than a wish.
const longestRun = 24 * time.Hour
