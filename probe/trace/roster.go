package trace

import (
	"slices"
	"time"
)

// Key is an API key by name, and whose it is where that was told.
type Key struct {
	Name  string `json:"name"`
	Owner string `json:"owner,omitempty"`
}

// Roster lists the values that each dimension may take in a run. The first of
// each list is the baseline. An empty list means that requests carry nothing of
// that kind; Vantages and Routes are never empty.
type Roster struct {
	Vantages  []string `json:"ips"`
	Keys      []Key    `json:"keys,omitempty"`
	Users     []string `json:"users,omitempty"`
	Forwarded []string `json:"forwarded,omitempty"`
	Routes    []string `json:"routes"`
	// Addresses are those of the vantages whose address is known beforehand.
	Addresses map[string]string `json:"addresses,omitempty"`
}

// Baseline is the identity made of every list's first value.
func (r Roster) Baseline() Identity {
	var id Identity
	if len(r.Vantages) > 0 {
		id.Vantage = r.Vantages[0]
	}
	if len(r.Keys) > 0 {
		id.Key, id.Owner = r.Keys[0].Name, r.Keys[0].Owner
	}
	if len(r.Users) > 0 {
		id.User = r.Users[0]
	}
	if len(r.Forwarded) > 0 {
		id.Forwarded = r.Forwarded[0]
	}
	return id
}

// Count is the number of distinct values in dimension d.
func (r Roster) Count(d Dim) int {
	switch d {
	case DimIP:
		return len(r.Vantages)
	case DimKey:
		return len(r.Keys)
	case DimOwner:
		var owners []string
		for _, k := range r.Keys {
			if k.Owner != "" && !slices.Contains(owners, k.Owner) {
				owners = append(owners, k.Owner)
			}
		}
		return len(owners)
	case DimUser:
		return len(r.Users)
	case DimRoute:
		return len(r.Routes)
	case DimForwarded:
		return len(r.Forwarded)
	}
	return 0
}

// Canaries lists the first request of each value: the baseline, then the
// baseline with one value changed, so that a refusal names its culprit.
func (r Roster) Canaries() []Canary {
	base := r.Baseline()
	out := []Canary{{Identity: base, Route: r.Routes[0]}}
	for _, v := range r.Vantages[min(1, len(r.Vantages)):] {
		id := base
		id.Vantage = v
		out = append(out, Canary{id, r.Routes[0], DimIP})
	}
	for _, k := range r.Keys[min(1, len(r.Keys)):] {
		id := base
		id.Key, id.Owner = k.Name, k.Owner
		out = append(out, Canary{id, r.Routes[0], DimKey})
	}
	for _, u := range r.Users[min(1, len(r.Users)):] {
		id := base
		id.User = u
		out = append(out, Canary{id, r.Routes[0], DimUser})
	}
	for _, f := range r.Forwarded[min(1, len(r.Forwarded)):] {
		id := base
		id.Forwarded = f
		out = append(out, Canary{id, r.Routes[0], DimForwarded})
	}
	for _, p := range r.Routes[1:] {
		out = append(out, Canary{base, p, DimRoute})
	}
	return out
}

// Canary is the first request that proves one value of one dimension.
type Canary struct {
	Identity Identity
	Route    string
	Dim      Dim // what differs from the baseline; "" for the baseline itself
}

// String names the value that the canary proves: "key k2".
func (c Canary) String() string {
	v := c.Identity.Value(c.Dim, c.Route)
	if c.Dim == DimForwarded && v == "" {
		return "no X-Forwarded-For"
	}
	return string(c.Dim) + " " + v
}

// Without returns the roster less the value in which the canary differs.
func (r Roster) Without(c Canary) Roster {
	drop := func(list []string, v string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(x string) bool { return x == v })
	}
	switch c.Dim {
	case DimIP:
		r.Vantages = drop(r.Vantages, c.Identity.Vantage)
	case DimKey:
		r.Keys = slices.DeleteFunc(slices.Clone(r.Keys), func(k Key) bool { return k.Name == c.Identity.Key })
	case DimUser:
		r.Users = drop(r.Users, c.Identity.User)
	case DimForwarded:
		r.Forwarded = drop(r.Forwarded, c.Identity.Forwarded)
	case DimRoute:
		r.Routes = drop(r.Routes, c.Route)
	}
	return r
}

// Beyond returns the roster of the callers who share neither address nor account
// with id; false where that leaves nobody.
func (r Roster) Beyond(id Identity) (Roster, bool) {
	out := r
	out.Vantages, out.Keys, out.Users = nil, nil, nil
	for _, v := range r.Vantages {
		if v != id.Vantage {
			out.Vantages = append(out.Vantages, v)
		}
	}
	for _, k := range r.Keys {
		if k.Name != id.Key && (k.Owner == "" || k.Owner != id.Owner) {
			out.Keys = append(out.Keys, k)
		}
	}
	for _, u := range r.Users {
		if u != id.User {
			out.Users = append(out.Users, u)
		}
	}
	some := len(out.Vantages) > 0 && (len(out.Keys) > 0 || len(r.Keys) == 0) && (len(out.Users) > 0 || len(r.Users) == 0)
	return out, some
}

// Budget holds the ceilings of a run, which nothing passes by one. Zero means
// no ceiling for MaxRate and MaxRejections; the others are always positive.
type Budget struct {
	MaxRequests   int           `json:"max_requests"`
	MaxDuration   time.Duration `json:"max_duration"`
	MaxRate       int           `json:"max_rps,omitempty"`        // in any one second
	MaxInflight   int           `json:"max_inflight"`             // at once, over all identities
	MaxRejections int           `json:"max_rejections,omitempty"` // for each identity
}
