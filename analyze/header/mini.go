package header

import (
	"strings"
	"time"

	"apisonde/probe/trace"
)

// miniHeader reads the headers that have a small language of their own.
func miniHeader(d *decoder, lower, value string) bool {
	switch {
	case strings.HasSuffix(lower, "sentry-rate-limits"):
		d.sentry(lower, value)
	case strings.HasSuffix(lower, "-quota-limit") && strings.Contains(value, "="):
		d.buckets(lower, value)
	case lower == "x-ms-ratelimit-remaining-resource":
		d.resources(lower, value)
	case strings.HasPrefix(lower, "x-kubernetes-pf-"):
		d.saw("kubernetes")
		d.overload = "the Kubernetes API server shed load (priority and fairness)"
	default:
		return false
	}
	return true
}

// sentry reads retry:categories:scope:reason members, categories being a list
// with ';', empty for all.
func (d *decoder) sentry(lower, value string) {
	d.saw("sentry")
	for rest, more := value, true; more; {
		var member string
		member, rest, more = strings.Cut(rest, ",")
		if strings.TrimSpace(member) == "" {
			continue
		}
		retry, tail, _ := strings.Cut(member, ":")
		categories, _, _ := strings.Cut(tail, ":")
		reset := d.when(lower, retry, time.Second)
		if !reset.Known {
			continue
		}
		d.add(entry{family: "sentry", valueName: true, Quota: Quota{
			Name: Label(strings.TrimSpace(categories)), ResetInS: reset, Unit: unitEvents, Header: trace.Text(lower)}})
	}
}

// buckets reads Auth0's b=per_hour;q=100;r=90;t=3600 members, with or without
// the "b=". The words between vendor and "quota" name whose quota it is.
func (d *decoder) buckets(lower, value string) {
	d.saw("auth0")
	name := strings.TrimPrefix(strings.TrimSuffix(lower, "-quota-limit"), "x-")
	if i := strings.IndexByte(name, '-'); i >= 0 {
		name = name[i+1:]
	}
	for rest, more := value, true; more; {
		var member string
		member, rest, more = strings.Cut(rest, ",")
		e := entry{family: lower, valueName: true, Quota: Quota{Name: Label(name), Unit: unitRequests, Header: trace.Text(lower)}}
		for tail, params := member, true; params; {
			var part string
			part, tail, params = strings.Cut(tail, ";")
			key, v, found := strings.Cut(strings.TrimSpace(part), "=")
			switch {
			case !found:
				key, v = "b", key
				fallthrough
			case key == "b":
				if w := windowOf(bare(v)); w > 0 {
					e.WindowS = seconds(w)
				}
			case key == "q":
				e.Limit = d.count(lower, v)
			case key == "r":
				e.Remaining = d.count(lower, v)
			case key == "t":
				e.ResetInS = d.when(lower, v, time.Second)
			}
		}
		d.add(e)
	}
}

// resources reads Azure's list of name;remaining members.
func (d *decoder) resources(lower, value string) {
	d.saw("azure")
	for rest, more := value, true; more; {
		var member string
		member, rest, more = strings.Cut(rest, ",")
		name, left, found := strings.Cut(strings.TrimSpace(member), ";")
		if remaining := d.count(lower, left); found && remaining.Known {
			d.add(entry{family: "azure", valueName: true, Quota: Quota{
				Name: Label(name), Remaining: remaining, Unit: unitRequests, Header: trace.Text(lower)}})
		}
	}
}
