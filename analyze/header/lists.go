package header

import (
	"strings"
	"time"

	"apisonde/probe/trace"
)

// list is a header that holds several bare numbers, which mean something only
// beside another list of the same family (Strava).
type list struct {
	family, name string
	header       string
	field        field
	values       []float64
}

// positional keeps a list of bare numbers until its partner is known. ok is
// false where the value is no such list.
func (d *decoder) positional(p parsed, lower, value string) bool {
	if (p.field != limitField && p.field != usedField) || strings.Count(value, ",") > 3 {
		return false
	}
	var values []float64
	for rest, more := value, true; more; {
		var member string
		member, rest, more = strings.Cut(rest, ",")
		v, ok := plain(member)
		if !ok {
			return false
		}
		values = append(values, v)
	}
	if len(d.lists) < maxQuotas {
		d.lists = append(d.lists, list{p.family, join(p.prefix, p.name), lower, p.field, values})
	}
	return true
}

// positions are the windows of a pair of positional lists: the quarter of an
// hour and the day that Strava documents, the only service known to write
// them.
var positions = [2]time.Duration{15 * time.Minute, 24 * time.Hour}

// settleLists joins limits with the usage list beside them. A list without a
// partner is one number with a comma in it, or nothing that can be known.
func (d *decoder) settleLists() {
	for i := range d.lists {
		limits := &d.lists[i]
		if limits.field != limitField {
			continue
		}
		for j := range d.lists {
			used := &d.lists[j]
			if used.field != usedField || used.family != limits.family || used.name != limits.name || len(used.values) != len(limits.values) {
				continue
			}
			d.saw("positional")
			name := limits.name
			if name == "" {
				name = "overall"
			}
			for k := range limits.values {
				e := entry{family: "positional", valueName: true, Quota: Quota{
					Name: Label(name), Limit: Some(limits.values[k]), Used: Some(used.values[k]),
					Unit: unitRequests, Header: trace.Text(limits.header)}}
				if len(limits.values) == len(positions) {
					e.WindowS = seconds(positions[k])
				}
				d.add(e)
			}
			limits.values, used.values = nil, nil
			break
		}
	}
	for _, l := range d.lists {
		if l.values != nil {
			d.warn(l.header, "is a list that nothing explains and is ignored", "")
		}
	}
}

// countsValue tells values of the form count:seconds,count:seconds (Riot), in
// which at least one member is whole.
func countsValue(value string) bool {
	if strings.ContainsAny(value, `;="T`) {
		return false
	}
	for rest, more := value, true; more; {
		var member string
		member, rest, more = strings.Cut(rest, ",")
		if _, _, ok := countPair(member); ok {
			return true
		}
	}
	return false
}

func countPair(member string) (count, window string, ok bool) {
	count, window, ok = strings.Cut(strings.Trim(member, " "), ":")
	if !ok || window == "" || count == "" || digits(window) != len(window) || digits(count) != len(count) {
		return "", "", false
	}
	return count, window, true
}

// counts reads count:seconds members, joined with their counterparts on the
// window and not on the position.
func (d *decoder) counts(p parsed, lower, value string) {
	d.saw("count:window")
	f := p.field
	if f == noField {
		f = limitField
	}
	name := join(p.prefix, p.name)
	for rest, more := value, true; more; {
		var member string
		member, rest, more = strings.Cut(rest, ",")
		count, window, ok := countPair(member)
		if !ok {
			d.warn(lower, "has a member that cannot be read", member)
			continue
		}
		w, ok := scale(window, "", time.Second)
		if !ok || w <= 0 || w > longestWindow {
			d.warn(lower, "has a window that is not believed", member)
			continue
		}
		if e := d.windowed(p.family, name, lower, w); e != nil {
			d.figure(e, f, lower, count, 0, false)
		}
	}
}

// windowed is the entry of a family, name and window, made on first use.
func (d *decoder) windowed(family, name, lower string, w time.Duration) *entry {
	for i := range d.entries {
		if e := &d.entries[i]; e.family == family && string(e.Name) == name && e.WindowS == seconds(w) {
			return e
		}
	}
	return d.add(entry{family: family, Quota: Quota{Name: Label(name), WindowS: seconds(w), Header: trace.Text(lower)}})
}
