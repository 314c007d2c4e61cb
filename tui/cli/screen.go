package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"apisonde/analyze/infer"
	"apisonde/analyze/verdict"
	"apisonde/probe"
	"apisonde/tui"
)

func tuiCommand(std *streams) *cli.Command {
	return &cli.Command{
		Name:      "tui",
		Usage:     "assess an API on a screen: the plan to confirm, the run, the verdict",
		ArgsUsage: "[URL]",
		Flags:     join(identityFlags(), requestFlags(), signFlags(), ceilingFlags(), consentFlags(), recordFlags(), verdictFlags()),
		Action: func(c *cli.Context) error {
			if !std.interactive() {
				return usagef("the screen needs a terminal on standard input and output; apisonde probe works without")
			}
			r, err := readResult(c, std, verdictFormats)
			if err != nil {
				return err
			}
			s := &screen{std: std, c: c, result: r}
			if c.Args().First() == "" && !c.IsSet("from-curl") {
				return s.setUp()
			}
			a, may, err := prepare(c, std, formOf(c), true)
			if err != nil {
				return err
			}
			return s.show(a, may == granted)
		},
	}
}

// screen runs an assessment in the TUI, and prints its summary when the screen is
// left.
type screen struct {
	std    *streams
	c      *cli.Context
	result result

	sending context.Context // ends the sending, in order
	stop    context.CancelFunc

	mu  sync.Mutex
	run *assessment // given, or built from what the setup screen asked

	res ended
	v   verdict.Verdict
}

// show runs a given assessment. The plan is confirmed on the screen unless it was
// already.
func (s *screen) show(a *assessment, confirmed bool) error {
	s.set(a)
	return s.open(s.options(a, confirmed))
}

// setUp begins with the screen that asks what to assess.
func (s *screen) setUp() error {
	form := formOf(s.c)
	return s.open(tui.Options{Setup: &form})
}

func (s *screen) options(a *assessment, confirmed bool) tui.Options {
	return tui.Options{Plan: a.plan, Sheet: tui.SheetOf(a.plan), SkipConfirm: confirmed, ReportPath: s.result.report}
}

func (s *screen) open(o tui.Options) error {
	shown, leave := context.WithCancel(s.c.Context)
	defer leave()
	s.sending, s.stop = context.WithCancel(s.c.Context)
	defer s.stop()
	signals := watchSignals(leave, s.abort)
	defer signals.close()

	o.NoColor = !s.result.color
	end, ran, err := tui.Run(shown, s.std.in, s.std.out, o, tui.Hooks{
		Build: s.build, Start: s.start, Stop: s.stop, Abort: s.abort, SaveReport: s.save,
	})
	switch {
	case !ran && err != nil:
		return runtimef("%w", err)
	case !ran && signals.code() != exitOK:
		return &failure{code: signals.code()}
	case !ran:
		return usagef("not confirmed; nothing was sent")
	case s.get().session == nil:
		return end.Err
	}
	code := signals.code()
	if err != nil {
		fmt.Fprintf(s.std.err, "apisonde: %v\n", err)
		code = worst(code, exitRuntime)
	}
	if s.res.Reason == probe.StopInterrupted && signals.code() == exitOK {
		code = worst(code, exitInterrupted) // by a key, which stands for the signal
	}
	return s.get().conclude(s.std, s.result, s.res, s.v, code)
}

// build makes an assessment of what the setup screen was given.
func (s *screen) build(f tui.Form) (tui.Options, error) {
	refs := slices.Concat(f.Keys, f.Users, []string{s.c.String("data"), s.c.String("from-curl")})
	for _, r := range refs {
		if _, after, named := strings.Cut(r, "="); named && isReference(after) {
			r = after
		}
		if r == "-" || r == "prompt" {
			return tui.Options{}, usagef("- and prompt cannot be answered here; use env:VARIABLE or file:PATH")
		}
	}
	a, may, err := prepare(s.c, s.std, f, true)
	if err != nil {
		return tui.Options{}, err
	}
	s.set(a)
	return s.options(a, may == granted), nil
}

func (s *screen) start(context.Context) (tui.Source, <-chan tui.Outcome) {
	ended := make(chan tui.Outcome, 1)
	a := s.get()
	if err := a.start(nil); err != nil {
		ended <- tui.Outcome{Err: err}
		return source{}, ended
	}
	go func() {
		s.res, s.v = a.run(s.sending)
		ended <- tui.Outcome{Verdict: s.v, Trace: s.res.Trace, TracePath: a.path, Err: s.res.Err}
	}()
	return source{a.session, a.engine}, ended
}

func (s *screen) save(o tui.Outcome, path string) (string, error) {
	if path == "" {
		path = strings.TrimSuffix(o.TracePath, ".ndjson") + ".md"
	}
	return path, saveReport(path, o.Verdict, o.Trace)
}

func (s *screen) abort() {
	if a := s.get(); a != nil {
		a.abort()
	}
}

func (s *screen) get() *assessment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run
}

func (s *screen) set(a *assessment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run = a
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
