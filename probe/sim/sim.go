// Package sim runs a probe.Decider against the practice server's limiters in
// virtual time: a session without sockets and without waiting, repeatable to
// the nanosecond under a seed. It is a discrete-event simulation. A request
// leaves the client, reaches the server half a round trip later, is decided
// there at that instant, in the order of arrival, and its answer travels back.
package sim

import (
	"time"

	"apisonde/probe"
	"apisonde/probe/lab/limit"
	"apisonde/probe/trace"
)

// Net is the path between client and server. The zero value is a path without
// delay, loss or fault.
type Net struct {
	RTT      time.Duration // both ways together
	Jitter   time.Duration // most that both ways together may take longer, uniform, half of it each way
	Loss     float64       // share of requests that get no answer; half of them reach the server
	Timeout  time.Duration // after which a request without an answer closes; 0: 5 s
	Spurious float64       // share of admitted requests that the application answers with 500
	Think    time.Duration // what a call of Next costs
	Skew     time.Duration // the server's clock less the client's
	Stall    float64       // share of sends that the client misses its moment for
	Stalled  time.Duration // most that it is late then, uniform
}

// Others are callers elsewhere who count as Identity on Route, at memoryless
// intervals from offset zero on. The zero value is nobody.
type Others struct {
	Identity trace.Identity
	Route    string
	Rate     float64 // a second, on average
}

// Change puts another stack in the place of the one before: a restart, or
// another policy. Requests in flight stay with the stack that admitted them.
type Change struct {
	At    time.Duration // offset from the origin
	Stack *limit.Stack  // used up by the run; it starts at At
}

// Config is one run.
type Config struct {
	Stack    *limit.Stack // used up by the run: its counters are not fresh afterwards
	Roster   trace.Roster // its vantages are addresses, its owners the users behind keys
	Budget   trace.Budget // zero MaxRequests, MaxDuration or MaxInflight: no such ceiling
	Seed     uint64
	Loopback bool // what the trace says of the target
	Net      Net
	Others   Others
	Change   *Change // nil: the limiter stays what it is

	// Start is the client's wall clock at offset zero. The zero value is a
	// moment drawn from the seed, so that nothing comes to depend on the phase.
	Start time.Time
}

const defaultTimeout = 5 * time.Second

// Run sends the canaries of the roster one by one, then lets d decide, as a
// live session would: it sends each step, reports every closed request to d in
// the order of closing, and ends when d has nothing to ask or a ceiling stands
// in the way. No ceiling is passed: a request that would pass the rate or the
// in-flight ceiling is delayed, one of an identity whose rejections are spent is
// left out, one that would pass another ceiling ends the run. So do three steps
// in a row that sent nothing. A request is planned for the instant at which it
// could leave, and late by nothing but Net.Stall.
//
// The server's start, to which windows may be aligned, is drawn from the seed
// and lies up to an hour before the run, unless the stack has been started.
// Each identity keeps its connections, and the one opened first is used first;
// what a step needs is dialled, at the cost of one round trip, before it
// begins. A connection that a send asked to have to itself is not used again.
func Run(d probe.Decider, cfg Config) trace.Trace {
	s := newSession(d, cfg)
	reason := s.run()
	return trace.Trace{
		Meta: trace.Meta{
			Tool:     "sim",
			Target:   trace.Target{Method: "GET", URL: "http://sim.invalid" + cfg.Roster.Routes[0]},
			Started:  s.start,
			Seed:     cfg.Seed,
			Roster:   cfg.Roster,
			Budget:   cfg.Budget,
			Loopback: cfg.Loopback,
		},
		Observations: s.seen,
		End:          &trace.End{Reason: string(reason), At: s.now, Requests: len(s.seen)},
	}
}
