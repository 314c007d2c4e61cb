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

// Watch looks for distress and bans in the answers of a run, in the order of
// closing. It is used by one goroutine.
type Watch struct {
	loopback bool

	failures int  // added up since the last explained answer
	cut      bool // all of these were connections that could not be made
	rejected int  // status of the first rejection, 0 before it
	severity int  // of the first rejection
	admitted map[trace.Identity]bool
	usedAt   map[trace.Identity]time.Duration
	notes    []string
}

// NewWatch returns a Watch. On loopback, where the target is the operator's
// own, bans are noted and do not stop.
func NewWatch(loopback bool) *Watch {
	return &Watch{loopback: loopback, admitted: map[trace.Identity]bool{}, usedAt: map[trace.Identity]time.Duration{}}
}

// Notes are the suspicions that did not stop the run, in words.
func (w *Watch) Notes() []string { return w.notes }

// See takes one closed request, closed at now, and says whether to stop and
// why, in words.
func (w *Watch) See(now time.Duration, o trace.Observation, outcome trace.Outcome) (Alarm, string) {
	last, used := w.usedAt[o.Identity]
	rested := !used || now-last >= rest
	w.usedAt[o.Identity] = now

	alarm, why := w.ban(o, outcome)
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
		if !w.loopback {
			return Ban, why
		}
		w.note(why)
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

func (w *Watch) fail(o trace.Observation, rested bool) (Alarm, string) {
	cut := o.Fault == trace.FaultConnect || o.Fault == trace.FaultResolve || o.Fault == trace.FaultTLS ||
		o.Fault == trace.FaultProxy || o.Fault == trace.FaultLocal
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
	if w.rejected != 0 && o.Fault != trace.FaultNone && o.Fault != trace.FaultLocal {
		why := fmt.Sprintf("after rejections, requests in a row got no answer (latest: %s)", what)
		if !w.loopback {
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
