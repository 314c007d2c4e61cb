package live

import (
	"strconv"

	"apisonde/probe"
	"apisonde/probe/trace"
	"apisonde/tui/look"
)

// callers is the table of identities on their routes.
func (p *Pane) callers(tallies []probe.Tally, w int) []string {
	cols := []look.Column{{Head: "caller", Grow: true}, {Head: "sent", Right: true}, {Head: "admit", Right: true},
		{Head: "limit", Right: true}, {Head: "last"}}
	if w >= 50 {
		cols[2].Head, cols[3].Head = "admitted", "limited"
	}
	var rows [][]string
	for _, t := range tallies {
		limited := strconv.Itoa(t.Limited)
		if t.Limited > 0 {
			limited = p.kit.Caution.Render(limited)
		}
		rows = append(rows, []string{p.name(t), strconv.Itoa(t.Sent), p.kit.Good.Render(strconv.Itoa(t.Admitted)), limited, p.status(t.Last)})
	}
	return p.kit.Table(cols, rows, w)
}

// name is a caller by what sets it apart: what all callers of the run have in
// common would only take room.
func (p *Pane) name(t probe.Tally) string {
	id, r := t.Identity, p.roster
	if len(r.Vantages) == 1 {
		id.Vantage = ""
	}
	if len(r.Keys) == 1 {
		id.Key, id.Owner = "", ""
	}
	if len(r.Users) == 1 {
		id.User = ""
	}
	if len(r.Forwarded) == 1 {
		id.Forwarded = ""
	}
	name := id.String()
	if id == (trace.Identity{}) {
		name = t.Identity.String()
	}
	if len(r.Routes) > 1 {
		name += " " + t.Route
	}
	return look.Safe(name)
}

// status is the latest status, with a mark, so that it does not rest on colour.
func (p *Pane) status(code int) string {
	switch {
	case code == 0:
		return p.kit.Soft.Render(p.kit.Dash)
	case code < 400:
		return p.kit.Good.Render(p.kit.Admitted) + " " + strconv.Itoa(code)
	case code < 500:
		return p.kit.Caution.Render(p.kit.Limited) + " " + strconv.Itoa(code)
	}
	return p.kit.Bad.Render(p.kit.Ignored) + " " + strconv.Itoa(code)
}
