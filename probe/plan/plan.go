// Package plan holds what may be sent, when and why. It is a leaf: values
// only, no I/O and no clock.
package plan

import (
	"time"

	"apisonde/probe/trace"
)

// Send is one request to make.
type Send struct {
	At       time.Duration // offset from the step's start; in order
	Identity trace.Identity
	Route    string
	NewConn  bool // on a connection of its own, never used before
}

// Step is a few sends that answer one question.
type Step struct {
	Question string        // what is asked, for people: "does a second key have a counter of its own?"
	Reason   string        // why now, for people
	Start    time.Duration // offset from the run's origin before which nothing is sent; 0: at once
	Sends    []Send

	// Width is the most requests in flight at once. 1 sends one by one, each
	// after the answer to the one before (and not before its At), so the order
	// in which the server decided is known. More is a burst on connections
	// dialled beforehand; a send whose instant has passed when that of the next
	// one comes is left out, since sending both would be a faster pace.
	Width int

	// The step ends early, unsent sends dropped, once so many of its requests
	// were limited or admitted. Zero: never. With Width > 1 those already in
	// flight still count.
	StopAfterLimited  int
	StopAfterAdmitted int

	// Late: an answer that took longer than this counts as limited for the two
	// above, even if it was admitted. Zero: none does.
	Late time.Duration
}

// Latest is the offset from the step's start at which its last send is due.
func (s Step) Latest() time.Duration {
	if len(s.Sends) == 0 {
		return 0
	}
	return s.Sends[len(s.Sends)-1].At
}

// Budget holds the ceilings of a run; see trace.Budget, where it stands so that a
// trace can carry it.
type Budget = trace.Budget

// Plan is a run before it starts: what a person confirms.
type Plan struct {
	Target   trace.Target
	Roster   trace.Roster
	Budget   trace.Budget
	Loopback bool

	Inside    int     // requests inside a stated wait, for each refusal that begins one; 0: as many as there are
	Leave     float64 // share of a stated quota with a long window that is not spent
	StopAtBan bool    // a suspected ban stops who shares the caller's address or account

	// EgressCheck is the URL that is asked once through each vantage where it
	// arrives from, fit to be shown; "" for none.
	EgressCheck string
}
