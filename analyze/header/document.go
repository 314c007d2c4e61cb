// Package header reads what a response says about rate limits: in its header
// fields, of whatever dialect, and in its body where only the body says it.
// Everything here is a claim of the server; whether it is true is for the
// measurements to say. The package is pure: no I/O beyond the reader it is
// given, no clock; the instant of receipt is an argument.
package header

import (
	"cmp"
	"slices"
	"strconv"

	"apisonde/probe/trace"
)

// Schema names the form of Document.
const Schema = "apisonde/headers/v1"

// Num is a figure that the response may or may not reveal. The zero Num is
// "not stated" and marshals as null.
type Num struct {
	Value float64
	Known bool
}

// Some is a stated figure.
func Some(v float64) Num { return Num{v, true} }

// Ptr is nil for a figure that is not stated.
func (n Num) Ptr() *float64 {
	if !n.Known {
		return nil
	}
	return &n.Value
}

// String is the figure in plain decimals, or "?" where it is not stated.
func (n Num) String() string {
	if !n.Known {
		return "?"
	}
	return strconv.FormatFloat(n.Value, 'f', -1, 64)
}

// MarshalJSON writes a number in plain decimals, or null.
func (n Num) MarshalJSON() ([]byte, error) {
	if !n.Known {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, n.Value, 'f', -1, 64), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (n *Num) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = Num{}
		return nil
	}
	v, err := strconv.ParseFloat(string(b), 64)
	*n = Num{v, err == nil}
	return err
}

// Label is a name that a response may or may not give; "" marshals as null.
type Label trace.Text

// MarshalJSON writes a string, or null for "".
func (l Label) MarshalJSON() ([]byte, error) {
	if l == "" {
		return []byte("null"), nil
	}
	return quoteJSON(string(l)), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (l *Label) UnmarshalJSON(b []byte) error {
	s, err := unquoteJSON(b)
	*l = Label(trace.Clean(s))
	return err
}

// Quota is one counter that a response speaks of.
type Quota struct {
	Name      Label  `json:"name"`       // what the response calls it, "" where it does not
	Limit     Num    `json:"limit"`      // units a window, or the size of a bucket
	Remaining Num    `json:"remaining"`  // derived only from used and limit
	Used      Num    `json:"used"`       // never derived
	WindowS   Num    `json:"window_s"`   // seconds; a window is never a wait
	ResetInS  Num    `json:"reset_in_s"` // seconds from receipt, 0 to 35 days
	Unit      string `json:"unit"`       // requests, tokens, points, percent, concurrency, …

	// Header is the field (lower case) that gave the limit, or the first that
	// said anything of this quota.
	Header trace.Text `json:"-"`
}

// Field is a header that looks like one about rate limits and states no figure
// that this package understands.
type Field struct {
	Name  trace.Text `json:"name"`
	Value trace.Text `json:"value"`
}

// Kind tells the refusals apart by what the response alone says.
type Kind string

// The kinds of response.
const (
	KindNone     Kind = "none"     // nothing says that a limit refused it
	KindLimited  Kind = "limited"  // refused because quota is spent
	KindBilling  Kind = "billing"  // refused by a plan or a balance: no wait cures it
	KindOverload Kind = "overload" // refused because the server is busy, not for the caller's own rate
)

// Document is what one response claims, in the form `apisonde/headers/v1`.
type Document struct {
	Schema      string   `json:"schema"`
	Status      int      `json:"status"`
	Limited     bool     `json:"limited"`
	RetryAfterS Num      `json:"retry_after_s"` // the wait that the response states in so many words, in seconds
	ScopeHint   Label    `json:"scope_hint"`    // whose limit it says it is: ip, user, global, app, …
	Dialects    []string `json:"dialects"`
	Quotas      []Quota  `json:"quotas"`

	// Kind and Why refine Limited; every 429 is limited, whatever its kind.
	Kind Kind       `json:"kind"`
	Why  trace.Text `json:"why"`
	// WaitS is the wait that wins (see Decode) and WaitFrom what states it.
	WaitS    Num        `json:"wait_s"`
	WaitFrom trace.Text `json:"wait_from"`
	// Cost is what this request is said to have cost, in the unit of its quota.
	Cost Num `json:"cost"`
	// Refill is the sustained rate of a bucket, in units a second, where the
	// headers state one.
	RefillPerS Num          `json:"refill_per_s"`
	Unknown    []Field      `json:"unknown"`
	Warnings   []trace.Text `json:"warnings"`
}

// Primary is the quota that most likely governs this response. Of a refusal it
// is an exhausted one, the one whose reset is nearest to the stated wait, else
// the one that resets last; of any other response the one with the smallest
// share left. Quotas with both a limit and a window go before those without,
// and counts of requests before other units. ok is false where none has a
// limit or a remaining count.
func (d Document) Primary() (q Quota, ok bool) {
	best := -1
	for i, q := range d.Quotas {
		if !q.Limit.Known && !q.Remaining.Known {
			continue
		}
		if best < 0 || d.governs(q, d.Quotas[best]) < 0 {
			best = i
		}
	}
	if best < 0 {
		return Quota{}, false
	}
	return d.Quotas[best], true
}

// governs orders a before b when a is likelier to govern the response.
func (d Document) governs(a, b Quota) int {
	spent := func(q Quota) bool { return q.Remaining.Known && q.Remaining.Value == 0 }
	whole := func(q Quota) bool { return q.Limit.Known && q.WindowS.Known }
	if d.Limited {
		if c := first(spent(a), spent(b)); c != 0 {
			return c
		}
		if spent(a) && d.RetryAfterS.Known && a.ResetInS.Known && b.ResetInS.Known {
			near := func(q Quota) float64 { return abs(q.ResetInS.Value - d.RetryAfterS.Value) }
			if c := cmp.Compare(near(a), near(b)); c != 0 {
				return c
			}
		}
		if spent(a) && a.ResetInS.Known && b.ResetInS.Known {
			if c := cmp.Compare(b.ResetInS.Value, a.ResetInS.Value); c != 0 {
				return c
			}
		}
	}
	if c := first(a.Unit == unitRequests, b.Unit == unitRequests); c != 0 {
		return c
	}
	if c := first(whole(a), whole(b)); c != 0 {
		return c
	}
	return cmp.Compare(share(a), share(b))
}

// share is how much of q is left, 0 to 1; 1 where that is not stated.
func share(q Quota) float64 {
	if !q.Remaining.Known || !q.Limit.Known || q.Limit.Value <= 0 {
		return 1
	}
	return min(1, q.Remaining.Value/q.Limit.Value)
}

func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func abs(v float64) float64 {
	if v < 0 {
		return -v
	}
	return v
}

// sortQuotas puts quotas into the order of the contract: by name, then window,
// then limit, what is not stated first.
func sortQuotas(qs []Quota) {
	num := func(a, b Num) int {
		if c := first(!a.Known, !b.Known); c != 0 {
			return c
		}
		return cmp.Compare(a.Value, b.Value)
	}
	slices.SortStableFunc(qs, func(a, b Quota) int {
		if c := cmp.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		if c := num(a.WindowS, b.WindowS); c != 0 {
			return c
		}
		return num(a.Limit, b.Limit)
	})
}
