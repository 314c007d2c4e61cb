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
	case strings.HasPrefix(value, "name=") && strings.HasSuffix(lower, "limit-limit"), strings.HasPrefix(value, "name=") && strings.HasSuffix(lower, "limit-remaining"):
		d.named(lower, value)
	case strings.Contains(value, "reset=") && strings.Contains(value, "/") && strings.HasSuffix(lower, "rate-limit"):
		d.tokens(lower, value)
	case strings.Contains(value, "-lim:") && strings.HasSuffix(lower, "rate-limit"):
		d.colons(lower, value)
	case lower == "units" && strings.Count(value, "/") == 2:
		d.units(lower, value)
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

// named reads IBM API Connect's name=rate-limit-1,60; members, one list for the
// limits and one for what remains.
func (d *decoder) named(lower, value string) {
	d.saw("api-connect")
	f := limitField
	if strings.HasSuffix(lower, "remaining") {
		f = remainingField
	}
	for rest, more := value, true; more; {
		var member string
		member, rest, more = strings.Cut(rest, ";")
		name, figure, found := strings.Cut(strings.TrimPrefix(strings.TrimSpace(member), "name="), ",")
		if !found {
			continue
		}
		if e := d.at("api-connect", clip(bare(name)), lower); e != nil {
			e.valueName = true
			d.figure(e, f, lower, figure, 0, false)
		}
	}
}

// tokens reads Eventbrite's "token:ID used/limit reset=3187s" members. What
// stands behind the colon identifies the caller and is not kept.
func (d *decoder) tokens(lower, value string) {
	d.saw("eventbrite")
	for rest, more := value, true; more; {
		var member string
		member, rest, more = strings.Cut(rest, ",")
		e := entry{family: "eventbrite", valueName: true, Quota: Quota{Unit: unitRequests, Header: trace.Text(lower)}}
		for tail, words := strings.TrimSpace(member), true; words; {
			var word string
			word, tail, words = strings.Cut(tail, " ")
			name, _, isName := strings.Cut(word, ":")
			used, limit, isPair := strings.Cut(word, "/")
			reset, isReset := strings.CutPrefix(word, "reset=")
			switch {
			case isReset:
				e.ResetInS = d.when(lower, reset, time.Second)
			case isPair:
				e.Used, e.Limit = d.count(lower, used), d.count(lower, limit)
			case isName:
				e.Name = Label(clip(name))
			}
		}
		if e.says() {
			d.add(e)
		}
	}
}

// colons reads App Store Connect's user-hour-lim:3500;user-hour-rem:500; members.
func (d *decoder) colons(lower, value string) {
	d.saw("app-store-connect")
	for rest, more := value, true; more; {
		var member string
		member, rest, more = strings.Cut(rest, ";")
		key, figure, found := strings.Cut(strings.TrimSpace(member), ":")
		f := limitField
		name, isLimit := strings.CutSuffix(key, "-lim")
		if !isLimit {
			var isLeft bool
			if name, isLeft = strings.CutSuffix(key, "-rem"); !isLeft {
				found = false
			}
			f = remainingField
		}
		if !found {
			continue
		}
		if e := d.at("app-store-connect", clip(name), lower); e != nil {
			d.figure(e, f, lower, figure, 0, false)
		}
	}
}

// units reads Yandex Direct's cost/remaining/limit.
func (d *decoder) units(lower, value string) {
	d.saw("yandex")
	cost, rest, _ := strings.Cut(value, "/")
	left, limit, _ := strings.Cut(rest, "/")
	d.cost = d.count(lower, cost)
	if e := d.at("yandex", "", lower); e != nil {
		e.Unit = unitPoints
		d.figure(e, remainingField, lower, left, 0, false)
		d.figure(e, limitField, lower, limit, 0, false)
	}
}
