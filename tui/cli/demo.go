package cli

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"apisonde/probe/guard"
	"apisonde/probe/lab"
	"apisonde/probe/lab/limit"
	"apisonde/probe/plan"
	"apisonde/probe/secret"
	"apisonde/probe/send"
	"apisonde/probe/trace"
)

// demoLimiter is what the demo assesses unless told otherwise: small enough to be
// understood while one watches.
const demoLimiter = "token-bucket,rate=5,burst=20,by=key"

func limiterFlag(def string) cli.Flag {
	return &cli.StringSliceFlag{Name: "limiter", Category: "Practice server", Usage: "`SPEC` one layer of its limiter, as 'fixed-window,limit=100,window=60s,by=ip'; repeatable, all must admit", DefaultText: def}
}

func demoCommand(std *streams) *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "assess the built-in practice server on loopback; asks nothing",
		Description: "On a terminal the run shows on a screen; with --output, or without a terminal, " +
			"the verdict is printed.",
		Flags: join([]cli.Flag{limiterFlag(demoLimiter)}, ceilingFlags(), recordFlags(), resultFlags(verdictFormats)),
		Action: func(c *cli.Context) error {
			r, err := readResult(c, std, verdictFormats)
			if err != nil {
				return err
			}
			server, err := startLab(c, "127.0.0.1:0", demoLimiter)
			if err != nil {
				return err
			}
			defer server.Close()
			cfg, err := demoConfig(c, server.URL())
			if err != nil {
				return err
			}
			a, err := newAssessment(cfg, c)
			if err != nil {
				return err
			}
			if std.interactive() && !c.IsSet("output") {
				return (&screen{std: std, c: c, result: r}).show(a, true)
			}
			return headless(c.Context, std, a, r)
		},
	}
}

// startLab starts the practice server with the limiters of --limiter.
func startLab(c *cli.Context, addr, def string) (*lab.Server, error) {
	specs := c.StringSlice("limiter")
	if len(specs) == 0 && def != "" {
		specs = []string{def}
	}
	if len(specs) == 0 {
		return nil, usagef("no limiter to practise on; write --limiter SPEC, as --limiter %s", demoLimiter)
	}
	stack, err := limit.Parse(specs)
	if err != nil {
		return nil, usagef("--limiter: %w", err)
	}
	server, err := lab.Listen(c.Context, addr, stack, lab.Options{})
	if _, tried := errors.AsType[*net.OpError](err); err != nil && !tried {
		return nil, &failure{exitUsage, err} // the address itself is refused
	}
	return server, err
}

// demoConfig makes up callers among which the practice server's scopes can be told
// apart: two of everything, as far as this machine has a second loopback address.
func demoConfig(c *cli.Context, target string) (*config, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	cfg := &config{
		plan: plan.Plan{
			Target: trace.Target{Method: "GET", URL: target},
			Roster: trace.Roster{
				Vantages: []string{"a"},
				Keys:     []trace.Key{{Name: "k1"}, {Name: "k2"}},
				Users:    []string{"u1", "u2"},
				Routes:   []string{"/", "/a"},
			},
			Loopback: true,
		},
		send: send.Config{
			Request:  send.Request{Method: "GET", URL: u},
			Keys:     map[string]secret.Value{"k1": secret.New("demo-key-1"), "k2": secret.New("demo-key-2")},
			Users:    map[string]secret.Value{"u1": secret.New("demo-user-1"), "u2": secret.New("demo-user-2")},
			Vantages: map[string]send.Vantage{"a": {Addr: netip.MustParseAddr("127.0.0.1")}},
			Version:  version,
		},
	}
	if b := (send.Vantage{Addr: netip.MustParseAddr("127.0.0.2")}); b.Check() == nil {
		cfg.plan.Roster.Vantages = []string{"a", "b"}
		cfg.send.Vantages["b"] = b
	}
	cfg.plan.Budget, err = readBudget(c, guard.DefaultBudget(true))
	return cfg, err
}

func labCommand(std *streams) *cli.Command {
	return &cli.Command{
		Name:  "lab",
		Usage: "run the practice server alone, on loopback, until a signal",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Category: "Practice server", Usage: "`ADDRESS` loopback address and port, 0 for any free one", DefaultText: defaultListen},
			limiterFlag(""),
		},
		Action: func(c *cli.Context) error {
			addr := defaultListen
			if c.IsSet("listen") {
				addr = c.String("listen")
			}
			signals := make(chan os.Signal, 1)
			signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
			defer signal.Stop(signals)
			server, err := startLab(c, addr, "")
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintln(std.out, server.URL()); err != nil {
				return err
			}
			ended := make(chan error, 1)
			go func() { ended <- server.Wait() }()
			select {
			case err := <-ended:
				return err
			case s := <-signals:
				if err := server.Close(); err != nil {
					return err
				}
				fmt.Fprintf(std.err, "%d requests were received\n", server.Total())
				n, _ := s.(syscall.Signal)
				return &failure{code: 128 + int(n)}
			}
		},
	}
}

// defaultListen is where the practice server listens unless told otherwise.
const defaultListen = "127.0.0.1:8080"
