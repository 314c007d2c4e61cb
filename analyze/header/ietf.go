package header

import (
	"strings"
	"time"

	"apisonde/probe/trace"
)

// policy is one quota that a policy list declares.
type policy struct {
	family string
	header string
	name   string
	limit  Num
	window Num
	unit   string
}

// state is what a named or windowed member says is left.
type state struct {
	family string
	header string
	name   string // drafts 08 to 10 join on the name
	window Num    // Docker joins on the window
	Quota
}

// pairFields are the keys of dictionaries and mini-languages beside the words
// of fieldWords.
var pairFields = map[string]field{"q": limitField, "r": remainingField, "t": resetField, "w": windowField, "u": usedField}

// dictionary puts key=value members into one entry. Keys nobody knows are
// comments.
func (d *decoder) dictionary(e *entry, lower string, members []param) {
	for _, m := range members {
		f, ok := pairFields[m.key]
		if !ok {
			f = fieldWords[strings.ReplaceAll(m.key, "_", "-")]
		}
		switch f {
		case windowField:
			if w, _, ok := periodOf(m.value, time.Second, true); ok {
				e.WindowS = seconds(w)
			}
		default:
			d.figure(e, f, lower, m.value, time.Second, false)
		}
	}
}

// policyList reads RateLimit-Policy of any draft: 100;w=60 or "name";q=100;w=60.
func (d *decoder) policyList(family, lower, value string) {
	members, bad := parseList(value)
	for _, part := range bad {
		d.warn(lower, "has a member that cannot be read", part)
	}
	for _, m := range members {
		d.policy(family, lower, m)
	}
}

func (d *decoder) policy(family, lower string, m member) {
	p := policy{family: family, header: lower, unit: unitRequests}
	if limit, ok := plain(m.value); ok && digits(m.value) > 0 {
		p.limit = Some(limit)
		p.name, _ = m.get("name")
		d.saw("ietf-draft-03")
	} else {
		p.name = m.value
		d.saw("ietf-draft-10")
	}
	if q, ok := m.get("q", "quota"); ok {
		p.limit = d.count(lower, q)
	}
	if w, ok := m.get("w", "window"); ok {
		if window, _, fits := periodOf(w, time.Second, true); fits {
			p.window = seconds(window)
		} else {
			d.warn(lower, "has a window that is not believed", w)
		}
	}
	if qu, ok := m.get("qu"); ok {
		p.unit = quotaUnit(qu)
	}
	if p.limit.Known && len(d.policies) < maxQuotas {
		d.policies = append(d.policies, p)
	}
}

// quotaUnit maps the registered quota units; others stay as they are written.
func quotaUnit(qu string) string {
	switch qu {
	case "content-bytes":
		return unitBytes
	case "concurrent-requests":
		return unitConcurrency
	}
	return string(trace.Clean(clip(qu)))
}

// limitList reads drafts 00 to 06 of RateLimit-Limit: the expiring limit, then
// policies with their windows. A first member with a window is both.
func (d *decoder) limitList(family, lower, value string) {
	members, bad := parseList(value)
	for _, part := range bad {
		d.warn(lower, "has a member that cannot be read", part)
	}
	for i, m := range members {
		_, windowed := m.get("w", "window")
		if i == 0 {
			if e := d.at(family, "", lower); e != nil {
				d.figure(e, limitField, lower, m.value, 0, false)
			}
		}
		if windowed || i > 0 {
			d.policy(family, lower, m)
		}
	}
}

// remainingList reads Docker's 0;w=21600, whose window says which policy it is
// of.
func (d *decoder) remainingList(family, lower, value string) {
	members, _ := parseList(value)
	for _, m := range members {
		left := d.count(lower, m.value)
		w, ok := m.get("w", "window")
		window, _, fits := periodOf(w, time.Second, true)
		switch {
		case ok && fits && len(d.states) < maxQuotas:
			d.states = append(d.states, state{family: family, header: lower, window: seconds(window), Quota: Quota{Remaining: left}})
		default:
			if e := d.at(family, "", lower); e != nil {
				e.Remaining = lesser(e.Remaining, left)
			}
		}
	}
}

// stateList reads RateLimit of drafts 08 to 10: "name";r=50;t=30.
func (d *decoder) stateList(family, lower, value string) {
	members, bad := parseList(value)
	for _, part := range bad {
		d.warn(lower, "cannot be read and is ignored", part)
	}
	for _, m := range members {
		s := state{family: family, header: lower, name: m.value}
		if r, ok := m.get("r", "remaining"); ok {
			s.Remaining = d.count(lower, r)
		}
		if t, ok := m.get("t", "reset"); ok {
			s.ResetInS = d.when(lower, t, time.Second)
		}
		if q, ok := m.get("q", "limit"); ok {
			s.Limit = d.count(lower, q)
		}
		if w, ok := m.get("w", "window"); ok {
			if window, _, fits := periodOf(w, time.Second, true); fits {
				s.WindowS = seconds(window)
			}
		}
		if qu, ok := m.get("qu"); ok {
			s.Unit = quotaUnit(qu)
		}
		if s.says() && len(d.states) < maxQuotas {
			d.saw("ietf-draft-10")
			d.states = append(d.states, s)
		}
	}
}

func (s *state) says() bool { return s.Limit.Known || s.Remaining.Known || s.ResetInS.Known }

// settleIETF joins policies with their states, by name or by window, and then
// with the plain counters of their family, by limit.
func (d *decoder) settleIETF() {
	from := len(d.entries)
	for _, p := range d.policies {
		d.add(entry{family: p.family, ietf: true, Quota: Quota{Name: Label(p.name), Limit: p.limit, WindowS: p.window,
			Unit: p.unit, Header: trace.Text(p.header)}})
	}
	for i := range d.states {
		d.joinState(&d.states[i], from)
	}
	for i := range d.entries[:min(from, len(d.entries))] {
		if e := &d.entries[i]; e.Name == "" && !e.loose && e.says() {
			d.joinCounters(e, from)
		}
	}
}

// joinState finds the policy of a state; without one it stands alone.
func (d *decoder) joinState(s *state, from int) {
	for i := from; i < len(d.entries); i++ {
		e := &d.entries[i]
		if s.family != e.family {
			continue
		}
		byName := !s.window.Known && string(e.Name) == s.name
		byWindow := s.window.Known && e.WindowS == s.window
		if byName || byWindow {
			e.Limit = lesser(e.Limit, s.Limit)
			e.Remaining = lesser(e.Remaining, s.Remaining)
			e.ResetInS = greater(e.ResetInS, s.ResetInS)
			if !e.WindowS.Known {
				e.WindowS = s.WindowS
			}
			return
		}
	}
	q := s.Quota
	q.Name, q.Header = Label(s.name), trace.Text(s.header)
	if !q.WindowS.Known {
		q.WindowS = s.window
	}
	if q.Unit == "" {
		q.Unit = unitRequests
	}
	d.add(entry{family: s.family, ietf: true, Quota: q})
}

// joinCounters gives the plain counters of a family to the policy whose quota
// equals the expiring limit; of several the one with the shortest window that
// can hold the reset. Where none matches, the counters are a quota of their own
// without a window; where no limit was stated and there is one policy, they are
// that policy's.
func (d *decoder) joinCounters(e *entry, from int) {
	best, count := -1, 0
	for i := from; i < len(d.entries); i++ {
		p := &d.entries[i]
		if p.family != e.family || p.gone || !p.Limit.Known {
			continue
		}
		count++
		switch {
		case e.Limit.Known && p.Limit != e.Limit, p.Remaining.Known && e.Remaining.Known && p.Remaining != e.Remaining:
			continue
		}
		if best < 0 || fits(p, &d.entries[best], e.ResetInS) {
			best = i
		}
	}
	if best < 0 || (!e.Limit.Known && count > 1) {
		return
	}
	p := &d.entries[best]
	p.Remaining = lesser(p.Remaining, e.Remaining)
	p.Used = greater(p.Used, e.Used)
	p.ResetInS = greater(p.ResetInS, e.ResetInS)
	e.gone = true
}

// fits is whether a's window goes better with a reset than b's: one that can
// hold it goes before one that cannot, then the shorter.
func fits(a, b *entry, reset Num) bool {
	holds := func(e *entry) bool { return e.span() == 0 || !reset.Known || e.span() >= reset.Value }
	if holds(a) != holds(b) {
		return holds(a)
	}
	return a.span() > 0 && (b.span() == 0 || a.span() < b.span())
}
