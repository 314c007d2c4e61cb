package infer

import (
	"math"
	"slices"
	"time"

	"apisonde/analyze/model"
	"apisonde/probe/trace"
)

// sample is what inference keeps of one observation.
type sample struct {
	seq     int
	step    int
	id      trace.Identity
	route   string
	conn    int     // ordinal of the connection; 0: not known
	sent    float64 // seconds from the origin
	rtt     float64 // seconds to the first byte
	outcome trace.Outcome
	status  int
	held    bool   // answered, but held back: read as a refusal
	doubt   bool   // of one that is no evidence: it may have been counted all the same
	look    uint64 // of a refusal: what its status and headers have in common with others of the same limit
}

// timing says how precisely the instant of a decision is known. A constant
// delay on the way cancels in every difference, so what is uncertain is the
// excess of a round trip over the shortest one of its class, not the whole.
type timing struct {
	shortest [2]float64 // shortest round trip of rejections and admissions
	longest  float64    // by how much any took longer than the shortest of its class
	slack    float64
	run      float64 // seconds that requests with the same outcome may take to be one event
}

func class(o trace.Outcome) int {
	if o == trace.Limited {
		return 0
	}
	return 1
}

// maxSlack bounds what one hiccup can add to every interval.
const maxSlack = 0.02

func measureTiming(samples []sample) timing {
	t := timing{shortest: [2]float64{math.Inf(1), math.Inf(1)}, run: runSpan}
	var rtts [2][]float64
	n := 0
	for _, s := range samples {
		if s.outcome == trace.Admitted || s.outcome == trace.Limited {
			rtts[class(s.outcome)] = append(rtts[class(s.outcome)], s.rtt)
			n++
		}
	}
	var spread float64
	for k, r := range rtts {
		if len(r) == 0 {
			continue
		}
		slices.Sort(r)
		t.shortest[k] = r[0]
		spread = max(spread, r[len(r)*9/10]-r[0])
		t.longest = max(t.longest, r[len(r)-1]-r[0])
	}
	t.slack = min(maxSlack, spread)*(0.03+0.7/math.Sqrt(float64(n+1))) + 0.001
	return t
}

// latest is the latest offset at which the decision on s can have fallen, on
// the scale on which it fell at s.sent at the earliest.
func (t timing) latest(s sample) float64 {
	if s.doubt && s.rtt < 0 { // no answer says more
		return s.sent + t.longest + t.slack
	}
	least := t.shortest[class(s.outcome)]
	if s.outcome == trace.Limited { // rejections skip the handler, admissions never do
		least = min(least, t.shortest[1]+0.01)
	}
	return s.sent + min(s.rtt, s.rtt-least+t.slack)
}

// Runs of equal outcomes are one event while they are this close and this
// short: longer ones would blur when the counter moved.
const (
	runGap  = 0.02
	runSpan = 0.05
	// fineSpan is for records that were explained request by request.
	fineSpan = 0.003
)

// clockTick is the precision of instants, in seconds, so that what was sent when the
// answer was there does not overlap.
const clockTick = 1e-8

// events turns one counter's samples, in the order of sending, into events.
// Requests that overlapped have no known order and become one event; others
// join runs of equal outcomes. The first admission of a run stands alone, since
// it may have opened a window.
func events(samples []sample, t timing) []model.Event {
	out, _ := runs(samples, t, false)
	return out
}

// runs are the events with, for each sample, the index of its event; -1 for
// samples that are no evidence. With apart every refusal is an event of its own.
func runs(samples []sample, t timing, apart bool) (out []model.Event, at []int) {
	var prev sample
	lone := false
	for _, s := range samples {
		at = append(at, -1)
		if s.outcome != trace.Admitted && s.outcome != trace.Limited {
			continue
		}
		e := t.latest(s)
		admitted := s.outcome == trace.Admitted
		if n := len(out); n > 0 {
			x := &out[n-1]
			overlap := s.sent < prev.sent+prev.rtt-clockTick
			sameRun := (x.Admitted > 0) == admitted && (x.Limited > 0) != admitted && !lone && (admitted || !apart) &&
				e-x.S < t.run && s.sent-prev.sent < runGap
			if overlap || sameRun {
				x.E = max(x.E, e)
				count(x, e, admitted)
				at[len(at)-1] = len(out) - 1
				prev = later(prev, s)
				continue
			}
		}
		follows := len(out) > 0 && lone && out[len(out)-1].Admitted > 0 && s.sent-prev.sent < runGap
		lone = admitted && !follows
		x := model.Event{S: s.sent, E: e}
		count(&x, e, admitted)
		at[len(at)-1] = len(out)
		out = append(out, x)
		prev = s
	}
	for i := 1; i < len(out); i++ { // one counter decides in order
		if out[i-1].E > out[i].S {
			out[i-1].E = max(out[i-1].S, out[i].S)
			out[i-1].First = min(out[i-1].First, out[i-1].E)
		}
	}
	return withDoubts(samples, t, out, at)
}

// withDoubts puts an event before the first that each request in doubt may belong
// to.
func withDoubts(samples []sample, t timing, evs []model.Event, at []int) ([]model.Event, []int) {
	if !slices.ContainsFunc(samples, func(s sample) bool { return s.doubt }) {
		return evs, at
	}
	var out []model.Event
	moved := make([]int, len(evs))
	next := 0
	pass := func(until float64) {
		for ; next < len(evs) && evs[next].E < until; next++ {
			moved[next] = len(out)
			out = append(out, evs[next])
		}
	}
	for _, s := range samples {
		if !s.doubt {
			continue
		}
		pass(s.sent)
		x := model.Event{S: s.sent, E: t.latest(s), Unknown: 1}
		if next < len(evs) {
			x.S, x.E = min(x.S, evs[next].S), min(x.E, evs[next].E)
		}
		out = append(out, x)
	}
	pass(math.Inf(1))
	for i, k := range at {
		if k >= 0 {
			at[i] = moved[k]
		}
	}
	return out, at
}

func later(a, b sample) sample {
	if b.sent+b.rtt > a.sent+a.rtt {
		return b
	}
	return a
}

// count adds a request that was decided by e.
func count(x *model.Event, e float64, admitted bool) {
	if admitted {
		if x.Admitted == 0 || e < x.First {
			x.First = e
		}
		x.Admitted++
	} else {
		x.Limited++
	}
}

func seconds(d time.Duration) float64 { return d.Seconds() }
