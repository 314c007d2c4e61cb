package infer

import (
	"slices"
	"time"

	"apisonde/analyze/header"
	"apisonde/analyze/model"
	"apisonde/probe/trace"
)

// record is everything observed, in the terms of inference.
type record struct {
	roster   trace.Roster // less the values that were refused
	samples  []sample
	admitted map[counter]int
	let      map[trace.Dim]map[string]bool // values under which something was admitted
	rejected map[trace.Identity]int
	canaries []trace.Canary
	bytes    int64
	statuses map[int]int // of rejections
	refused  []string    // values that were refused, in words
	egress   trace.Egresses
	checks   int      // requests that asked where they arrive from
	shared   []shared // vantages that are the baseline under another address
	recovery float64  // seconds of silence after which every counter is rested; 0: not known
	rules    header.Rules
	// ownPolicy: other routes of the run have other policies, so route is not
	// part of this one's scope.
	ownPolicy bool
	united    bool     // a single server explains what new connections met
	fine      bool     // its events are short
	late      lateness // answers to be read as refusals
	span      float64  // seconds between two refused controls within which an admission means something
	likely    []scope  // of those that the contrasts leave, what explained the record; at most one
}

func newRecord(r trace.Roster) *record {
	return &record{roster: r, admitted: map[counter]int{}, let: map[trace.Dim]map[string]bool{}, rejected: map[trace.Identity]int{}, canaries: r.Canaries(), statuses: map[int]int{}, span: sandwichSpan}
}

// recordOf is the empty record of a run. Rules that do not parse were written by
// another version; the reader of the trace has refused those of a newer one.
func recordOf(m trace.Meta) *record {
	r := newRecord(m.Roster)
	r.rules, _ = header.ParseRules(m.LimitedWhen)
	return r
}

// base is the baseline identity.
func (r *record) base() trace.Identity { return r.roster.Baseline() }

// baseline is the counter that the assessment is about.
func (r *record) baseline() counter { return counter{r.base(), r.roster.Routes[0]} }

// observe classifies an observation and keeps it.
func (r *record) observe(o trace.Observation) trace.Outcome {
	if o.Egress != "" {
		r.checks++
		r.bytes += o.Body.Bytes
		r.told(o)
		if r.egress.Add(o) != "" {
			r.roster = r.roster.Without(trace.Canary{Identity: o.Identity, Dim: trace.DimIP})
		}
		return trace.Ignored
	}
	o.Identity = r.as(o.Identity)
	outcome := classify(o, r.known(o), r.rules)
	x := sample{
		seq: o.Seq, step: o.Step, id: o.Identity, route: o.Route, conn: o.Conn,
		sent: seconds(o.Written), rtt: seconds(decided(o) - o.Written), outcome: outcome, status: o.Status,
	}
	switch outcome {
	case trace.Limited:
		x.look = look(o)
	case trace.Ignored:
		x.doubt = doubtful(o)
	}
	r.keep(x)
	r.bytes += o.Body.Bytes
	if outcome == trace.Limited && kin(r.roster, o.Identity.Vantage) {
		r.merge(o.Identity.Vantage)
	}
	if o.Step == 0 && (outcome == trace.Refused || outcome == trace.Ignored) {
		r.exclude(o)
	}
	return outcome
}

// decided is when the server had decided at the latest: at its answer, or when it
// closed the connection instead.
func decided(o trace.Observation) time.Duration {
	if o.Fault == trace.FaultReset && o.FirstByte == 0 {
		return o.Done
	}
	return o.FirstByte
}

// doubtful says whether a request that is no evidence may have been counted: one
// that may have reached the server, or was let through to an application that
// failed.
func doubtful(o trace.Observation) bool {
	switch o.Fault {
	case trace.FaultNone, trace.FaultStream, trace.FaultReset, trace.FaultTimeout, trace.FaultMalformed, trace.FaultCancelled, trace.FaultUnknown:
		return true
	}
	return false
}

// inDoubt is how many requests may have been counted, for all that is known.
func (r *record) inDoubt() int {
	n := 0
	for _, x := range r.samples {
		if x.doubt {
			n++
		}
	}
	return n
}

func (r *record) keep(x sample) {
	x = r.late.apply(x)
	r.samples = append(r.samples, x)
	switch x.outcome {
	case trace.Admitted:
		r.admitted[counter{x.id, x.route}]++
		for _, d := range dims {
			if r.let[d] == nil {
				r.let[d] = map[string]bool{}
			}
			r.let[d][x.id.Value(d, x.route)] = true
		}
	case trace.Limited:
		r.rejected[x.id]++
		if x.status != 0 && !x.held {
			r.statuses[x.status]++
		}
	}
}

// known says whether the caller was let through before: itself, or for a status
// that says nothing of permissions every one of its parts. Nor does a 403 where it
// refused callers who were let through before.
func (r *record) known(o trace.Observation) bool {
	if r.admitted[counter{o.Identity, o.Route}] > 0 || o.Status != 503 && (o.Status != 403 || r.statuses[403] == 0) {
		return r.admitted[counter{o.Identity, o.Route}] > 0
	}
	for _, d := range dims {
		if v := o.Identity.Value(d, o.Route); v != "" && !r.let[d][v] {
			return false
		}
	}
	return len(r.admitted) > 0
}

// exclude drops the value that a failed canary was to prove.
func (r *record) exclude(o trace.Observation) {
	for _, c := range r.canaries {
		if c.Dim != "" && c.Identity == o.Identity && c.Route == o.Route {
			r.roster = r.roster.Without(c)
			r.refused = append(r.refused, c.String())
		}
	}
}

// classify says how an answer counts. A rejection is what spent quota explains:
// 429, 418 and 420 say so themselves, unless they speak of a spent plan; 403 and 503
// count after the caller was known to be let through otherwise, since they have
// other meanings, and any status where the answer itself says that a limit was
// passed. The user's rules come first, and only they make a dropped connection one.
func classify(o trace.Observation, before bool, rules header.Rules) trace.Outcome {
	if o.Fault != trace.FaultNone {
		if o.Fault == trace.FaultReset && o.Status == 0 && before && rules.Match(0, nil, nil) {
			return trace.Limited
		}
		return trace.Ignored
	}
	switch s := o.Status; {
	case rules.Match(s, o.Headers, []byte(o.Body.Text)):
		return trace.Limited
	case s == 429 && !before && billed(o):
		return trace.Refused
	case s == 429 || s == 418 || s == 420:
		return trace.Limited
	case (s == 403 || s == 503) && before:
		return trace.Limited
	case s >= 400 && says(o):
		return trace.Limited
	case s == 200 && o.Body.Text != "" && says(o):
		return trace.Limited
	case s == 401 || s == 403 || s == 407:
		return trace.Refused
	case s >= 200 && s < 400 || s == 404:
		return trace.Admitted
	case s >= 400 && s < 500:
		return trace.Refused
	}
	return trace.Ignored
}

// says tells whether the headers or the body of an answer of another status say
// that a limit was passed.
func says(o trace.Observation) bool {
	kind, _ := header.Classify(o.Status, o.Headers, []byte(o.Body.Text))
	return kind == header.KindLimited
}

// billed tells whether an answer says that a plan or a balance is spent. Of a
// caller who was never let through that is no rejection: no wait cures it.
func billed(o trace.Observation) bool {
	if o.Body.Text == "" {
		return false
	}
	kind, _ := header.Classify(o.Status, o.Headers, []byte(o.Body.Text))
	return kind == header.KindBilling
}

// partition is the scope by which the trace splits into counters.
func (r *record) partition() scope {
	return r.choose(r.candidates(r.contrasts()))
}

// by has the record split by s, where the contrasts leave it.
func (r *record) by(s scope) *record {
	r.likely = []scope{s}
	return r
}

// choose picks one of the scopes to split the record by.
func (r *record) choose(scopes []scope) scope {
	for _, s := range r.likely {
		if slices.Contains(scopes, s) {
			return s
		}
	}
	return partition(scopes, r.tested())
}

// tested are the dimensions with more than one value.
func (r *record) tested() scope {
	var s scope
	for _, d := range dims {
		if r.roster.Count(d) > 1 {
			s |= scopeOf(d)
		}
	}
	return s
}

// split groups samples by counter under s, the baseline's first, then in the
// order of first use. What came to other servers is in none of them.
func (r *record) split(s scope) [][]sample {
	index := map[string]int{s.project(r.base(), r.roster.Routes[0]): 0}
	out := [][]sample{nil}
	elsewhere := r.elsewhere()
	for i, x := range r.samples {
		if elsewhere[i] {
			continue
		}
		k := s.project(x.id, x.route)
		at, ok := index[k]
		if !ok {
			at = len(out)
			index[k] = at
			out = append(out, nil)
		}
		out[at] = append(out[at], x)
	}
	for _, xs := range out {
		slices.SortStableFunc(xs, func(a, b sample) int { return cmpFloat(a.sent, b.sent) })
	}
	return out
}

// mostEvents bounds the events of one counter that variants are fitted to. A run
// that this engine steers stays below it; of a longer trace the beginning, when
// the counter was at rest, says as much as can be told.
const mostEvents = 1200

// arms are the events of every counter under s, the baseline's first, at most
// mostEvents each.
func (r *record) arms(s scope) [][]model.Event {
	t := measureTiming(r.samples)
	if r.fine {
		t.run = fineSpan
	}
	var out [][]model.Event
	for _, xs := range r.split(s) {
		evs := events(xs, t)
		out = append(out, evs[:min(len(evs), mostEvents)])
	}
	return out
}

// counters are callers with counters of their own under s, the baseline first:
// every combination of two values in the dimensions of s, at most four.
func (r *record) counters(s scope) []counter {
	out := []counter{r.baseline()}
	for _, c := range singles(r.roster) {
		if c.changes&s == 0 {
			continue
		}
		for _, have := range slices.Clone(out) {
			n := have
			u := union(r.roster, []contrast{c})
			if u.id.Vantage != r.base().Vantage {
				n.id.Vantage = u.id.Vantage
			}
			if u.id.Key != r.base().Key {
				n.id.Key, n.id.Owner = u.id.Key, u.id.Owner
			}
			if u.id.User != r.base().User {
				n.id.User = u.id.User
			}
			if u.id.Forwarded != r.base().Forwarded {
				n.id.Forwarded = u.id.Forwarded
			}
			if u.route != r.roster.Routes[0] {
				n.route = u.route
			}
			fresh := !slices.ContainsFunc(out, func(o counter) bool {
				return s.project(o.id, o.route) == s.project(n.id, n.route)
			})
			if fresh && len(out) < 4 {
				out = append(out, n)
			}
		}
	}
	return out
}

// spent counts the baseline's admissions before its first rejection, and says
// whether there was one.
func (r *record) spent() (int, bool) {
	n := 0
	for _, x := range r.split(r.partition())[0] {
		switch x.outcome {
		case trace.Admitted:
			n++
		case trace.Limited:
			return n, true
		}
	}
	return n, false
}

// Outcomes says how every observation of t counts, in its order.
func Outcomes(t trace.Trace) []trace.Outcome {
	r := recordOf(t.Meta)
	out := make([]trace.Outcome, len(t.Observations))
	for i, o := range t.Observations {
		out[i] = r.observe(o)
	}
	return out
}
