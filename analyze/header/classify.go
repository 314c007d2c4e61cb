package header

import (
	"strconv"
	"strings"

	"apisonde/probe/trace"
)

// Classify tells from one response alone whether a limit refused it, and why.
// It reads no more than it needs: the quotas of a response are decoded only
// where its status leaves them to decide. What it cannot know is what the
// behaviour shows: a bare 503 is called overload here though it may be a limit.
// It differs from the Kind of Decode in one case only: as it knows no instant, a
// date in Retry-After counts however far away it is.
func Classify(status int, hs []trace.Header, body []byte) (Kind, trace.Text) {
	d := decoder{status: status, clock: clock{timeless: true}}
	hs = hs[:min(len(hs), maxHeaders)]
	if status >= 400 {
		d.facts = readBody(status, body)
		for i := range hs {
			d.header(hs[i])
		}
		d.settle()
	} else {
		for i := range hs {
			if errorType(string(hs[i].Name)) {
				d.errType = string(hs[i].Value)
			}
		}
		d.facts = readBody(status, body)
	}
	kind, _, why := d.classify()
	return kind, why
}

// classify applies the rules for what counts as limited. why is empty for a
// response that nothing refused.
func (d *decoder) classify() (kind Kind, limited bool, why trace.Text) {
	limited, why = d.limited()
	f := &d.facts
	wait := d.waits[rankFine].known || d.waits[rankPlain].known || len(f.waits) > 0
	switch {
	case limited && f.billing != "" && !wait:
		return KindBilling, true, says("a plan or a balance is spent, which no wait cures: the body says ", f.billing)
	case limited && f.overload != "" && f.code == "":
		return KindOverload, true, says("the server is busy, which is not this caller's own rate: the body says ", f.overload)
	case limited && d.overload != "":
		return KindOverload, true, trace.Clean(d.overload)
	case limited:
		return KindLimited, true, why
	case d.status == 503 || d.status == 529:
		return KindOverload, false, says("status ", strconv.Itoa(d.status)+", and nothing that tells a limit from an outage")
	}
	return KindNone, false, ""
}

// limited is whether the response says that a limit refused it.
func (d *decoder) limited() (bool, trace.Text) {
	f := &d.facts
	code := func() (bool, trace.Text) {
		switch {
		case codeIn(limitedCodes, d.errType):
			return true, says("the error type is ", d.errType)
		case f.code != "":
			return true, says("the body's code is ", f.code)
		}
		return false, ""
	}
	switch d.status {
	case 429, 418, 420:
		why := "status " + strconv.Itoa(d.status)
		if len(f.violated) > 0 {
			why += "; policies violated: " + strings.Join(f.violated, ", ")
		}
		return true, trace.Clean(why)
	case 403, 503:
		if name, spent := d.spent(); spent {
			return true, says("status "+strconv.Itoa(d.status)+" with nothing remaining", name)
		}
		if ok, why := code(); ok {
			return true, why
		}
		if d.status == 503 {
			if f.phrase && f.overload == "" {
				return true, "status 503 with a body that speaks of a limit"
			}
			return false, ""
		}
		for _, w := range d.waits {
			if w.known {
				return true, says("status 403 with ", string(w.from))
			}
		}
		if f.phrase {
			return true, "status 403 with a body that speaks of a limit"
		}
		return false, ""
	}
	return code()
}

// spent finds a quota of which nothing remains.
func (d *decoder) spent() (of string, ok bool) {
	for i := range d.entries {
		if e := &d.entries[i]; e.Remaining.Known && e.Remaining.Value == 0 {
			if e.Name != "" {
				of = " of " + string(e.Name)
			}
			return of, true
		}
	}
	return "", false
}

func says(what, value string) trace.Text { return trace.Clean(what + clip(value)) }
