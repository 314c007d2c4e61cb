package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"apisonde/analyze/infer"
	"apisonde/probe"
	"apisonde/tui"
)

func tuiCommand(std *streams) *cli.Command {
	return &cli.Command{
		Name:      "tui",
		Usage:     "assess an API on a screen: the plan to confirm, the run, the verdict",
		ArgsUsage: "URL",
		Flags:     join(identityFlags(), requestFlags(), ceilingFlags(), consentFlags(), recordFlags(), verdictFlags()),
		Action: func(c *cli.Context) error {
			if !std.interactive() {
				return usagef("the screen needs a terminal on standard input and output; apisonde probe works without")
			}
			r, err := readResult(c, std, verdictFormats)
			if err != nil {
				return err
			}
			a, may, err := prepare(c, std)
			if err != nil {
				return err
			}
			return onScreen(c.Context, std, a, r, may == granted)
		},
	}
}

// onScreen runs an assessment in the TUI, and prints its summary when the screen
// is left. The plan is confirmed there unless it was already.
func onScreen(ctx context.Context, std *streams, a *assessment, r result, confirmed bool) error {
	shown, leave := context.WithCancel(ctx)
	defer leave()
	sending, stop := context.WithCancel(ctx)
	defer stop()
	signals := watchSignals(leave, a.abort)
	defer signals.close()

	var res probe.Result
	hooks := tui.Hooks{
		Start: func(context.Context) (tui.Source, <-chan tui.Outcome) {
			ended := make(chan tui.Outcome, 1)
			if err := a.start(nil); err != nil {
				ended <- tui.Outcome{Err: err}
				return source{}, ended
			}
			go func() {
				o := tui.Outcome{TracePath: a.path}
				res, o.Verdict = a.run(sending)
				o.Trace, o.Err = res.Trace, res.Err
				ended <- o
			}()
			return source{a.session, a.engine}, ended
		},
		Stop:  stop,
		Abort: a.abort,
		SaveReport: func(o tui.Outcome, path string) (string, error) {
			if path == "" {
				path = strings.TrimSuffix(a.path, ".ndjson") + ".md"
			}
			return path, saveReport(path, o.Verdict, o.Trace)
		},
	}
	o, ran, err := tui.Run(shown, std.in, std.out, tui.Options{
		Plan: a.plan, Sheet: tui.SheetOf(a.plan), SkipConfirm: confirmed,
		ReportPath: r.report, NoColor: !r.color,
	}, hooks)
	switch {
	case !ran && err != nil:
		return runtimef("%w", err)
	case !ran && signals.code() != exitOK:
		return &failure{code: signals.code()}
	case !ran:
		return usagef("not confirmed; nothing was sent")
	case a.session == nil:
		return o.Err
	}
	code := exitOK
	if err != nil {
		fmt.Fprintf(std.err, "apisonde: %v\n", err)
		code = exitRuntime
	}
	if res.Reason == probe.StopInterrupted && signals.code() == exitOK {
		code = exitInterrupted // by a key, which stands for the signal
	}
	return a.conclude(std, r, res, o.Verdict, worst(signals.code(), code))
}

// source is a run as the screen pulls it; the zero source is one that never began.
type source struct {
	session *probe.Session
	engine  *infer.Engine
}

// Snapshot implements tui.Source.
func (s source) Snapshot() probe.Snapshot {
	if s.session == nil {
		return probe.Snapshot{Over: true}
	}
	return s.session.Snapshot()
}

// Belief implements tui.Source.
func (s source) Belief() *infer.Belief {
	if s.engine == nil {
		return nil
	}
	return s.engine.Belief()
}
