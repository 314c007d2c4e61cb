package trace

import "time"

// Last is the latest offset at which anything is known to have happened.
func (t Trace) Last() time.Duration {
	var last time.Duration
	if n := len(t.Resumptions); n > 0 {
		last = t.Resumptions[n-1].At
	}
	if t.End != nil {
		last = max(last, t.End.At)
	}
	for _, o := range t.Observations {
		last = max(last, o.Planned, o.Written, o.Done)
	}
	return last
}

// Resume is the resumption of t at wall-clock time now. A pause is measured by
// the wall clock, from the latest instant that the trace ties to it: what that
// clock was changed by meanwhile cannot be told, unless it ran backwards.
func (t Trace) Resume(tool string, now time.Time, b Budget) Resumption {
	wall, at := t.Meta.Started, time.Duration(0)
	if n := len(t.Resumptions); n > 0 {
		wall, at = t.Resumptions[n-1].Started, t.Resumptions[n-1].At
	}
	if t.End != nil && !t.End.Ended.IsZero() {
		wall, at = t.End.Ended, t.End.At
	}
	r := Resumption{Tool: tool, Started: now.UTC().Round(0), At: at + now.Sub(wall), Budget: b}
	if last := t.Last(); r.At < last {
		r.At, r.Unplaced = last, true
	}
	return r
}

// Active is how long the parts of t took together, the pauses between them left
// out.
func (t Trace) Active() time.Duration {
	var sum, begin, last time.Duration
	next := 0
	turn := func(at time.Duration) {
		for next < len(t.Resumptions) && t.Resumptions[next].At <= at {
			sum += last - begin
			begin = t.Resumptions[next].At
			last = begin
			next++
		}
	}
	for _, o := range t.Observations {
		turn(o.Planned)
		last = max(last, o.Planned, o.Written, o.Done)
	}
	turn(1<<63 - 1)
	if t.End != nil {
		last = max(last, t.End.At)
	}
	return sum + last - begin
}

// Left is what t leaves of its budget for a part that begins at offset at:
// requests that may have been sent count, whether or not they are recorded, and
// MaxDuration becomes the offset at which the run ends. Both figures are zero or
// less where nothing is left.
func (t Trace) Left(at time.Duration) Budget {
	b := t.Meta.Budget
	b.MaxRequests -= t.Lost
	if b.MaxRequests <= len(t.Observations) {
		b.MaxRequests = 0
	}
	if active := t.Active(); active >= b.MaxDuration {
		b.MaxDuration = 0
	} else {
		b.MaxDuration += at - active
	}
	return b
}
