package tui

import (
	tea "github.com/charmbracelet/bubbletea"

	_ "apisonde/tui/bg" // before Bubble Tea
)

// relay carries the one outcome of a run to all who wait for it: the screen, and
// Run after the screen is gone. A plain channel would hand it to one of them.
type relay struct {
	source  Source
	done    chan struct{}
	outcome Outcome
	ok      bool
}

// outcomeMsg tells the root model that the run is over.
type outcomeMsg struct{}

func newRelay(source Source, outcomes <-chan Outcome) *relay {
	r := &relay{source: source, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.outcome, r.ok = <-outcomes
	}()
	return r
}

// wait blocks until the outcome is there; false means that there is none.
func (r *relay) wait() (Outcome, bool) {
	<-r.done
	return r.outcome, r.ok
}

// over is whether the outcome is there.
func (r *relay) over() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// listen is the command that reports the end to the screen.
func (r *relay) listen() tea.Msg {
	<-r.done
	return outcomeMsg{}
}
