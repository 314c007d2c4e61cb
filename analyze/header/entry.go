package header

import "apisonde/probe/trace"

// entry is a quota that grows as headers are read.
type entry struct {
	Quota
	family string
	// loose quotas come from names that no rate-limit word marks: they count
	// only when something tells what is left.
	loose bool
	// after is whether the reset came from a field that says it is a delta.
	after bool
	// delta is whether the reset was a bare number of seconds.
	delta bool
	// ietf quotas were declared by a structured field and keep their name.
	ietf bool
	// valueName is whether the name was told by a value, not by a header's name.
	valueName bool
	gone      bool
}

// at is the entry called name of a family, made on first use. It returns nil
// when there are too many already. The pointer is good until the next call.
func (d *decoder) at(family, name, lower string) *entry {
	for i := range d.entries {
		if e := &d.entries[i]; e.family == family && string(e.Name) == name && !e.ietf {
			return e
		}
	}
	return d.add(entry{family: family, Quota: Quota{Name: Label(name), Header: trace.Text(lower)}})
}

func (d *decoder) add(e entry) *entry {
	if len(d.entries) >= maxQuotas {
		return nil
	}
	d.entries = append(d.entries, e)
	return &d.entries[len(d.entries)-1]
}

// setLimit takes the smaller of two limits: a proxy and the server behind it
// may both have written one.
func (e *entry) setLimit(v Num, lower string) {
	if v.Known {
		e.Limit = lesser(e.Limit, v)
		e.Header = trace.Text(lower)
	}
}

// setReset takes the longer of two resets of one kind; one that says it is a
// delta goes before one that does not.
func (e *entry) setReset(v Num, after bool) {
	switch {
	case !v.Known, e.ResetInS.Known && e.after && !after:
	case e.ResetInS.Known && e.after == after:
		e.ResetInS = greater(e.ResetInS, v)
	default:
		e.ResetInS, e.after = v, after
	}
}

func lesser(a, b Num) Num {
	if !a.Known || (b.Known && b.Value < a.Value) {
		return b
	}
	return a
}

func greater(a, b Num) Num {
	if !a.Known || (b.Known && b.Value > a.Value) {
		return b
	}
	return a
}

// says is whether an entry states anything but a window.
func (e *entry) says() bool {
	return e.Limit.Known || e.Remaining.Known || e.Used.Known || e.ResetInS.Known
}

// settle joins what belongs together and derives what may be derived.
func (d *decoder) settle() {
	d.settleLists()
	d.settleIETF()
	d.settleLabels()
	d.settleWindows()
	d.reconcile()
	d.merge()
	kept := d.entries[:0]
	for _, e := range d.entries {
		if e.gone || !e.says() || (e.loose && !e.Remaining.Known && !e.Used.Known) {
			if e.loose && !e.gone && e.says() {
				d.raw(string(e.Header), e.looseValue())
			}
			continue
		}
		if e.loose {
			d.saw("loose")
		}
		kept = append(kept, e)
	}
	d.entries = kept
	for i := range d.entries {
		d.entries[i].derive()
	}
}

// looseValue is what a loose entry stated, for the list of unknown headers.
func (e *entry) looseValue() string {
	for _, n := range [...]Num{e.Limit, e.ResetInS} {
		if n.Known {
			b, _ := n.MarshalJSON()
			return string(b)
		}
	}
	return ""
}

// derive fills in what the figures and the name imply.
func (e *entry) derive() {
	if e.Limit.Known && e.Used.Known && (!e.Remaining.Known || e.Used.Value > e.Limit.Value) {
		e.Remaining = Some(tidy(max(0, e.Limit.Value-e.Used.Value)))
	}
	if !e.WindowS.Known && !e.valueName && !e.ietf {
		if w := windowOf(string(e.Name)); w > 0 {
			e.WindowS = seconds(w)
		}
	}
	if e.Unit == "" {
		e.Unit = unitOf(string(e.Name))
	}
}
