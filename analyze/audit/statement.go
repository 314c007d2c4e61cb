package audit

import (
	"fmt"
	"slices"

	"apisonde/analyze/header"
	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// statement is one quota as responses state it, over all of them: the same
// header, name, limit, window and unit.
type statement struct {
	header trace.Text
	name   header.Label
	limit  header.Num
	window header.Num
	unit   string

	first    *exchange
	seen     []*exchange
	quotas   []header.Quota // of each in seen
	left     extent         // remaining
	resetsIn extent
}

// extent is the least and the most of a figure, and where each was stated.
type extent struct {
	known    bool
	low, top float64
}

func (e *extent) add(n header.Num) {
	if !n.Known {
		return
	}
	if !e.known {
		*e = extent{true, n.Value, n.Value}
		return
	}
	e.low, e.top = min(e.low, n.Value), max(e.top, n.Value)
}

// requests says whether the quota counts requests, as far as it says.
func (g *statement) requests() bool { return g.unit == "requests" || g.unit == "" }

// group gathers the distinct statements of the exchanges, in the order of their
// first.
func group(exchanges []*exchange) []*statement {
	type key struct {
		header        trace.Text
		name          header.Label
		limit, window header.Num
		unit          string
	}
	var out []*statement
	index := map[key]*statement{}
	for _, x := range exchanges {
		for _, q := range x.doc.Quotas {
			k := key{q.Header, q.Name, q.Limit, q.WindowS, q.Unit}
			g := index[k]
			if g == nil {
				g = &statement{header: q.Header, name: q.Name, limit: q.Limit, window: q.WindowS, unit: q.Unit, first: x}
				index[k] = g
				out = append(out, g)
			}
			g.seen = append(g.seen, x)
			g.quotas = append(g.quotas, q)
			g.left.add(q.Remaining)
			g.resetsIn.add(q.ResetInS)
		}
	}
	return out
}

// statedOf are the statements made on the routes that limit i guards.
func (a *audit) statedOf(i int) []*statement {
	var on []*exchange
	for _, x := range a.exchanges {
		if a.attributed(x, i) {
			on = append(on, x)
		}
	}
	return group(on)
}

func (a *audit) dialects() []string {
	out := []string{}
	for _, x := range a.exchanges {
		for _, d := range x.doc.Dialects {
			if !slices.Contains(out, d) {
				out = append(out, d)
			}
		}
	}
	return out
}

// mostClaims bounds what a server that never says the same twice can fill a
// report with.
const mostClaims = 16

// claims words every distinct statement.
func (a *audit) claims() []verdict.Claim {
	out := []verdict.Claim{}
	for _, g := range a.groups {
		if len(out) == mostClaims {
			break
		}
		out = append(out, g.claim())
	}
	if c, ok := a.waitClaim(); ok {
		out = append(out, c)
	}
	return append(out, a.notUnderstood()...)
}

func (g *statement) claim() verdict.Claim {
	says := g.words()
	if g.left.known {
		says += ", " + between(g.left, "%s left", "%s to %s left")
	}
	if g.resetsIn.known {
		says += ", " + between(g.resetsIn, "resets in %s s", "resets in %s to %s s")
	}
	c := verdict.Claim{Header: g.first.spelling(g.header), Says: says, Limit: g.limit.Ptr(), WindowS: g.window.Ptr(), Observations: []int{}}
	for _, x := range g.seen[:min(len(g.seen), fewest)] {
		c.Observations = append(c.Observations, x.seq)
	}
	slices.Sort(c.Observations)
	return c
}

// words is the limit that the statement states.
func (g *statement) words() string {
	unit := ""
	if !g.requests() {
		unit = " " + g.unit
	}
	says := "a quota" + unit
	switch {
	case g.limit.Known && g.window.Known:
		says = fmt.Sprintf("limit %s%s per %s s", g.limit, unit, g.window)
	case g.limit.Known:
		says = fmt.Sprintf("limit %s%s", g.limit, unit)
	case g.window.Known:
		says = fmt.Sprintf("a quota%s per %s s", unit, g.window)
	}
	if g.name != "" {
		says += fmt.Sprintf(" (%s)", string(g.name))
	}
	return says
}

func between(e extent, one, two string) string {
	if e.low == e.top {
		return fmt.Sprintf(one, number(e.low))
	}
	return fmt.Sprintf(two, number(e.top), number(e.low))
}

// number words a figure without a tail of decimals.
func number(v float64) string { return header.Some(float64(int64(v*100+0.5)) / 100).String() }

func (x *exchange) spelling(lower trace.Text) string {
	if n := x.name(string(lower)); n != "" {
		return n
	}
	return string(lower)
}

// waitClaim words the waits that refusals state.
func (a *audit) waitClaim() (verdict.Claim, bool) {
	var e extent
	c := verdict.Claim{Observations: []int{}}
	for _, x := range a.exchanges {
		if x.outcome != trace.Limited || !x.doc.RetryAfterS.Known {
			continue
		}
		if !e.known {
			c.Header = x.waitHeader()
		}
		e.add(x.doc.RetryAfterS)
		if len(c.Observations) < fewest {
			c.Observations = append(c.Observations, x.seq)
		}
	}
	slices.Sort(c.Observations)
	c.Says = between(e, "wait %s s", "wait %s to %s s")
	if a.growing() {
		c.Says += ", longer with each refusal"
	}
	return c, e.known
}

// waitHeader is what states the wait of x.
func (x *exchange) waitHeader() string {
	if x.doc.WaitFrom == "" {
		return "Retry-After"
	}
	return x.spelling(x.doc.WaitFrom)
}

// notUnderstood shows what looks like a limit and was not understood, as it is.
func (a *audit) notUnderstood() []verdict.Claim {
	var out []verdict.Claim
	for _, x := range a.exchanges {
		for _, f := range x.doc.Unknown {
			known := slices.ContainsFunc(out, func(c verdict.Claim) bool { return c.Header == x.spelling(f.Name) })
			if !known && len(out) < fewest {
				out = append(out, verdict.Claim{
					Header: x.spelling(f.Name), Says: "not understood: " + short(string(f.Value)), Observations: []int{x.seq},
				})
			}
		}
	}
	return out
}

// short cuts a server's words to what fits a table.
func short(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
