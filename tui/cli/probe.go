package cli

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"apisonde/probe"
	"apisonde/probe/journal"
	"apisonde/probe/trace"
	"apisonde/tui"
)

func probeCommand(std *streams) *cli.Command {
	return &cli.Command{
		Name:      "probe",
		Usage:     "assess an API: plan, confirm, send, infer, advise, print",
		ArgsUsage: "URL",
		Flags:     join(identityFlags(), requestFlags(), signFlags(), ceilingFlags(), careFlags(), consentFlags(), recordFlags(), []cli.Flag{resumeFlag()}, configFlag(), resultFlags(verdictFormats)),
		Action: func(c *cli.Context) error {
			r, err := readResult(c, std, verdictFormats)
			if err != nil {
				return err
			}
			a, may, err := prepare(c, std, formOf(c), std.asks())
			if err != nil {
				return err
			}
			if may == mustAsk {
				if err := writePlan(std.err, a.plan); err != nil {
					return err
				}
				if !ask(std, fmt.Sprintf("\nSend this to %s?", a.request.Request.URL.Host)) {
					return usagef("not confirmed; nothing was sent")
				}
			}
			return headless(c.Context, std, a, r)
		},
	}
}

// prepare reads a form and the other flags into an assessment, and says whether it
// may start or a person has to be asked. Nothing is sent here; where nobody can be
// asked it ends in a usage error.
func prepare(c *cli.Context, std *streams, f tui.Form, asks bool) (*assessment, consent, error) {
	part, err := reopen(c, &f)
	if err != nil {
		return nil, refused, err
	}
	a, may, err := prepared(c, std, f, part, asks)
	if err != nil && part != nil {
		part.Release()
	}
	return a, may, err
}

func prepared(c *cli.Context, std *streams, f tui.Form, part *journal.Part, asks bool) (*assessment, consent, error) {
	cfg, err := configure(c, std, f)
	if err != nil {
		return nil, refused, err
	}
	var total trace.Budget
	if part != nil {
		if total, err = goOn(c, cfg, part.Trace); err != nil {
			return nil, refused, err
		}
	}
	may, err := consentOf(c, cfg.send.Request.URL, cfg.near(), asks)
	if err != nil {
		return nil, refused, err
	}
	if err := cfg.resolve(std); err != nil {
		return nil, refused, err
	}
	a, err := newAssessment(cfg, c)
	if err == nil && part != nil {
		a.part, a.total, a.path = part, total, c.String("resume")
	}
	return a, may, err
}

// headless runs an assessment with a line of progress now and then, and prints
// what came of it.
func headless(ctx context.Context, std *streams, a *assessment, r result) error {
	if err := a.resolve(ctx); err != nil {
		return err
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
	signals := watchSignals(stop, a.abort)
	defer signals.close()
	done := make(chan struct{})
	go tellProgress(std.err, a, done)
	res, v := a.run(ctx)
	close(done)

	code := signals.code()
	if lines != nil {
		if err := lines.close(); err != nil {
			fmt.Fprintf(std.err, "apisonde: the observations cannot be printed: %v\n", err)
			code = worst(code, exitRuntime)
		}
	}
	return a.conclude(std, r, res, v, code)
}
