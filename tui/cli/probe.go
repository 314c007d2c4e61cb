package cli

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"apisonde/probe"
)

func probeCommand(std *streams) *cli.Command {
	return &cli.Command{
		Name:      "probe",
		Usage:     "assess an API: plan, confirm, send, infer, advise, print",
		ArgsUsage: "URL",
		Flags:     join(identityFlags(), requestFlags(), ceilingFlags(), consentFlags(), recordFlags(), resultFlags(verdictFormats)),
		Action: func(c *cli.Context) error {
			r, err := readResult(c, std, verdictFormats)
			if err != nil {
				return err
			}
			a, err := confirmed(c, std)
			if err != nil {
				return err
			}
			return headless(c.Context, std, a, r)
		},
	}
}

// confirmed reads the flags into an assessment and sees that it may start. Nothing
// is sent here; without consent it ends in a usage error.
func confirmed(c *cli.Context, std *streams) (*assessment, error) {
	cfg, err := configure(c, std)
	if err != nil {
		return nil, err
	}
	may, err := consentOf(c, cfg.send.Request.URL, cfg.plan.Loopback, std.asks())
	if err != nil {
		return nil, err
	}
	if err := cfg.resolve(std); err != nil {
		return nil, err
	}
	a, err := newAssessment(cfg, c)
	if err != nil {
		return nil, err
	}
	if may == mustAsk {
		if err := writePlan(std.err, a.plan); err != nil {
			return nil, err
		}
		if !ask(std, fmt.Sprintf("\nSend this to %s?", cfg.send.Request.URL.Host)) {
			return nil, usagef("not confirmed; nothing was sent")
		}
	}
	return a, nil
}

// headless runs an assessment with a line of progress now and then, and prints
// what came of it.
func headless(ctx context.Context, std *streams, a *assessment, r result) error {
	if err := a.sender.Resolve(ctx); err != nil {
		return runtimef("%w; nothing was sent", err)
	}
	var lines *lineWriter
	var wrap func(probe.Journal) probe.Journal
	if r.format == formatNDJSON {
		lines = newLineWriter(std.out)
		wrap = func(j probe.Journal) probe.Journal { return &streaming{j, lines} }
	}
	if err := a.start(wrap); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	signals := watchSignals(stop, a.session.Abort)
	defer signals.close()
	done := make(chan struct{})
	go tellProgress(std.err, a, done)
	res, v := a.run(ctx)
	close(done)

	for _, n := range res.Notes {
		fmt.Fprintf(std.err, "note: %s\n", n)
	}
	code := runCode(res.Reason)
	if res.Err != nil {
		fmt.Fprintf(std.err, "apisonde: %v\n", res.Err)
	}
	if lines != nil {
		if err := lines.close(); err != nil {
			fmt.Fprintf(std.err, "apisonde: the observations cannot be printed: %v\n", err)
			code = worst(code, exitRuntime)
		}
	}
	code = worst(code, r.finish(std, v, res.Trace))
	fmt.Fprintf(std.err, "trace: %s\n", a.path)
	if code = worst(signals.code(), code); code != exitOK {
		return &failure{code: code}
	}
	return nil
}
