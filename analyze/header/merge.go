package header

import "time"

// merge joins what several sets of headers say of one quota. Two sets that
// agree on limit and remaining are one quota told twice; a set that states only
// part of a quota completes the one that lacks it. Sets that differ both stay:
// a gateway's and that of the server behind it.
func (d *decoder) merge() {
	for i := range d.entries {
		if e := &d.entries[i]; !e.says() && e.WindowS.Known && e.Name == "" {
			if owner := d.only(e.family); owner != nil && !owner.WindowS.Known {
				owner.WindowS = e.WindowS
			}
		}
	}
	for i := range d.entries {
		if j := d.twin(i); j >= 0 {
			d.join(i, j)
		}
	}
	for i := range d.entries {
		if j := d.complement(i); j >= 0 {
			d.join(i, j)
		}
	}
}

// live is whether an entry can still be merged.
func (e *entry) live() bool { return !e.gone && !e.loose && e.says() }

// twin finds the quota of another family that has entry i's limit and
// remaining; of several a named one, and the one whose window fits the reset.
func (d *decoder) twin(i int) int {
	e := &d.entries[i]
	if !e.live() || !e.Limit.Known || !e.Remaining.Known || (e.Name != "" && !e.ietf) {
		return -1
	}
	best := -1
	for j := range d.entries {
		o := &d.entries[j]
		if j == i || !o.live() || o.family == e.family || o.Limit != e.Limit || o.Remaining != e.Remaining ||
			!agree(o.WindowS, e.WindowS) || o.counts() != e.counts() {
			continue
		}
		if best < 0 || (o.Name != "" && (d.entries[best].Name == "" || fits(o, &d.entries[best], e.ResetInS))) {
			best = j
		}
	}
	return best
}

// complement finds the quota that entry i, unnamed and stated only in part,
// completes: the only other unnamed one, else the only named one, where nothing
// contradicts it.
func (d *decoder) complement(i int) int {
	e := &d.entries[i]
	if !e.live() || e.Name != "" || e.ietf {
		return -1
	}
	unnamed, named := -1, -1
	unnamedCount, namedCount := 0, 0
	for j := range d.entries {
		o := &d.entries[j]
		switch {
		case j == i || !o.live() || (o.ietf && o.family == e.family):
		case o.Name == "":
			if o.family != e.family {
				unnamed, unnamedCount = j, unnamedCount+1
			}
		default:
			named, namedCount = j, namedCount+1
		}
	}
	if unnamedCount == 1 && completes(e, &d.entries[unnamed]) {
		return unnamed
	}
	if namedCount == 1 && completes(e, &d.entries[named]) {
		return named
	}
	return -1
}

// completes is whether a and b can be two parts of one quota: nothing that both
// state differs, and one states what the other lacks.
func completes(a, b *entry) bool {
	if !agree(a.Limit, b.Limit) || !agree(a.Remaining, b.Remaining) || !agree(a.Used, b.Used) ||
		!agree(a.WindowS, b.WindowS) || !agree(a.ResetInS, b.ResetInS) {
		return false
	}
	if a.Limit.Known || a.Remaining.Known || a.Used.Known {
		if a.counts() != b.counts() {
			return false
		}
	}
	return a.Limit.Known != b.Limit.Known || a.Remaining.Known != b.Remaining.Known || a.ResetInS.Known != b.ResetInS.Known
}

func agree(a, b Num) bool { return !a.Known || !b.Known || a == b }

// counts is the unit that an entry counts in.
func (e *entry) counts() string {
	if e.Unit != "" {
		return e.Unit
	}
	return unitOf(string(e.Name))
}

// span is the entry's window in seconds, stated or in its name; 0 for none.
func (e *entry) span() float64 {
	if e.WindowS.Known {
		return e.WindowS.Value
	}
	if e.valueName {
		return 0
	}
	return windowOf(string(e.Name)).Seconds()
}

// join puts entry i into entry j, which keeps the name that either has.
func (d *decoder) join(i, j int) {
	from, into := &d.entries[i], &d.entries[j]
	if into.Name == "" && from.Name != "" {
		into.Name, into.valueName, into.ietf = from.Name, from.valueName, from.ietf
	}
	if !into.Limit.Known {
		into.Limit, into.Header = from.Limit, from.Header
	}
	into.Remaining = lesser(into.Remaining, from.Remaining)
	into.Used = greater(into.Used, from.Used)
	into.ResetInS = greater(into.ResetInS, from.ResetInS)
	if !into.WindowS.Known {
		into.WindowS = from.WindowS
	}
	if into.Unit == "" {
		into.Unit = from.Unit
	}
	from.gone = true
}

// reconcile finds milliseconds that no name tells: a reset that is a thousand
// times the stated wait, or a wait that is a thousand times a reset that is an
// absolute time, cannot both be seconds.
func (d *decoder) reconcile() {
	w := &d.waits[rankPlain]
	if !w.known || w.d < time.Second {
		return
	}
	thousandfold := func(long, short float64) bool {
		return short >= 1 && (long == 1000*short || (short >= 5 && abs(long-1000*short) <= 1000))
	}
	for i := range d.entries {
		e := &d.entries[i]
		switch {
		case !e.ResetInS.Known || e.gone:
		case e.delta && thousandfold(e.ResetInS.Value, w.d.Seconds()):
			e.ResetInS.Value = tidy(e.ResetInS.Value / 1000)
			d.warn(string(e.Header), "has a reset that is taken for milliseconds, for the stated wait says so", "")
		case !e.delta && thousandfold(w.d.Seconds(), e.ResetInS.Value):
			w.d /= 1000
			d.warn(string(w.from), "is taken for milliseconds, for the stated reset says so", "")
		}
	}
}
