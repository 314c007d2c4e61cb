package infer

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// evidence lists what the statements rest on.
func (r *record) evidence(l *verdict.Limit, cs []contrast, spent int) {
	base := r.baseline()
	first := []int{}
	n := 0
	for _, x := range r.samples {
		if x.id == base.id && x.route == base.route && x.outcome == trace.Limited && n < 2 {
			first = append(first, x.seq)
			n++
		}
	}
	l.Evidence = append(l.Evidence, verdict.Evidence{
		Claim:        fmt.Sprintf("%d requests that share the counter got through before the first refusal", spent),
		Observations: first,
	})
	for i := range cs {
		l.Evidence = append(l.Evidence, r.contrastEvidence(&cs[i])...)
	}
}

// contrastEvidence words what a contrast showed.
func (r *record) contrastEvidence(c *contrast) []verdict.Evidence {
	claim := ""
	switch c.vote() {
	case 1:
		claim = fmt.Sprintf("%s was let through while the baseline was refused", r.differs(c))
	case -1:
		claim = fmt.Sprintf("%s was refused together with the baseline", r.differs(c))
	default:
		return nil
	}
	return []verdict.Evidence{{Claim: claim, Observations: r.sandwich(c)}}
}

// differs words what a contrast changes.
func (r *record) differs(c *contrast) string {
	var parts []string
	for _, d := range dims {
		if c.changes&scopeOf(d) == 0 || d == trace.DimOwner {
			continue
		}
		switch v := c.id.Value(d, c.route); {
		case d == trace.DimForwarded && v == "":
			parts = append(parts, "no X-Forwarded-For")
		case d == trace.DimForwarded:
			parts = append(parts, "X-Forwarded-For claiming "+v)
		default:
			parts = append(parts, fmt.Sprintf("%s %s", d, v))
		}
	}
	return "a request with " + strings.Join(parts, ", ")
}

// sandwich are the sequence numbers of the first answers to c that counted.
func (r *record) sandwich(c *contrast) []int {
	want := trace.Limited
	if c.vote() > 0 {
		want = trace.Admitted
	}
	base := r.baseline()
	out := []int{}
	var before *sample
	for i := range r.samples {
		x := &r.samples[i]
		switch {
		case x.id == base.id && x.route == base.route:
			before = x
		case x.id == c.id && x.route == c.route && x.outcome == want && before != nil && before.outcome == trace.Limited:
			out = append(out, before.seq, x.seq)
		}
		if len(out) >= 4 {
			break
		}
	}
	return out
}

// searched says whether enough was sent to state that nothing limits: more than
// a handful on every route.
func (r *record) searched() bool {
	n := 0
	for _, x := range r.samples {
		if x.outcome == trace.Admitted && x.id == r.base() {
			n++
		}
	}
	return n >= leastSearch
}

// leastSearch requests without a refusal are too few to say anything.
const leastSearch = 50

// testedUpTo is the most that was sent: requests in the whole run where nothing
// is known of windows, the highest rate over a second, and the most in flight.
func (r *record) testedUpTo() verdict.TestedUpTo {
	var sent []float64
	type edge struct {
		t float64
		d int
	}
	var edges []edge
	perCaller := map[counter]int{}
	for _, x := range r.samples {
		if x.outcome != trace.Admitted {
			continue
		}
		sent = append(sent, x.sent)
		edges = append(edges, edge{x.sent, 1}, edge{x.sent + x.rtt, -1})
		perCaller[counter{x.id, x.route}]++
	}
	var u verdict.TestedUpTo
	if len(sent) == 0 {
		return u
	}
	slices.Sort(sent)
	j := 0
	for i := range sent {
		for sent[i]-sent[j] > 1 {
			j++
		}
		u.RatePerS = max(u.RatePerS, float64(i-j+1))
	}
	slices.SortFunc(edges, func(a, b edge) int {
		if c := cmpFloat(a.t, b.t); c != 0 {
			return c
		}
		return a.d - b.d
	})
	n := 0
	for _, e := range edges {
		n += e.d
		u.Concurrency = max(u.Concurrency, n)
	}
	for _, n := range perCaller {
		u.RequestsPerWindow = max(u.RequestsPerWindow, n)
	}
	u.DurationS = math.Round((sent[len(sent)-1]-sent[0])*1000) / 1000
	return u
}

// notTested says what to add to learn more.
func (r *record) notTested() []string {
	out := []string{}
	say := func(d trace.Dim, more string) {
		if r.roster.Count(d) < 2 {
			out = append(out, more)
		}
	}
	say(trace.DimIP, cmp.Or(r.sameBlock(), "whether each address has a limit of its own: add a second address (--ip)"))
	say(trace.DimKey, "whether each key has a limit of its own: add a second key (--key)")
	if r.roster.Count(trace.DimOwner) < 2 {
		say(trace.DimUser, "whether each user has a limit of their own: add a second user (--user), or say whose the keys are (--key NAME@USER=REF)")
	}
	say(trace.DimRoute, "whether other paths share the limit: add a second path (--route)")
	return out
}

func (r *record) warnings() []string {
	out := []string{}
	for _, v := range r.refused {
		out = append(out, fmt.Sprintf("%s was refused at its first request and left out", v))
	}
	for _, e := range r.egress.List() {
		if e.SameAs != "" {
			out = append(out, fmt.Sprintf("ip %s was left out: its requests arrive from the same address as those of %s, %s", e.Vantage, e.SameAs, e.Address))
		}
	}
	ignored := 0
	for _, x := range r.samples {
		if x.outcome == trace.Ignored {
			ignored++
		}
	}
	if ignored > 0 {
		out = append(out, fmt.Sprintf("%d of %d requests failed for reasons other than a limit: they say nothing, and what is stated holds whether they were counted or not", ignored, len(r.samples)))
	}
	return out
}
