package model

import (
	"cmp"
	"math"
	"slices"
)

// A request without an answer was lost on the way to the limiter, which then knows
// nothing of it, or on the way back, and was counted like any other. Nothing says
// which, so both are followed, each at the price of one bit, until what comes
// later tells them apart.

// fate is one account of what became of the requests so far.
type fate struct {
	m Model
	c Cost
}

// fates are the accounts that are followed, and space for the next ones.
type fates struct {
	now, next []fate
}

// mostFates bounds them: four requests in doubt at a time.
const mostFates = 32

// doubt is the price of one of two accounts.
var doubt = Cost{Total: math.Ln2}

// runFates goes on from the state that m is in, at cost c, and leaves m in the
// state of the best account.
func (m *Model) runFates(events []Event, c Cost, limit float64) Cost {
	if m.fates == nil {
		m.fates = &fates{}
	}
	f := m.fates
	f.now, f.next = f.now[:0], f.next[:0]
	f.now = follow(f.now, m, c)
	for i := range events {
		x := &events[i]
		if x.Unknown == 0 {
			for k := range f.now {
				f.now[k].m.Step(x, &f.now[k].c)
			}
		}
		for range x.Unknown {
			f.split(x)
		}
		slices.SortStableFunc(f.now, func(a, b fate) int { return cmp.Compare(a.c.Total, b.c.Total) })
		if f.now[0].c.Total > limit {
			break
		}
	}
	best := &f.now[0]
	best.m.CopyTo(m)
	return best.c
}

// split follows each account on both ways of one more request in doubt. Accounts
// that have become alike are one.
func (f *fates) split(x *Event) {
	f.next = f.next[:0]
	for k := range f.now {
		a := &f.now[k]
		f.next = follow(f.next, &a.m, add(a.c, doubt))
		lo, hi := a.m.Bounds(x.S, x.E)
		arrived := func(admitted, limited int) {
			f.next = follow(f.next, &a.m, add(a.c, doubt))
			f.next[len(f.next)-1].m.Commit(x.S, x.E, admitted, limited)
		}
		if hi >= 1 {
			arrived(1, 0)
		}
		if lo < 1 && a.m.V.minds() { // else a refusal changes nothing
			arrived(0, 1)
		}
	}
	slices.SortStableFunc(f.next, func(a, b fate) int { return cmp.Compare(a.c.Total, b.c.Total) })
	f.now, f.next = f.next, f.now
	kept := f.now[:0]
	for k := range f.now {
		same := slices.ContainsFunc(kept, func(o fate) bool { return o.m.equals(&f.now[k].m) })
		if n := len(kept); !same && n < mostFates {
			kept = kept[:n+1]
			kept[n], f.now[k] = f.now[k], kept[n] // which keeps the space of both
		}
	}
	f.now = kept
}

// follow adds an account in the state of m, in space that an earlier one left.
func follow(fs []fate, m *Model, c Cost) []fate {
	n := len(fs)
	if n < cap(fs) {
		fs = fs[:n+1]
	} else {
		fs = append(fs, fate{})
	}
	m.CopyTo(&fs[n].m)
	fs[n].c = c
	return fs
}

func add(a, b Cost) Cost { return Cost{a.Total + b.Total, a.Violation + b.Violation} }

// minds says whether a refusal changes what comes after it.
func (v *Variant) minds() bool { return v.OnReject != RejectIgnored || v.Anchor == AnchorLastAny }

// equals says whether both states allow the same from here on.
func (m *Model) equals(o *Model) bool { return m.counts == o.counts && slices.Equal(m.log, o.log) }
