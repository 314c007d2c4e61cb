package infer

import (
	"fmt"
	"math"
	"slices"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// A queue delays instead of refusing: a caller who sends one request after
// another is paced to the queue's drain and never sees a refusal.

// queuedRun is how many slow answers in a row make a queue; fewer are hiccups.
const queuedRun = 8

// queued says whether the latest sequential answers of the baseline are all far
// slower than the fastest ones, and evenly spaced.
func (r *record) queued() bool {
	_, ok := r.paced()
	return ok
}

// paced returns the gaps between the completions of the baseline's slow answers
// at the end of its first series, in seconds.
func (r *record) paced() (gaps []float64, ok bool) {
	base := r.base()
	var xs []sample
	for _, x := range r.samples {
		if x.id == base && x.outcome == trace.Admitted {
			xs = append(xs, x)
		}
	}
	if len(xs) < queuedRun+1 {
		return nil, false
	}
	least := math.Inf(1)
	for _, x := range xs {
		least = math.Min(least, x.rtt)
	}
	slow := func(x sample) bool { return x.rtt > 5*least && x.rtt > least+0.008 }
	i := len(xs)
	for i > 0 && slow(xs[i-1]) {
		i--
	}
	if len(xs)-i < queuedRun {
		return nil, false
	}
	for k := i + 1; k < len(xs); k++ {
		gaps = append(gaps, xs[k].sent+xs[k].rtt-xs[k-1].sent-xs[k-1].rtt)
	}
	slices.Sort(gaps)
	return gaps, gaps[len(gaps)*3/4] < 1.5*gaps[len(gaps)/4]
}

// queue states what delays show: the drain, while the depth and whose queue it
// is stay open.
func (r *record) queue() verdict.Limit {
	gaps, _ := r.paced()
	mid := gaps[len(gaps)/2]
	lo, hi := gaps[len(gaps)/10], gaps[len(gaps)*9/10]
	l := verdict.Limit{Unit: "requests", Source: "measured", Equivalent: []string{}, Algorithm: verdict.LeakyQueue}
	r.stateScope(&l, r.candidates(nil), nil)
	l.Scope = nil
	l.RatePerS = &verdict.Figure{Value: 1 / mid, Lo: 1 / hi, Hi: 1 / lo}
	l.AlgorithmConfidence, l.Confidence = 0.85, 0.85
	l.Rejection.Statuses = []int{}
	l.Rejection.RetryAfter.Verdict = "absent"
	var seqs []int
	for _, x := range r.samples[max(0, len(r.samples)-queuedRun):] {
		seqs = append(seqs, x.seq)
	}
	l.Evidence = []verdict.Evidence{{
		Claim:        fmt.Sprintf("requests sent one after another were not refused but answered every %.3g s", mid),
		Observations: seqs,
	}}
	l.Settle = "bursts of growing size, by two identities at once, would show how many it holds back before it refuses, and whose queue it is"
	return l
}
