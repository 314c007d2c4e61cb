package report

import (
	"slices"
	"time"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// run is what a report tells of a trace.
type run struct {
	outcomes []trace.Outcome // of each observation
	tallies  []tally         // in the order of first use
	wall     time.Duration
	peak     int           // most requests sent within any second
	burst    int           // most requests of one step that were planned for one instant
	width    time.Duration // from the first of these that left to the last
	late     int           // requests that missed their instants
	inflight int           // most requests without an answer at one time
	bin      time.Duration
	admitted []float64 // per bin
	limited  []float64
}

// tally counts the requests of one identity on one route.
type tally struct {
	identity trace.Identity
	route    string
	sent     int
	admitted int
	limited  int
	refused  int
	ignored  int
	statuses map[int]int
	outcomes []trace.Outcome
}

// runOf summarises a trace. What counts as a rejection is what the verdict says
// this server rejects with.
func runOf(v verdict.Verdict, t trace.Trace) run {
	r := run{outcomes: outcomes(v, t)}
	type at struct {
		identity trace.Identity
		route    string
	}
	index := map[at]int{}
	for i, o := range t.Observations {
		if o.Egress != "" {
			continue // it asked another server
		}
		k := at{o.Identity, o.Route}
		n, ok := index[k]
		if !ok {
			n = len(r.tallies)
			index[k] = n
			r.tallies = append(r.tallies, tally{identity: o.Identity, route: o.Route, statuses: map[int]int{}})
		}
		r.tallies[n].add(o, r.outcomes[i])
		r.wall = max(r.wall, o.Written, o.Done, o.FirstByte)
	}
	if t.End != nil {
		r.wall = max(r.wall, t.End.At)
	}
	r.peaks(t)
	r.punctuality(t)
	r.bins(t)
	return r
}

func (y *tally) add(o trace.Observation, out trace.Outcome) {
	y.sent++
	if o.Status != 0 {
		y.statuses[o.Status]++
	}
	y.outcomes = append(y.outcomes, out)
	switch out {
	case trace.Admitted:
		y.admitted++
	case trace.Limited:
		y.limited++
	case trace.Refused:
		y.refused++
	default:
		y.ignored++
	}
}

// outcomes says how each observation counts. A status that says so itself is a
// rejection; one that has other meanings too, or that only the verdict names,
// is one once the same caller was let through before.
func outcomes(v verdict.Verdict, t trace.Trace) []trace.Outcome {
	named := map[int]bool{}
	for _, l := range v.Limits {
		for _, s := range l.Rejection.Statuses {
			named[s] = true
		}
	}
	type at struct {
		identity trace.Identity
		route    string
	}
	before := map[at]bool{}
	out := make([]trace.Outcome, len(t.Observations))
	for i, o := range t.Observations {
		k := at{o.Identity, o.Route}
		out[i] = outcome(o, (named[o.Status] || o.Status == 403 || o.Status == 503) && before[k])
		before[k] = before[k] || out[i] == trace.Admitted
	}
	return out
}

func outcome(o trace.Observation, rejection bool) trace.Outcome {
	s := o.Status
	switch {
	case o.Fault != trace.FaultNone:
		return trace.Ignored
	case s == 429 || s == 418 || s == 420 || rejection:
		return trace.Limited
	case s >= 200 && s < 400 || s == 404:
		return trace.Admitted
	case s >= 400 && s < 500:
		return trace.Refused
	}
	return trace.Ignored
}

// peaks finds the densest second and the most requests in flight.
func (r *run) peaks(t trace.Trace) {
	sent := make([]time.Duration, 0, len(t.Observations))
	type edge struct {
		at   time.Duration
		step int
	}
	edges := make([]edge, 0, 2*len(t.Observations))
	for _, o := range t.Observations {
		sent = append(sent, o.Written)
		edges = append(edges, edge{o.Written, 1}, edge{max(o.Done, o.FirstByte, o.Written), -1})
	}
	slices.Sort(sent)
	for i, j := 0, 0; j < len(sent); j++ {
		for sent[j]-sent[i] >= time.Second {
			i++
		}
		r.peak = max(r.peak, j-i+1)
	}
	// At one instant ends come before starts, except a request's own.
	slices.SortStableFunc(edges, func(a, b edge) int {
		if a.at != b.at {
			if a.at < b.at {
				return -1
			}
			return 1
		}
		return a.step - b.step
	})
	n := 0
	for _, e := range edges {
		n += e.step
		r.inflight = max(r.inflight, n)
	}
}

// punctuality finds the largest burst and how wide it was at the socket, and
// counts what left late.
func (r *run) punctuality(t trace.Trace) {
	type salvo struct {
		step    int
		planned time.Duration
	}
	type span struct {
		n           int
		first, last time.Duration
	}
	spans := map[salvo]span{}
	for _, o := range t.Observations {
		if o.Late {
			r.late++
		}
		if o.Step == 0 || o.Written == 0 {
			continue
		}
		k := salvo{o.Step, o.Planned}
		s, known := spans[k]
		if !known {
			s.first = o.Written
		}
		s = span{s.n + 1, min(s.first, o.Written), max(s.last, o.Written)}
		spans[k] = s
		if s.n > 1 && (s.n > r.burst || s.n == r.burst && s.last-s.first > r.width) {
			r.burst, r.width = s.n, s.last-s.first
		}
	}
}

// mostBins is how many intervals a chart shows: as many as fit on 80 columns.
// Few requests get fewer, so that an interval holds more than one or none.
const (
	mostBins  = 64
	leastBins = 12
)

// bins counts admissions and rejections in equal intervals of a round length.
func (r *run) bins(t trace.Trace) {
	if len(t.Observations) == 0 {
		return
	}
	last := time.Duration(0)
	for _, o := range t.Observations {
		last = max(last, o.Written)
	}
	r.bin = roundStep(max(r.wall, last), min(mostBins, max(leastBins, len(t.Observations)/2)))
	n := max(int((r.wall+r.bin-1)/r.bin), int(last/r.bin)+1)
	r.admitted, r.limited = make([]float64, n), make([]float64, n)
	for i, o := range t.Observations {
		at := int(max(o.Written, 0) / r.bin)
		switch r.outcomes[i] {
		case trace.Admitted:
			r.admitted[at]++
		case trace.Limited:
			r.limited[at]++
		}
	}
}

// roundStep is the least of 1, 2, 5 times a power of ten milliseconds that
// divides span into at most n parts.
func roundStep(span time.Duration, n int) time.Duration {
	for step := time.Millisecond; ; step *= 10 {
		for _, m := range []time.Duration{1, 2, 5} {
			if span/(step*m) < time.Duration(n) {
				return step * m
			}
		}
	}
}
