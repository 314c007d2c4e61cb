package audit

import (
	"math"
	"slices"
	"strings"
	"time"

	"apisonde/analyze/header"
	"apisonde/probe/trace"
)

// exchange is one request, what came of it and what the answer claims.
type exchange struct {
	seq      int
	sent     float64 // seconds; the server decided between sent and answered
	answered float64
	conn     int
	id       trace.Identity
	route    string
	outcome  trace.Outcome
	headers  []trace.Header
	obs      *trace.Observation
	doc      header.Document
	// absolute are the stated instants (rather than spans) of doc: the wait,
	// then the reset of each quota.
	absolute []bool
	slack    float64 // seconds by which an instant may be off
}

// read decodes every answer against the server's own clock.
func (a *audit) read(outcomes []trace.Outcome) {
	clock := readClock(a.trace)
	for i := range a.trace.Observations {
		o := &a.trace.Observations[i]
		if o.Egress != "" {
			continue
		}
		x := &exchange{
			seq: o.Seq, sent: o.Written.Seconds(), answered: max(o.Written, o.FirstByte).Seconds(), conn: o.Conn,
			id: o.Identity, route: o.Route, outcome: outcomes[i], headers: o.Headers, obs: o, slack: clock.slack,
		}
		if o.Status != 0 && len(o.Headers) > 0 {
			at := a.trace.Meta.Started.Add((o.Written+max(o.Written, o.FirstByte))/2 + clock.offset)
			x.decode(o.Status, dateless(o.Headers), []byte(o.Body.Text), at)
		}
		a.exchanges = append(a.exchanges, x)
	}
	slices.SortStableFunc(a.exchanges, func(x, y *exchange) int {
		switch {
		case x.sent < y.sent:
			return -1
		case x.sent > y.sent:
			return 1
		}
		return x.seq - y.seq
	})
}

// decode reads the answer at an instant of the server's clock; of a refusal it
// finds out which figures are instants, since they move with that clock.
func (x *exchange) decode(status int, hs []trace.Header, body []byte, at time.Time) {
	x.doc = header.Decode(status, hs, body, at)
	if x.outcome != trace.Limited {
		return
	}
	const later = 20 * time.Minute
	moved := header.Decode(status, hs, body, at.Add(-later))
	x.absolute = make([]bool, 1+len(x.doc.Quotas))
	x.absolute[0] = x.doc.RetryAfterS != moved.RetryAfterS
	if len(moved.Quotas) == len(x.doc.Quotas) {
		for i := range x.doc.Quotas {
			x.absolute[1+i] = x.doc.Quotas[i].ResetInS != moved.Quotas[i].ResetInS
		}
	}
}

func isDate(h trace.Header) bool { return strings.EqualFold(string(h.Name), "Date") }

// dateless leaves the Date out, whose whole second is coarser than the clock
// that all Dates of a run give.
func dateless(hs []trace.Header) []trace.Header {
	return slices.DeleteFunc(slices.Clone(hs), isDate)
}

// clock is the server's clock less the client's.
type clock struct {
	offset time.Duration
	slack  float64 // seconds by which it may be off
}

// unsynced is the slack where no Date tells the server's clock.
const unsynced = math.MaxFloat32

// readClock narrows the server's clock: each Date is its clock at the answer,
// less a fraction of a second. Where the target is this machine and its Dates
// agree, the clocks are one.
func readClock(t trace.Trace) clock {
	lo, hi := math.Inf(-1), math.Inf(1)
	for _, o := range t.Observations {
		i := slices.IndexFunc(o.Headers, isDate)
		if i < 0 || o.Egress != "" || o.FirstByte < o.Written {
			continue
		}
		d, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", string(o.Headers[i].Value))
		if err != nil {
			continue
		}
		since := d.Sub(t.Meta.Started)
		lo = max(lo, (since - o.FirstByte).Seconds())
		hi = min(hi, (since + time.Second - o.Written).Seconds())
	}
	// Some servers write the Date once a second, and late by their timer.
	const late = 0.05
	switch {
	case math.IsInf(lo, 0) && t.Meta.Loopback:
		return clock{slack: 0.005}
	case math.IsInf(lo, 0) || lo > hi+late:
		return clock{slack: unsynced}
	case t.Meta.Loopback && lo < late && hi > -late:
		return clock{slack: 0.005}
	}
	middle := (lo + hi) / 2
	return clock{time.Duration(middle * float64(time.Second)), math.Abs(hi-lo)/2 + 0.01}
}

// name is how the answer spells a header, and "" if it has none of that name.
func (x *exchange) name(lower string) string {
	for _, h := range x.headers {
		if strings.EqualFold(string(h.Name), lower) {
			return string(h.Name)
		}
	}
	return ""
}

// sibling is the header of the same family that states another figure: the
// remaining count or the reset.
func (x *exchange) sibling(of trace.Text, figure string) string {
	lower := strings.ToLower(string(of))
	if n := x.name(strings.Replace(lower, "limit", figure, 1)); n != "" && strings.Contains(lower, "limit") {
		return n
	}
	if i := strings.LastIndex(lower, "limit"); i >= 0 {
		if n := x.name(lower[:i] + figure + lower[i+len("limit"):]); n != "" {
			return n
		}
	}
	if lower == "ratelimit-policy" {
		if n := x.name("ratelimit"); n != "" {
			return n
		}
		lower = "ratelimit-limit"
		if n := x.name("ratelimit-" + figure); n != "" {
			return n
		}
	}
	if n := x.name(lower); n != "" {
		return n
	}
	return lower
}
