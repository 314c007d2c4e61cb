package audit

import (
	"fmt"
	"slices"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// The least evidence for a conflict about a remaining count.
const (
	leastAdmitted = 5
	leastRefused  = 2
)

// remaining holds a statement's remaining count against the requests that were
// made under it. Only counts of requests are held to fall.
func (a *audit) remaining(l *verdict.Limit, g *statement) {
	if !g.left.known || !g.requests() {
		return
	}
	switch refused, above := g.refused(); {
	case l.Algorithm == verdict.LeakyQueue && g.untouched():
		last := g.seen[len(g.seen)-1]
		a.conflict(g.first.sibling(g.header, "remaining"), number(g.left.low)+" left",
			fmt.Sprintf("it stayed at the limit, over %d requests that were let through and had to queue", g.admitted()), g.first.seq, last.seq)
	case g.frozen():
		last := g.seen[len(g.seen)-1]
		a.conflict(g.first.sibling(g.header, "remaining"), number(g.left.low)+" left",
			fmt.Sprintf("it never changed, over %d requests that were let through and %d that were refused", g.admitted(), refused),
			append(above, g.first.seq, last.seq)...)
	case refused > leastRefused && len(above)*5 >= refused*4 && g.limit.Known && l.Limit != nil && near(l.Limit, g.limit.Value, 0, 1):
		a.conflict(g.first.sibling(g.header, "remaining"), "some left",
			fmt.Sprintf("%d of %d refusals came while it was above 0", len(above), refused), above...)
	}
}

func (g *statement) admitted() int {
	n := 0
	for _, x := range g.seen {
		if x.outcome == trace.Admitted {
			n++
		}
	}
	return n
}

// refused counts the refusals that state how much is left, and lists those that
// state more than nothing.
func (g *statement) refused() (n int, above []int) {
	for i, x := range g.seen {
		if x.outcome == trace.Limited && g.quotas[i].Remaining.Known {
			n++
			if g.quotas[i].Remaining.Value > 0 {
				above = append(above, x.seq)
			}
		}
	}
	return n, above
}

// frozen says whether the remaining count is the same above 0 on everything,
// refusals included: no counter that counts does that.
func (g *statement) frozen() bool {
	refused, _ := g.refused()
	return g.left.known && g.left.low == g.left.top && g.left.low > 0 && g.admitted() >= leastAdmitted && refused >= leastRefused
}

// untouched says whether the remaining count is the whole limit on everything: no
// counter that counts does that while requests wait for each other.
func (g *statement) untouched() bool {
	return g.limit.Known && g.left.low == g.left.top && g.left.low == g.limit.Value && g.admitted() >= 2*leastAdmitted
}

// speaks says whether the statement is about the counter that refused. One that
// has something left when another layer refuses, and counts what it sees, is an
// honest statement about a layer that was not met.
func (g *statement) speaks() bool {
	refused, above := g.refused()
	if !g.left.known {
		return g.onRefusals() >= leastRefused
	}
	return g.frozen() || refused >= leastRefused && len(above) == 0
}

func (g *statement) onRefusals() int {
	n := 0
	for _, x := range g.seen {
		if x.outcome == trace.Limited {
			n++
		}
	}
	return n
}

// claimedLimit holds the stated limit, in requests of so much each, against the
// inferred one.
func (a *audit) claimedLimit(l *verdict.Limit, g *statement, cost float64) {
	if !g.limit.Known || !g.requests() || !trusted(l) || l.Limit == nil || !g.speaks() || agreesOnLimit(l, g.limit.Value/cost, g.window) {
		return
	}
	if l.Algorithm == verdict.LeakyQueue || l.Limit.Hi > 1.5*l.Limit.Lo {
		return
	}
	a.conflict(g.first.spelling(g.header), g.words(), admits(l), g.witnesses()...)
}

// claimedWindow holds the stated window against the inferred one, where the
// limits are the same. Under a penalty the window hardly shows.
func (a *audit) claimedWindow(l *verdict.Limit, g *statement, cost float64) {
	if !g.limit.Known || !g.window.Known || !g.requests() || !trusted(l) || l.RatePerS == nil || l.Rejection.PenaltyS != nil || !g.speaks() {
		return
	}
	if !agreesOnLimit(l, g.limit.Value/cost, g.window) || agreesOnWindow(l, g.limit.Value/cost, g.window.Value) || !a.seenToDiffer(g, cost) {
		return
	}
	a.conflict(g.first.spelling(g.header), g.words(), admits(l), g.witnesses()...)
}

// seenToDiffer says whether the requests themselves contradict the stated limit per
// window, whatever was inferred from them: one caller was let through more often
// within it over one connection, which reaches one node, or somebody was refused though all callers together had not asked as
// often within it.
func (a *audit) seenToDiffer(g *statement, cost float64) bool {
	limit, window := g.limit.Value/cost, g.window.Value
	if n, _, _ := g.densest(window, true); float64(n) > limit*1.05+1 {
		return true
	}
	from := 0
	for i, x := range a.exchanges {
		for a.exchanges[from].answered < x.sent-window {
			from++
		}
		if x.outcome == trace.Limited && float64(i-from)*1.1+1 < limit && slices.Contains(g.seen, x) {
			return true
		}
	}
	return false
}

// witnesses are the first refusals under the statement, or its first responses.
func (g *statement) witnesses() []int {
	var out []int
	for _, x := range g.seen {
		if x.outcome == trace.Limited && len(out) < fewest {
			out = append(out, x.seq)
		}
	}
	if len(out) == 0 {
		for _, x := range g.seen[:min(len(g.seen), fewest)] {
			out = append(out, x.seq)
		}
	}
	return out
}

// admits words an inferred limit.
func admits(l *verdict.Limit) string {
	switch {
	case l.Algorithm == verdict.TokenBucket && l.RatePerS != nil:
		return fmt.Sprintf("%s are let through at once, then %.3g a second", number(l.Limit.Value), l.RatePerS.Value)
	case l.WindowS != nil:
		return fmt.Sprintf("%s are let through per %s", number(l.Limit.Value), span(l.WindowS.Value))
	}
	return number(l.Limit.Value) + " are let through"
}

// unlimited looks for a limit that is stated, with its window, and not kept.
func (a *audit) unlimited() {
	for _, g := range a.groups {
		if !g.limit.Known || !g.window.Known || !g.requests() || g.window.Value <= 0 {
			continue
		}
		if n, from, to := g.densest(g.window.Value, false); float64(n) > 2*g.limit.Value+5 {
			a.conflict(g.first.spelling(g.header), g.words(),
				fmt.Sprintf("%d were let through within %s and none was refused", n, span(to.sent-from.sent)), from.seq, to.seq)
		}
	}
}

// densest is the most requests of one caller on one route that were let through
// under the statement within so many seconds, on request over one connection.
func (g *statement) densest(within float64, oneConn bool) (most int, from, to *exchange) {
	type who struct {
		id    trace.Identity
		route string
		conn  int
	}
	runs := map[who][]*exchange{}
	for _, x := range g.seen {
		if x.outcome != trace.Admitted {
			continue
		}
		k := who{id: x.id, route: x.route}
		if oneConn {
			k.conn = x.conn
		}
		run := append(runs[k], x)
		for run[0].sent < x.sent-within {
			run = run[1:]
		}
		runs[k] = run
		if len(run) > most {
			most, from, to = len(run), run[0], x
		}
	}
	return most, from, to
}
