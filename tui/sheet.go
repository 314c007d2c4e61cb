package tui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"apisonde/probe/plan"
	"apisonde/probe/trace"
	"apisonde/tui/look"
)

// mostRows bounds the plan's table: beyond it people read the sum, not the rows.
const mostRows = 40

// SheetOf is what the plan screen shows of a plan: what would be sent where,
// under whose names, at worst, and what would stay unseen.
func SheetOf(p plan.Plan) Sheet {
	b := p.Budget
	rate := "no ceiling on the rate"
	if b.MaxRate > 0 {
		rate = fmt.Sprintf("at most %s in any one second", look.Count(p.PeakRate()))
	}
	where := "beyond this machine: only test what you may test"
	if p.Loopback {
		where = "this machine"
	}
	var s Sheet
	row := func(label, value string) { s.Rows = append(s.Rows, Row{Label: label, Value: value}) }
	row("target", look.Safe(p.Target.Method+" "+p.Target.URL))
	row("host", where)
	row("from", names(p.Roster.Vantages))
	if p.EgressCheck != "" {
		row("first", look.Safe("one request from each address to "+p.EgressCheck+", which tells where it arrives from"))
	}
	row("callers", callers(p.Roster))
	if len(p.Roster.Routes) > 1 {
		row("paths", names(p.Roster.Routes))
	}
	row("requests", fmt.Sprintf("at most %s in %s", look.Count(p.Requests()), look.Span(b.MaxDuration)))
	row("rate", fmt.Sprintf("%s, %s in flight", rate, look.Count(b.MaxInflight)))
	row("refusals", refusals(b))
	s.Tables = []Table{worst(p)}
	for _, u := range p.Unseen() {
		s.Unseen = append(s.Unseen, look.Safe(u))
	}
	return s
}

func refusals(b plan.Budget) string {
	const some = "some are needed: a limit shows only where it refuses"
	if b.MaxRejections == 0 {
		return some
	}
	return fmt.Sprintf("%s; at most %d for each caller", some, b.MaxRejections)
}

func callers(r trace.Roster) string {
	var parts []string
	if len(r.Keys) > 0 {
		keys := make([]string, len(r.Keys))
		for i, k := range r.Keys {
			keys[i] = k.Name
			if k.Owner != "" {
				keys[i] += "@" + k.Owner
			}
		}
		parts = append(parts, "keys "+names(keys))
	}
	if len(r.Users) > 0 {
		parts = append(parts, "users "+names(r.Users))
	}
	if len(r.Forwarded) > 0 {
		claims := slices.Clone(r.Forwarded)
		for i, c := range claims {
			if c == "" {
				claims[i] = "none"
			}
		}
		parts = append(parts, "claimed X-Forwarded-For "+names(claims))
	}
	if len(parts) == 0 {
		return "anonymous: no key, no user"
	}
	return strings.Join(parts, "; ")
}

func names(list []string) string { return look.Safe(strings.Join(list, ", ")) }

func worst(p plan.Plan) Table {
	t := Table{Title: "At worst, each of these, and never all at once", Head: []string{"caller", "path", "requests", "refusals"}, Text: 2}
	cells := p.Worst()
	for _, c := range cells[:min(len(cells), mostRows)] {
		refused := "no ceiling"
		if c.Rejections > 0 {
			refused = strconv.Itoa(c.Rejections)
		}
		t.Rows = append(t.Rows, []string{look.Safe(c.Identity.String()), look.Safe(c.Route), look.Count(c.Requests), refused})
	}
	if more := len(cells) - mostRows; more > 0 {
		t.Rows = append(t.Rows, []string{fmt.Sprintf("and %d more like these", more)})
	}
	return t
}
