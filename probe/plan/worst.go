package plan

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"apisonde/probe/trace"
)

// Cell is one identity on one route, and the most that may be sent there.
type Cell struct {
	Identity   trace.Identity
	Route      string
	First      bool // among the single requests that open the run
	Requests   int  // at most
	Rejections int  // at most, for the identity over all its routes; 0: no ceiling of its own
}

// Identities lists every combination that the roster allows, the baseline first.
func (p Plan) Identities() []trace.Identity {
	out := []trace.Identity{{}}
	for _, v := range p.Roster.Vantages {
		out = append(out, trace.Identity{Vantage: v})
	}
	out = combine(out[min(1, len(p.Roster.Vantages)):], p.Roster.Keys, func(id *trace.Identity, k trace.Key) { id.Key, id.Owner = k.Name, k.Owner })
	out = combine(out, p.Roster.Users, func(id *trace.Identity, u string) { id.User = u })
	return combine(out, p.Roster.Forwarded, func(id *trace.Identity, f string) { id.Forwarded = f })
}

// combine sets every value on every identity; no values leave them as they are.
func combine[T any](ids []trace.Identity, values []T, set func(*trace.Identity, T)) []trace.Identity {
	if len(values) == 0 {
		return ids
	}
	var out []trace.Identity
	for _, id := range ids {
		for _, v := range values {
			set(&id, v)
			out = append(out, id)
		}
	}
	return out
}

// Requests is the most that the run can send: the ceiling on requests, or what
// the rate leaves of it in the time allowed.
func (p Plan) Requests() int {
	if p.Budget.MaxRate <= 0 {
		return p.Budget.MaxRequests
	}
	seconds := int(p.Budget.MaxDuration/time.Second) + 1 // a run of 2.5 s touches three disjoint seconds
	if seconds > math.MaxInt/p.Budget.MaxRate {
		return p.Budget.MaxRequests
	}
	return min(p.Budget.MaxRequests, p.Budget.MaxRate*seconds)
}

// PeakRate is the most requests in any one second.
func (p Plan) PeakRate() int {
	if p.Budget.MaxRate <= 0 {
		return p.Requests()
	}
	return min(p.Budget.MaxRate, p.Requests())
}

// Worst lists what each identity may cost on each route. Which of them the run
// will ask depends on the answers, so each row may come true, but not all of them
// together: the sum stays within Requests.
func (p Plan) Worst() []Cell {
	canaries := p.Roster.Canaries()
	var out []Cell
	for _, id := range p.Identities() {
		for _, route := range p.Roster.Routes {
			c := Cell{Identity: id, Route: route, Rejections: p.Budget.MaxRejections}
			c.First = slices.ContainsFunc(canaries, func(x trace.Canary) bool { return x.Identity == id && x.Route == route })
			others := len(canaries) + p.checks()
			if c.First {
				others--
			}
			c.Requests = max(0, p.Requests()-others)
			if c.First {
				c.Requests = max(1, c.Requests)
			}
			out = append(out, c)
		}
	}
	return out
}

// checks is how many requests ask where they arrive from.
func (p Plan) checks() int {
	if p.EgressCheck == "" {
		return 0
	}
	return len(p.Roster.Vantages)
}

// Opening is how many requests a run begins with, whatever comes of them.
func (p Plan) Opening() int { return len(p.Roster.Canaries()) + p.checks() }

// Unseen says in words what this roster and these ceilings cannot find out.
func (p Plan) Unseen() []string {
	b := p.Budget
	spare := max(0, p.Requests()-p.Opening())
	out := []string{
		fmt.Sprintf("a limit of more than about %d requests for each counter", spare),
		fmt.Sprintf("a window that ends more than %s after it began", b.MaxDuration),
		fmt.Sprintf("a limit on concurrency above %d", b.MaxInflight),
	}
	if b.MaxRate > 0 {
		out = append(out, fmt.Sprintf("a limit that only more than %d requests in a second would meet", b.MaxRate))
	}
	if b.MaxRejections > 0 {
		out = append(out, fmt.Sprintf("what only more than %d rejections of one identity would show", b.MaxRejections))
	}
	if p.Inside > 0 {
		out = append(out, fmt.Sprintf("what only more than %d requests within a stated wait would show", p.Inside))
	}
	if p.Leave > 0 {
		out = append(out, fmt.Sprintf("the end of a quota that the server states for more than 5 minutes: %.0f %% of it are left (--leave)", 100*p.Leave))
	}
	if p.StopAtBan {
		out = append(out, "what follows where the server looks like banning: who shares the caller's address or account is asked nothing more (--learn bans goes on)")
	}
	if single := p.untold(); len(single) > 0 {
		out = append(out, "whose counter it is, as far as that needs "+strings.Join(single, ", "))
	}
	return out
}

// untold names what the roster would need for each dimension to be told apart.
func (p Plan) untold() []string {
	var out []string
	for _, d := range []struct {
		dim  trace.Dim
		want string
	}{
		{trace.DimIP, "a second address (--ip)"},
		{trace.DimKey, "a second key (--key)"},
		{trace.DimUser, "a second user (--user, or keys with owners)"},
		{trace.DimRoute, "a second route (--route)"},
	} {
		if d.dim == trace.DimUser && p.Roster.Count(trace.DimOwner) > 1 {
			continue
		}
		if p.Roster.Count(d.dim) < 2 {
			out = append(out, d.want)
		}
	}
	return out
}
