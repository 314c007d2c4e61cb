package report

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"

	"apisonde/analyze/header"
	"apisonde/probe/trace"
)

// row is one kind of thing that a response says, and everything of that kind.
type row struct {
	label   string
	entries []string
}

// The labels, in the order in which they are shown.
var labels = []string{"status", "limited", "wait", "claims", "cost", "refill", "whose", "dialects", "caching", "clock", "unknown", "warning", "note"}

// rowsOf puts a response into words.
func rowsOf(r Response) []row {
	d := r.Claims
	cells := map[string][]string{
		"status":  {strconv.Itoa(d.Status)},
		"limited": {limitedOf(d)},
		"wait":    waitOf(d),
		"claims":  claimsOf(d.Quotas),
		"caching": cachingOf(r.Headers),
		"clock":   clockOf(r),
		"note":    r.Notes,
	}
	if d.Cost.Known {
		cells["cost"] = []string{"this request is said to have cost " + d.Cost.String()}
	}
	if d.RefillPerS.Known {
		cells["refill"] = []string{d.RefillPerS.String() + " a second"}
	}
	if d.ScopeHint != "" {
		cells["whose"] = []string{string(d.ScopeHint) + ", by what it says"}
	}
	if len(d.Dialects) > 0 {
		cells["dialects"] = []string{strings.Join(d.Dialects, ", ")}
	}
	for _, f := range d.Unknown {
		cells["unknown"] = append(cells["unknown"], string(f.Name)+": "+string(f.Value))
	}
	for _, w := range d.Warnings {
		cells["warning"] = append(cells["warning"], string(w))
	}
	var out []row
	for _, label := range labels {
		if len(cells[label]) > 0 {
			out = append(out, row{label, cells[label]})
		}
	}
	return out
}

func cellOf(t []row, label string) []string {
	for _, r := range t {
		if r.label == label {
			return r.entries
		}
	}
	return nil
}

// limitedOf says whether a limit refused the request, and why that is thought so.
func limitedOf(d header.Document) string {
	why := string(d.Why)
	switch {
	case d.Limited:
		return "yes: " + cmp.Or(why, "status "+strconv.Itoa(d.Status))
	case why != "":
		return "not by what it says: " + why
	case d.Status == 403:
		return "no: status 403, but no quota is spent, no wait is asked for and no body speaks of a limit"
	case d.Status >= 400:
		return fmt.Sprintf("no: status %d, and no known sign of a limit", d.Status)
	}
	return "no: nothing says that a limit refused it"
}

// waitOf says which of the stated waits wins.
func waitOf(d header.Document) []string {
	if !d.WaitS.Known {
		if d.Limited {
			return []string{"none stated"}
		}
		return nil
	}
	if d.RetryAfterS != d.WaitS {
		out := []string{spell(d.WaitS.Value) + ", until the reset of " + string(d.WaitFrom)}
		if d.RetryAfterS.Known {
			out = append(out, "it goes before the "+spell(d.RetryAfterS.Value)+" that the body states")
		}
		return out
	}
	out := []string{spell(d.WaitS.Value) + ", stated by " + string(d.WaitFrom)}
	var other header.Quota
	for _, q := range d.Quotas {
		if q.ResetInS.Known && math.Abs(q.ResetInS.Value-d.WaitS.Value) >= 1 && q.ResetInS.Value >= other.ResetInS.Value {
			other = q
		}
	}
	if other.ResetInS.Known {
		out = append(out, "it goes before the reset "+soon(other.ResetInS.Value)+" of "+string(other.Header))
	}
	return out
}

func claimsOf(quotas []header.Quota) []string {
	if len(quotas) == 0 {
		return []string{"nothing of a quota"}
	}
	var out []string
	for _, q := range quotas {
		out = append(out, Claim(q))
	}
	return out
}

// Claim says what a response states of one quota, with the field that states it:
// "57 of 60 left, resets in 41 s, counted per minute (x-ratelimit-limit)".
func Claim(q header.Quota) string {
	parts := amountsOf(q)
	if q.ResetInS.Known {
		parts = append(parts, "resets "+soon(q.ResetInS.Value))
	}
	if q.WindowS.Known {
		parts = append(parts, "counted "+per(q.WindowS.Value))
	}
	s := strings.Join(parts, ", ")
	if s == "" {
		s = "named without a figure"
	}
	if q.Name != "" {
		s = string(q.Name) + ": " + s
	}
	if q.Header != "" {
		s += " (" + string(q.Header) + ")"
	}
	return visible(s)
}

func amountsOf(q header.Quota) []string {
	unit := " " + q.Unit
	switch q.Unit {
	case "", "requests":
		unit = ""
	case "percent":
		unit = " %"
	case "concurrency":
		unit = " at once"
	}
	var out []string
	switch {
	case q.Remaining.Known && q.Limit.Known:
		out = append(out, q.Remaining.String()+" of "+q.Limit.String()+unit+" left")
	case q.Remaining.Known:
		out = append(out, q.Remaining.String()+unit+" left")
	case q.Limit.Known:
		out = append(out, "at most "+q.Limit.String()+unit)
	}
	implied := q.Limit.Known && q.Remaining.Known && q.Limit.Value-q.Remaining.Value == q.Used.Value
	if q.Used.Known && !implied {
		out = append(out, q.Used.String()+unit+" used")
	}
	return out
}

func soon(s float64) string {
	if s <= 0 {
		return "now"
	}
	return "in " + spell(s)
}

// per is a window after "counted": "per minute", "per 15 minutes".
func per(s float64) string {
	switch s {
	case 1:
		return "per second"
	case 7 * 86400:
		return "per week"
	}
	return "per " + strings.TrimPrefix(span(s), "1 ")
}

// spell writes a length of time in seconds in units that people use, without
// rounding: "41 s", "1 h 1 min 5 s".
func spell(s float64) string {
	switch {
	case s > 0 && s < 1:
		return num(s*1000) + " ms"
	case s < 120:
		return num(s) + " s"
	}
	whole, frac := math.Modf(s)
	var parts []string
	for _, u := range []struct {
		size float64
		name string
	}{{86400, "d"}, {3600, "h"}, {60, "min"}} {
		if n := math.Floor(whole / u.size); n > 0 {
			parts = append(parts, num(n)+" "+u.name)
			whole -= n * u.size
		}
	}
	if rest := whole + frac; rest > 0 {
		parts = append(parts, num(rest)+" s")
	}
	return strings.Join(parts, " ")
}

func value(hs []trace.Header, name string) (trace.Text, bool) {
	for _, h := range hs {
		if strings.EqualFold(string(h.Name), name) {
			return h.Value, true
		}
	}
	return "", false
}
