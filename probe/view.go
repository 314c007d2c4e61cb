package probe

import (
	"slices"
	"sync"
	"time"

	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

const (
	binWidth = 250 * time.Millisecond
	recent   = 32 // observations kept for an event log
)

// view gathers what screens show. Its lock is held for copying alone.
type view struct {
	clock  Clock
	origin time.Duration // offset at which this part of the run began

	mu      sync.Mutex
	snap    Snapshot // Tallies, Bins and Recent are its own, and copied out
	indexes map[tallyKey]int
}

type tallyKey struct {
	id    trace.Identity
	route string
}

func newView(c Clock, begin time.Duration, b plan.Budget) *view {
	if b.MaxDuration > 0 {
		b.MaxDuration -= begin
	}
	return &view{clock: c, origin: begin, snap: Snapshot{Budget: b, BinWidth: binWidth}, indexes: map[tallyKey]int{}}
}

func (v *view) begin(step plan.Step, no int) {
	step.Sends = nil
	v.mu.Lock()
	defer v.mu.Unlock()
	v.snap.Step, v.snap.StepNo = step, no
}

// earlier counts the requests of earlier parts of the run.
func (v *view) earlier(n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.snap.Sent += n
}

func (v *view) sent(o trace.Observation) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.snap.Sent++
	v.snap.Inflight++
	if o.Egress == "" {
		v.tally(o).Sent++
	}
}

func (v *view) tally(o trace.Observation) *Tally {
	k := tallyKey{o.Identity, o.Route}
	i, ok := v.indexes[k]
	if !ok {
		i = len(v.snap.Tallies)
		v.indexes[k] = i
		v.snap.Tallies = append(v.snap.Tallies, Tally{Identity: o.Identity, Route: o.Route})
	}
	return &v.snap.Tallies[i]
}

func (v *view) closed(o trace.Observation, outcome trace.Outcome) {
	at := o.Done
	if at == 0 {
		at = v.clock.Now()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.snap.Inflight--
	if o.Egress != "" {
		return // it says nothing of the target
	}
	t, b := v.tally(o), v.bin(at)
	switch outcome {
	case trace.Admitted:
		t.Admitted++
		b.Admitted++
	case trace.Limited:
		t.Limited++
		b.Limited++
	default:
		t.Ignored++
		b.Ignored++
	}
	if o.Status != 0 {
		t.Last = o.Status
	}
	if len(v.snap.Recent) == recent {
		copy(v.snap.Recent, v.snap.Recent[1:])
		v.snap.Recent = v.snap.Recent[:recent-1]
	}
	v.snap.Recent = append(v.snap.Recent, o)
}

func (v *view) bin(at time.Duration) *Bin {
	i := int(max(0, at-v.origin) / binWidth)
	for len(v.snap.Bins) <= i {
		v.snap.Bins = append(v.snap.Bins, Bin{})
	}
	return &v.snap.Bins[i]
}

func (v *view) finish(why StopReason, at time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.snap.Stop, v.snap.Over, v.snap.Elapsed = why, true, at-v.origin
}

func (v *view) snapshot() Snapshot {
	now := v.clock.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.snap
	if !s.Over {
		s.Elapsed = now - v.origin
	}
	v.bin(s.Elapsed + v.origin)
	s.Bins = slices.Clone(v.snap.Bins)
	s.Tallies = slices.Clone(v.snap.Tallies)
	s.Recent = slices.Clone(v.snap.Recent)
	return s
}
