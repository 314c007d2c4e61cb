package guard

import (
	"fmt"
	"strings"
	"time"

	"apisonde/probe/trace"
)

// Alarm is what a Watch sees in an answer.
type Alarm int

// The alarms.
const (
	Calm     Alarm = iota
	Distress       // the server fails where spent quota does not explain it
	Ban            // the server treats this caller worse than a limiter does
	Cut            // connections can no longer be made
)

// A run stops once failures without an explanation add up to tolerance. One
// counts 1, or 2 where the identity had been at rest: quota explains that one
// least. A single failure, which any network has, never stops a run.
const (
	tolerance = 3
	rest      = 10 * time.Second
)

// An answer is slow where it took slowTimes as long as the fastest of the first
// few, and at least slowLeast. The run's own load does not explain it where
// nothing was asked for the time of a rest before it, and no more than few
// requests in the minute before: less than limiters that delay begin at.
const (
	slowTimes = 5
	slowLeast = 2 * time.Second
	few       = 5
	lately    = time.Minute
)

// A stated wait that doubles for the second time, and is long, while nothing was
// let through, is how bans are built up. A limiter's own wait grows once at most,
// where a second layer of it refuses.
const longWait = time.Minute

// ownTolerance is how many requests in a row this machine may fail to send. A
// burst that finds no descriptors loses this many at once.
const ownTolerance = 64

// Watch looks for distress and bans in the answers of a run, in the order of
// closing. It is used by one goroutine.
type Watch struct {
	learn bool // bans do not stop the run

	failures int  // added up since the last explained answer
	local    int  // faults of this machine since the last answer
	cut      bool // all of these were connections that could not be made
	rejected int  // status of the first rejection, 0 before it
	severity int  // of the first rejection
	admitted map[trace.Identity]bool
	usedAt   map[trace.Identity]time.Duration
	waits    map[trace.Identity]growth
	notes    []string

	trips   int             // answers that fastest was taken from
	fastest time.Duration   // of the first few
	slow    int             // slow answers in a row that own load does not explain
	over    time.Duration   // when the latest answer of all was over
	left    []time.Duration // when the latest few requests left
}

// growth is how the wait that refusals state has grown since the last admission.
type growth struct {
	wait    time.Duration // that the next one is held against
	doubled int
}

// NewWatch returns a Watch. Where learn is set, because penalties are to be
// learnt about or the target is the operator's own, bans are noted and do not
// stop.
func NewWatch(learn bool) *Watch {
	return &Watch{
		learn: learn, admitted: map[trace.Identity]bool{}, usedAt: map[trace.Identity]time.Duration{},
		waits: map[trace.Identity]growth{},
	}
}

// Forget drops the failures that earlier parts of a run ended with: a part that
// goes on begins with a server that may be well again.
func (w *Watch) Forget() { w.failures, w.slow, w.notes = 0, 0, nil }

// Notes are the suspicions that did not stop the run, in words.
func (w *Watch) Notes() []string { return w.notes }

// See takes one closed request, closed at now, and the wait that it states, 0
// for none. It says whether to stop and why, in words.
func (w *Watch) See(now time.Duration, o trace.Observation, outcome trace.Outcome, wait time.Duration) (Alarm, string) {
	last, used := w.usedAt[o.Identity]
	rested := !used || now-last >= rest
	w.usedAt[o.Identity] = now

	if o.Fault == trace.FaultChanged {
		return Cut, "the target has changed: its address shows another certificate than before"
	}
	if o.Fault == trace.FaultLocal {
		return w.own()
	}
	w.local = 0
	alarm, why := w.ban(o, outcome)
	if grown := w.grows(o, outcome, wait); alarm == Calm && grown != "" {
		alarm, why = Ban, grown
	}
	slow := w.slows(o)
	if outcome == trace.Limited {
		if w.rejected == 0 {
			w.rejected, w.severity = max(o.Status, 1), severity(o)
		}
		w.failures = 0
	}
	if outcome == trace.Admitted {
		w.admitted[o.Identity] = true
		w.failures = 0
	}
	if alarm == Ban {
		if !w.learn {
			return Ban, why
		}
		w.note(why)
	}
	if slow != "" {
		return Distress, slow
	}
	if outcome == trace.Admitted || outcome == trace.Limited || !failure(o) {
		return Calm, ""
	}
	return w.fail(o, rested)
}

// failure tells answers that a healthy server does not give.
func failure(o trace.Observation) bool {
	switch o.Fault {
	case trace.FaultNone:
		return o.Status >= 500
	case trace.FaultCancelled, trace.FaultUnknown:
		return false
	}
	return true
}

// own counts faults of this machine, which say nothing about the server: requests
// that never left. What frees a descriptor or a port again is an answer.
func (w *Watch) own() (Alarm, string) {
	if w.local++; w.local < ownTolerance {
		return Calm, ""
	}
	return Cut, "this machine lacks descriptors or ports for further connections; lower --max-inflight or raise the limit (ulimit -n)"
}

func (w *Watch) fail(o trace.Observation, rested bool) (Alarm, string) {
	cut := o.Fault == trace.FaultConnect || o.Fault == trace.FaultResolve || o.Fault == trace.FaultTLS ||
		o.Fault == trace.FaultProxy
	if w.failures == 0 {
		w.cut = true
	}
	w.cut = w.cut && cut
	w.failures++
	if rested {
		w.failures++
	}
	if w.failures < tolerance {
		return Calm, ""
	}
	what := fmt.Sprintf("status %d", o.Status)
	if o.Fault != trace.FaultNone {
		what = fmt.Sprintf("fault %q", o.Fault)
	}
	if w.rejected != 0 && o.Fault != trace.FaultNone {
		why := fmt.Sprintf("after rejections, requests in a row got no answer (latest: %s)", what)
		if !w.learn {
			return Ban, why
		}
		w.note(why)
	}
	if w.cut {
		return Cut, fmt.Sprintf("connections in a row failed (latest: %s)", what)
	}
	why := fmt.Sprintf("requests in a row failed, and spent quota does not explain it (latest: %s)", what)
	if o.Fault == trace.FaultReset {
		why += "; where that is how the service refuses, --limited-when dropped says so"
	}
	return Distress, why
}

// ban tells answers that are worse than the first rejection's, of an identity
// that was admitted before.
func (w *Watch) ban(o trace.Observation, outcome trace.Outcome) (Alarm, string) {
	if w.rejected == 0 || outcome == trace.Admitted || o.Status == 0 {
		return Calm, ""
	}
	if severity(o) <= w.severity || !w.admitted[o.Identity] {
		return Calm, ""
	}
	what := fmt.Sprintf("status %d", o.Status)
	if challenge(o) {
		what += " with a challenge page"
	}
	return Ban, fmt.Sprintf("%s after rejections that were status %d: the server may have banned this caller", what, w.rejected)
}

// grows tells a stated wait that keeps doubling.
func (w *Watch) grows(o trace.Observation, outcome trace.Outcome, wait time.Duration) string {
	switch {
	case outcome == trace.Admitted:
		delete(w.waits, o.Identity)
	case outcome == trace.Limited && wait > 0:
		g := w.waits[o.Identity]
		if g.wait > 0 && wait >= 2*g.wait {
			g.doubled++
		}
		if g.wait == 0 || wait >= 2*g.wait {
			g.wait = wait
		}
		w.waits[o.Identity] = g
		if g.doubled >= 2 && wait >= longWait {
			return fmt.Sprintf("the wait that refusals state keeps growing, to %s now: the server may be building up a ban", wait)
		}
	}
	return ""
}

// slows tells answers in a row whose delay the run's own load does not explain.
func (w *Watch) slows(o trace.Observation) string {
	if o.FirstByte == 0 {
		return ""
	}
	busy := len(w.left) == few && o.Written-w.left[0] < lately || w.over > 0 && o.Written-w.over < rest
	w.over = max(w.over, o.Done, o.FirstByte)
	if w.left = append(w.left, o.Written); len(w.left) > few {
		w.left = w.left[1:]
	}
	trip := o.FirstByte - o.Written
	if w.trips < few {
		if w.trips++; w.trips == 1 || trip < w.fastest {
			w.fastest = trip
		}
	}
	switch {
	case trip < slowLeast || trip < slowTimes*w.fastest:
		w.slow = 0
	case !busy:
		w.slow++
	}
	if w.slow < tolerance {
		return ""
	}
	return fmt.Sprintf("answers in a row took long, %s the latest and %s once, and the run's own load does not explain it", trip.Round(time.Millisecond), w.fastest.Round(time.Millisecond))
}

// severity orders refusals: a limiter's, a denial, a ban by name.
func severity(o trace.Observation) int {
	switch {
	case o.Status == 418, challenge(o):
		return 2
	case o.Status == 401, o.Status == 403, o.Status == 451:
		return 1
	}
	return 0
}

// challenge tells pages that want to see a person.
func challenge(o trace.Observation) bool {
	if o.Status != 403 && o.Status != 429 && o.Status != 503 {
		return false
	}
	text := strings.ToLower(string(o.Body.Text))
	for _, sign := range []string{"captcha", "cf-challenge", "challenge-platform", "just a moment..."} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

func (w *Watch) note(why string) {
	for _, n := range w.notes {
		if n == why {
			return
		}
	}
	w.notes = append(w.notes, why)
}
