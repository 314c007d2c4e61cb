// Package tui is what a person meets on a terminal: the plan to confirm, the run
// as it goes on, the verdict, the advice and what the headers claim. It never sits
// in the measuring path: it pulls a snapshot a few times a second and sends
// nothing but the wish to start, to stop and to abort.
package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"apisonde/analyze/infer"
	"apisonde/probe"
	"apisonde/probe/plan"
	_ "apisonde/tui/bg" // before Bubble Tea
	"apisonde/tui/pane"
	"apisonde/tui/pane/confirm"
	"apisonde/tui/pane/setup"
)

// Source is a run in progress as the screen sees it. Both methods are safe from
// any goroutine and cheap: they are called about ten times a second.
type Source interface {
	Snapshot() probe.Snapshot
	Belief() *infer.Belief // nil before the first thought
}

// Outcome is how a run ended.
type Outcome = pane.Outcome

// Row, Table and Sheet are what the plan screen shows, computed by the caller.
type (
	Row   = confirm.Row
	Table = confirm.Table
	Sheet = confirm.Sheet
)

// Form is what the setup screen asks for.
type Form = setup.Form

// Hooks are what the screen may ask of the program. Start, Stop and Abort are
// called from the screen's own loop and must return at once.
type Hooks struct {
	// Start begins sending, once, after the plan was confirmed. The channel gives
	// the outcome, exactly one, when the last request is closed and the verdict is
	// drawn. ctx is not cancelled when the context of Run is: Stop is called then.
	Start func(ctx context.Context) (Source, <-chan Outcome)

	// Stop ends sending, waits for what is in flight and keeps everything. It may
	// be called more than once.
	Stop func()

	// Abort ends at once what Stop would wait for. What was sent is kept.
	Abort func()

	// Build makes a plan of what the setup screen was given. It runs beside the
	// screen's loop, must not read the terminal, and its errors hold no secret.
	// What it returns about colour and characters is not used. Start then starts
	// that plan.
	Build func(Form) (Options, error)

	// SaveReport writes the report as markdown and returns the path that it wrote
	// to. It runs beside the screen's loop. Nil: reports cannot be saved.
	SaveReport func(o Outcome, path string) (string, error)
}

// Options say what is shown and how.
type Options struct {
	Plan        plan.Plan
	Sheet       Sheet
	Setup       *Form  // begin with the setup screen, with these values; needs Hooks.Build
	SkipConfirm bool   // start without asking: only where nobody needs to be asked
	ReportPath  string // where the report goes by default; passed on to SaveReport

	NoColor bool // no colour and no other style, whatever the terminal can do
	ASCII   bool // draw with ASCII alone
}

// Run shows the screen on the terminal behind in and out until it is left, and
// returns the outcome of the run, and whether there was one. It does not return
// while a run it started is still sending, whatever happens to the screen.
//
// When ctx is done, a run in progress is stopped, its outcome awaited and the
// screen left. Of signals Run handles only the one that stops a program from a
// shell; Ctrl-C is a key here.
func Run(ctx context.Context, in, out *os.File, o Options, h Hooks) (Outcome, bool, error) {
	profile := termenv.Ascii
	if !o.NoColor {
		profile = max(termenv.NewOutput(out).EnvColorProfile(), termenv.ANSI) // 16 colours at most; larger is fewer
	}
	lipgloss.SetColorProfile(profile)
	o.NoColor = profile == termenv.Ascii

	m := newModel(context.WithoutCancel(ctx), o, h, time.Now)
	p := tea.NewProgram(m, tea.WithInput(in), tea.WithOutput(out), tea.WithAltScreen(), tea.WithoutSignalHandler())
	defer onSuspend(func() { p.Send(suspendMsg{}) })()
	defer context.AfterFunc(ctx, func() { p.Send(endMsg{}) })()
	_, err := p.Run()
	if err != nil {
		err = fmt.Errorf("the screen failed: %w", err)
		if m.run != nil && !m.run.over() {
			h.Stop()
		}
	}
	if m.run == nil {
		return Outcome{}, false, err
	}
	outcome, ok := m.run.wait()
	if !ok {
		err = errors.Join(err, errors.New("the run ended without an outcome"))
	}
	return outcome, true, err
}
