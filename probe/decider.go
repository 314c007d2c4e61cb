package probe

import (
	"time"

	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// Decider decides what to ask next. infer.Engine is the one that reasons; tests
// have simpler ones. Calls come from one goroutine, in this order: Observe for
// every closed request, in the order of closing, canaries included (Step 0);
// Next when a step is over.
type Decider interface {
	// Observe folds one closed request in and says how it counts. It is cheap:
	// it is called between two sends.
	Observe(trace.Observation) trace.Outcome

	// Next returns the step that would teach most, or false when nothing is
	// left to ask within the budget. now is the offset from the run's origin.
	Next(now time.Duration) (plan.Step, bool)
}

// barrer is a Decider that can go on where the server may have banned a caller. A
// ban ends the run of one that is none.
type barrer interface {
	// Bar leaves a caller, and all who share its address or its account, out of
	// what is asked from now on. It returns false where that leaves nobody.
	Bar(trace.Identity) bool
}
