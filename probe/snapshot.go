package probe

import (
	"time"

	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// StopReason is why sending ended before the plan did; the words are those of
// the verdict contract.
type StopReason string

// The stop reasons. StopNone is a run whose decider had nothing left to ask.
const (
	StopNone        StopReason = ""
	StopBudget      StopReason = "budget"
	StopDuration    StopReason = "duration"
	StopInterrupted StopReason = "interrupted"
	StopDistress    StopReason = "server-distress"
	StopBan         StopReason = "suspected-ban"
	StopNetwork     StopReason = "network"
	StopTrace       StopReason = "trace"
)

// Tally counts the requests of one identity on one route.
type Tally struct {
	Identity trace.Identity
	Route    string
	Sent     int
	Admitted int
	Limited  int
	Ignored  int // ignored and refused
	Last     int // status of the latest response, 0 if none
}

// Bin counts what happened in one interval of the run.
type Bin struct {
	Admitted int
	Limited  int
	Ignored  int
}

// Snapshot is an immutable picture of a run in progress. Screens pull it; it is
// a copy and may be kept.
type Snapshot struct {
	Elapsed  time.Duration // of this part, where the run was resumed
	Sent     int
	Inflight int
	Tallies  []Tally // in the order of first use
	Bins     []Bin   // one for every BinWidth elapsed
	BinWidth time.Duration
	Budget   plan.Budget
	Step     plan.Step // the step in progress, Sends emptied
	StepNo   int
	Stop     StopReason
	Over     bool
	Recent   []trace.Observation // the latest few, oldest first, for an event log
}
