// Package pane holds what the screens have in common: the values they are shown
// and the scrolled text that most of them are. Each pane is a child of the root
// model in package tui, in a package of its own below this one.
package pane

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"apisonde/analyze/infer"
	"apisonde/analyze/verdict"
	"apisonde/probe"
	"apisonde/probe/trace"
	_ "apisonde/tui/bg" // before Bubble Tea
)

// Pane is one screen below the root. Its size is told to it before its first
// View; View returns exactly the lines and cells of that size.
type Pane interface {
	SetSize(width, height int)
	Update(tea.Msg) tea.Cmd
	View() string
	Keys() []key.Binding // the keys that do something here now
}

// Frame is what a run looks like at one instant. The root sends it to every pane,
// hidden ones too, so that none is stale when it is turned to.
type Frame struct {
	Snapshot probe.Snapshot
	Belief   *infer.Belief // nil before the first thought
	Stopping bool          // nothing more is sent; what is in flight is waited for
}

// Outcome is how a run ended.
type Outcome struct {
	Verdict   verdict.Verdict
	Trace     trace.Trace
	TracePath string // where the trace lies; "" where none was written
	Err       error  // what went wrong; the verdict then holds what was learnt before
}

// Concluded tells every pane that the run is over.
type Concluded struct{ Outcome Outcome }
