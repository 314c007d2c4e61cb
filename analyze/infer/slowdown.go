package infer

import (
	"fmt"
	"math"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// A window may slow its callers down instead of refusing them: past so many
// requests each answer takes longer than the one before, until the window ends
// and answers are quick again.

// slowdown is what such a window showed to a caller who sent one request after
// another.
type slowdown struct {
	step      float64 // seconds by which each answer is later than the last, 0 if they are not evenly so
	undelayed int     // answered at once in one whole window, 0 where none was seen whole
	window    float64 // seconds that it lasts if its first request opens it, 0 where none was seen whole
	lo, hi    float64 // ends of what it may last whatever opens it
	seqs      []int   // the delayed requests
}

// growingRun is how many answers in a row, each later than the one before, are
// no coincidence.
const growingRun = 6

// growing finds answers of the baseline that get slower and slower while nothing
// else is under way, which neither load nor a queue of our own explains.
func (r *record) growing() (slowdown, bool) {
	xs := r.sequential()
	least := math.Inf(1)
	for _, x := range xs {
		least = math.Min(least, x.rtt)
	}
	slow := func(x sample) bool { return x.rtt > 5*least && x.rtt > least+0.02 }
	var out slowdown
	lastEnd := -1 // index of the last delayed answer of the run before
	for i := 0; i < len(xs); i++ {
		from := i
		for i < len(xs) && slow(xs[i]) && (i == from || xs[i].rtt > xs[i-1].rtt) {
			i++
		}
		if i-from < growingRun || !even(xs[from:i]) {
			i = max(i-1, from)
			continue
		}
		out.step = (xs[i-1].rtt - xs[from].rtt) / float64(i-1-from)
		for _, x := range xs[from:i] {
			out.seqs = append(out.seqs, x.seq)
		}
		if first := lastEnd + 1; lastEnd >= 0 && first < from {
			// The window began with the first quick answer, or on a clock before
			// it, and was still running when the last delayed request was sent.
			out.undelayed = from - first
			if i < len(xs) && !slow(xs[i]) {
				out.lo = xs[i-1].sent - xs[first].sent
				out.hi = xs[i].sent - xs[lastEnd].sent
				out.window = (out.lo + xs[i].sent - xs[first].sent) / 2
			}
		}
		lastEnd = i - 1
		i--
	}
	return out, len(out.seqs) > 0
}

// sequential are the admitted requests of the baseline up to the first that had
// company: their answers owe nothing to load of our own.
func (r *record) sequential() (out []sample) {
	c := r.baseline()
	free := math.Inf(-1)
	for _, x := range r.samples {
		if x.sent < free {
			if n := len(out); n > 0 && out[n-1].sent+out[n-1].rtt > x.sent {
				out = out[:n-1]
			}
			return out
		}
		free = x.sent + x.rtt
		if x.outcome == trace.Admitted && x.id == c.id && x.route == c.route {
			out = append(out, x)
		}
	}
	return out
}

// even says whether delays grow in steps of one length.
func even(xs []sample) bool {
	step := (xs[len(xs)-1].rtt - xs[0].rtt) / float64(len(xs)-1)
	for i := 1; i < len(xs); i++ {
		if math.Abs(xs[i].rtt-xs[i-1].rtt-step) > 0.3*step {
			return false
		}
	}
	return true
}

// delays states a window that slows down instead of refusing.
func (r *record) delays(s slowdown) verdict.Limit {
	l := verdict.Limit{Unit: "requests", Source: "measured", Equivalent: []string{}, Algorithm: verdict.LeakyQueue}
	r.stateScope(&l, r.candidates(nil), nil)
	l.Scope = nil
	if s.undelayed > 0 {
		n := float64(s.undelayed)
		l.Limit = &verdict.Figure{Value: n, Lo: n, Hi: n}
		l.Undelayed = &verdict.Figure{Value: n, Lo: n, Hi: n}
	}
	if s.window > 0 {
		l.WindowS = &verdict.Figure{Value: s.window, Lo: s.lo, Hi: s.hi}
	}
	l.AlgorithmConfidence, l.Confidence = 0.85, 0.8
	l.Rejection.Statuses = []int{}
	l.Rejection.RetryAfter.Verdict = "absent"
	l.Evidence = []verdict.Evidence{{
		Claim:        fmt.Sprintf("requests sent one after another were not refused, but each was answered %.3g s later than the one before", s.step),
		Observations: s.seqs[:min(len(s.seqs), 8)],
	}}
	l.Settle = "the same series by two identities in turn would show whose requests are slowed down, and a longer one the longest delay"
	return l
}
