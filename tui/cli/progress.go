package cli

import (
	"fmt"
	"io"
	"time"

	"apisonde/analyze/infer"
	"apisonde/probe"
)

// progressEvery is how often a headless run says where it stands.
const progressEvery = 5 * time.Second

// tellProgress prints a line now and then until done is closed.
func tellProgress(w io.Writer, a *assessment, done <-chan struct{}) {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			fmt.Fprintln(w, progressLine(a.session.Snapshot(), a.engine.Belief()))
		}
	}
}

// progressLine is one line on a run in progress: time, what was sent and came of
// it, what is being asked, and the best answer so far.
func progressLine(s probe.Snapshot, b *infer.Belief) string {
	admitted, limited := 0, 0
	for _, t := range s.Tallies {
		admitted += t.Admitted
		limited += t.Limited
	}
	line := fmt.Sprintf("%4.0fs  %d of at most %d sent, %d admitted, %d limited",
		s.Elapsed.Seconds(), s.Sent, s.Budget.MaxRequests, admitted, limited)
	if s.Step.Question != "" {
		line += "; asking: " + s.Step.Question
	}
	if b != nil && b.Headline != "" {
		line += "; so far: " + b.Headline
	}
	return line
}
