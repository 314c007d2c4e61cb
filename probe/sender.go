package probe

import (
	"context"
	"time"

	"apisonde/probe/trace"
)

// Sender makes connections and requests. send.Sender is the real one; tests
// have fakes. All methods are safe for concurrent use.
type Sender interface {
	// Reserve returns a line for the identity that nobody else uses, dialled
	// now where no idle one is left, or always when fresh is set. Dialling
	// takes time, so it comes before the instant of sending. A fault other
	// than FaultNone means that there is no line.
	Reserve(ctx context.Context, id trace.Identity, fresh bool) (Line, trace.Fault)
}

// Line is one reserved connection, used once: either Send and then Receive, or
// Release ends the reservation. Calls may come from different goroutines, one at a
// time.
type Line interface {
	// Conn is the ordinal of the connection, from 1.
	Conn() int
	// Alive tells whether the connection is still open as far as this end knows.
	Alive() bool
	// Send puts one request on the wire, never two. It does not wait for the
	// server.
	Send(ctx context.Context, route string)
	// Receive waits for the end of what was sent, or of Send's context. It fills
	// what the wire knows of an observation: Conn, Written, FirstByte, Done,
	// Status, Headers, Body and Fault. Written is zero when no byte left.
	Receive() trace.Observation
	// Release gives the line back unused.
	Release()
}

// Journal records what is sent. journal.Writer is the real one. Calls may come
// from several goroutines. Any error is final: nothing more is sent after it.
type Journal interface {
	// Intent records requests before their first bytes leave: Seq, Step,
	// Identity, Route, Conn and Planned.
	Intent(...trace.Observation) error
	// Outcome records the whole observation of an earlier intent.
	Outcome(trace.Observation) error
	// Lease records that the requests numbered up to upto may leave, and makes
	// that durable: after a crash so many count as sent.
	Lease(upto int) error
	// Close writes the end record and makes everything durable.
	Close(trace.End) error
	// Trace reads back what was recorded. It is called once, after Close, so
	// that no run keeps in memory what it has written.
	Trace() (trace.Trace, error)
}

// Clock tells offsets from the origin of a run, and waits. Tests have a virtual
// one; NewClock returns the real one.
type Clock interface {
	// Now is the offset from the origin.
	Now() time.Duration
	// Until returns nil at offset at (at once if it is past), or the error of
	// ctx as soon as that ends. A precise wait may spend processor time on its
	// last part.
	Until(ctx context.Context, at time.Duration, precise bool) error
}
