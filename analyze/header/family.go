package header

import "strings"

// label is a word that a family says of its quota: its name, its window, its
// scope.
type label struct {
	family string
	field  field
	rank   int // of several names the lowest rank counts
	value  string
	header string
}

// familyHeader reads the headers whose name holds "ratelimit" in some spelling:
// X-RateLimit-Limit, anthropic-ratelimit-input-tokens-remaining,
// x-hubspot-ratelimit-daily and all their kin. The value's shape decides before
// the name's words do.
func familyHeader(d *decoder, lower, value string) bool {
	p, ok := parseName(lower)
	if !ok {
		return false
	}
	d.saw(p.dialect())
	value = strings.Trim(value, " \t")
	switch {
	case value == "":
		return true
	case value[0] == '{':
		d.object(p, lower, value)
	case p.field != resetField && p.field != waitField && countsValue(value):
		d.counts(p, lower, value)
	case p.field == noField:
		d.unfielded(p, lower, value)
	case p.field == policyField && !strings.ContainsAny(value, "=;,"):
		d.policyName(p, lower, value)
	case p.field == policyField:
		d.policyList(p.family, lower, value)
	case p.field.figure():
		d.member(p, lower, value)
	default:
		d.word(p, lower, value)
	}
	return true
}

// policyName reads a policy header that only names the policy, or states its
// limit as a bare number.
func (d *decoder) policyName(p parsed, lower, value string) {
	if _, number := plain(value); number {
		d.policyList(p.family, lower, value)
		return
	}
	d.labels = append(d.labels[:min(len(d.labels), maxQuotas)], label{
		family: p.family, field: labelField, rank: len(labelRanks) - 1, value: bare(value), header: lower})
}

// dialect names the set of headers that a name belongs to. The bare fields are
// those of the IETF drafts, whose later generations are told by their values.
func (p parsed) dialect() string {
	switch {
	case p.family != "ratelimit":
		return p.family
	case p.field == noField || p.field == policyField:
		return ""
	}
	return "ietf-draft-03"
}

// quotaName is what a header's name calls its quota.
func (p parsed) quotaName() string { return join(p.prefix, p.name) }

// object reads a JSON object of figures.
func (d *decoder) object(p parsed, lower, value string) {
	var object map[string]any
	if !decodeJSON(value, &object) {
		d.warn(lower, "is broken JSON and is ignored", value)
		return
	}
	var members []param
	for key, v := range object {
		if v, ok := v.(interface{ String() string }); ok && len(members) < maxMembers {
			members = append(members, param{strings.ToLower(key), v.String()})
		}
	}
	if e := d.at(p.family, p.quotaName(), lower); e != nil {
		d.dictionary(e, lower, members)
	}
}

// unfielded reads a header whose name has no word for a field: the state of the
// IETF drafts, a limit alone (X-Rate-Limit: 400; ratelimit-daily: 250000), or a
// list of key=value members (Zendesk).
func (d *decoder) unfielded(p parsed, lower, value string) {
	if members, ok := pairs(value); ok {
		if e := d.at(p.family, p.quotaName(), lower); e != nil {
			if p.name == "" && p.family == "ratelimit" {
				d.saw("ietf-draft-07")
			} else {
				d.saw("key=value")
			}
			d.dictionary(e, lower, members)
		}
		return
	}
	_, number := plain(value)
	switch {
	case number && (p.name == "" || windowOf(p.name) > 0 || monthly(p.name)):
		if e := d.at(p.family, p.quotaName(), lower); e != nil {
			e.setLimit(d.count(lower, value), lower)
		}
	case !number && p.name == "" && strings.ContainsAny(value, `;"`):
		d.stateList(p.family, lower, value)
	case !boundless(value):
		d.raw(lower, value)
	}
}

// monthly tells the windows without a fixed length.
func monthly(name string) bool {
	for _, word := range [...]string{"month", "monthly", "year", "yearly", "annual"} {
		if name == word || strings.HasSuffix(name, "-"+word) {
			return true
		}
	}
	return false
}

// member reads one figure of a quota.
func (d *decoder) member(p parsed, lower, value string) {
	name := p.quotaName()
	if p.field == waitField {
		if w, ok := d.clock.wait(value, p.unit); ok {
			d.waits[rankPlain].take(w, lower)
		} else {
			d.warn(lower, "is no believable wait and is ignored", value)
		}
		return
	}
	listed := strings.IndexByte(value, ';') >= 0 || strings.IndexByte(value, ',') >= 0
	if listed && name == "" {
		switch {
		case p.field == limitField && strings.Contains(value, "="):
			d.limitList(p.family, lower, value)
			return
		case p.field == remainingField && strings.Contains(value, ";"):
			d.remainingList(p.family, lower, value)
			return
		}
	}
	if listed {
		if d.positional(p, lower, value) {
			return
		}
		if p.field != resetField {
			value, _, _ = strings.Cut(value, ";")
		}
	}
	e := d.at(p.family, name, lower)
	if e == nil {
		return
	}
	if p.field == windowField {
		d.window(e, p, lower, value)
		return
	}
	d.figure(e, p.field, lower, value, p.unit, p.after)
}

// window reads the value of a window field.
func (d *decoder) window(e *entry, p parsed, lower, value string) {
	w, milli, ok := periodOf(value, p.unit, p.unitStated)
	switch {
	case ok:
		e.WindowS = seconds(w)
		if milli {
			d.warn(lower, "is taken for milliseconds", value)
		}
	case !monthly(strings.ToLower(bare(value))) && !boundless(value):
		d.warn(lower, "is no believable window and is ignored", value)
	}
}

// labelRanks orders the words that name a quota: the more a word is about the
// quota itself, the earlier.
var labelRanks = [...]string{"resource", "name", "category", "group", "rule", "bucket"}

// word reads the headers that say something other than a figure.
func (d *decoder) word(p parsed, lower, value string) {
	switch p.field {
	case labelField, typeField:
		l := label{family: p.family, field: p.field, value: bare(value), header: lower}
		for rank, word := range labelRanks {
			if strings.HasSuffix(lower, word) {
				l.rank = rank
			}
		}
		if len(d.labels) < maxQuotas {
			d.labels = append(d.labels, l)
		}
	case scopeField:
		if scope := scopeOf(value); scope != "" {
			d.scope = scope // said in so many words: before any other hint
		} else {
			d.scope = clip(strings.ToLower(bare(value)))
		}
	case reasonField:
		d.hint(scopeOf(value))
		d.raw(lower, value)
	case sourceField:
		d.hint(sourceHint(value))
	case costField:
		d.cost = d.count(lower, value)
	case rateField:
		d.rate = d.count(lower, value)
	default:
		if strings.HasSuffix(lower, "global") && strings.EqualFold(value, "true") {
			d.hint("global")
		}
		d.raw(lower, value)
	}
}

// settleLabels gives names, windows and scopes to the quotas they are about:
// the unnamed one of the family, else the only unnamed one of the response.
func (d *decoder) settleLabels() {
	for rank := range labelRanks {
		for _, l := range d.labels {
			if l.field == labelField && l.rank == rank {
				if e := d.unnamed(l.family); e != nil {
					e.Name, e.valueName = Label(clip(l.value)), true
					if e.Unit == "" && strings.EqualFold(l.value, "graphql") {
						e.Unit = unitPoints
					}
				} else {
					d.raw(l.header, l.value)
				}
				d.hint(throttleHint(l.value))
			}
		}
	}
}

// settleWindows gives a family's stray words their meaning: a type that names a
// window or a scope, and a window without a quota of its own.
func (d *decoder) settleWindows() {
	for _, l := range d.labels {
		if l.field != typeField {
			continue
		}
		if w := windowOf(strings.ToLower(l.value)); w > 0 {
			if e := d.only(l.family); e != nil && !e.WindowS.Known {
				e.WindowS = seconds(w)
			}
			continue
		}
		if strings.EqualFold(l.value, "service") {
			d.overload = "the refusal is of a service behind the API, not of the caller's own limit"
			continue
		}
		if scope := scopeOf(l.value); scope != "" {
			d.hint(scope)
		} else {
			d.raw(l.header, l.value)
		}
	}
}

// unnamed is the quota without a name of a family, else the only one of the
// response.
func (d *decoder) unnamed(family string) *entry {
	var other *entry
	count := 0
	for i := range d.entries {
		e := &d.entries[i]
		if e.Name != "" || e.gone || e.loose || !e.says() {
			continue
		}
		if e.family == family {
			return e
		}
		other, count = e, count+1
	}
	if count != 1 {
		return nil
	}
	return other
}

// only is the single quota of a family, nil where there are several.
func (d *decoder) only(family string) (found *entry) {
	for i := range d.entries {
		e := &d.entries[i]
		if e.family != family || e.gone || !e.says() {
			continue
		}
		if found != nil {
			return nil
		}
		found = e
	}
	return found
}
