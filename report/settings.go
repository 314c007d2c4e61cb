package report

import (
	"fmt"
	"strings"

	"apisonde/analyze/verdict"
)

// adviceLine is the advice in one sentence, "" where there is none.
func adviceLine(a *verdict.Advice) string {
	if a == nil {
		return ""
	}
	p := a.Pace
	var parts []string
	if p.RatePerS != nil {
		s := "send at most " + setting(*p.RatePerS) + " requests per second"
		if p.MinSpacingS != nil {
			s += fmt.Sprintf(" (one every %s)", exactSpan(*p.MinSpacingS))
		}
		parts = append(parts, s)
		if p.Burst != nil && *p.Burst > 1 {
			parts = append(parts, "no more than "+setting(*p.Burst)+" in quick succession after a rest")
		}
	}
	if p.Concurrency != nil {
		parts = append(parts, fmt.Sprintf("keep at most %d in flight", *p.Concurrency))
	}
	b := a.Backoff
	retry := fmt.Sprintf("after a rejection wait %s, doubling up to %s", exactSpan(b.BaseS), exactSpan(b.CapS))
	if b.HonorRetryAfter {
		retry += ", or as long as Retry-After says"
		if b.RetryAfterMarginS > 0 {
			retry += " and " + exactSpan(b.RetryAfterMarginS) + " more"
		}
	}
	s := strings.Join(append(parts, retry), "; ")
	if len(parts) == 0 {
		s = "no pace can be advised; " + retry
	}
	return paceFor(p) + s + "."
}

func paceFor(p verdict.Pace) string { return "For " + paced(p) + ": " }

// paced names what the pace is kept for.
func paced(p verdict.Pace) string {
	if len(p.Per) == 0 {
		return "the whole client"
	}
	return "each " + scopeName(p.Per)
}

// exactSpan writes a setting in seconds without rounding it.
func exactSpan(s float64) string { return setting(s) + " s" }

// settingRows are the advice as name and value.
func settingRows(a verdict.Advice) [][2]string {
	p, b := a.Pace, a.Backoff
	opt := func(v *float64, unit string) string {
		if v == nil {
			return "not known"
		}
		return setting(*v) + unit
	}
	inflight := "not known"
	if p.Concurrency != nil {
		inflight = fmt.Sprint(*p.Concurrency)
	}
	honor := "no"
	if b.HonorRetryAfter {
		honor = "yes"
		if b.RetryAfterMarginS > 0 {
			honor += ", and " + exactSpan(b.RetryAfterMarginS) + " more"
		}
	}
	return [][2]string{
		{"pace.per", paced(p)},
		{"pace.rate_per_s", opt(p.RatePerS, " per second")},
		{"pace.burst", opt(p.Burst, "")},
		{"pace.min_spacing_s", opt(p.MinSpacingS, " s")},
		{"pace.concurrency", inflight},
		{"backoff.base_s", exactSpan(b.BaseS)},
		{"backoff.factor", setting(b.Factor)},
		{"backoff.cap_s", exactSpan(b.CapS)},
		{"backoff.max_attempts", fmt.Sprint(b.MaxAttempts)},
		{"backoff.jitter", visible(b.Jitter)},
		{"backoff.honor_retry_after", honor},
	}
}

// settingNames say what each setting is, for people.
var settingNames = map[string]string{
	"pace.per":                  "Pace kept for",
	"pace.rate_per_s":           "Rate, on average",
	"pace.burst":                "At once, after a rest",
	"pace.min_spacing_s":        "Between two requests, once the burst is spent",
	"pace.concurrency":          "In flight at once",
	"backoff.base_s":            "First wait after a rejection",
	"backoff.factor":            "Each further wait, times",
	"backoff.cap_s":             "Longest wait",
	"backoff.max_attempts":      "Attempts, the first included",
	"backoff.jitter":            "Jitter",
	"backoff.honor_retry_after": "Wait as Retry-After says",
	"expected.efficiency":       "Share of the capacity used",
	"expected.rejects_per_1000": "Rejections per 1000 requests",
}

func (m *page) advice() {
	m.heading("What to set")
	a := m.v.Advice
	if a == nil {
		m.f("%s.\n", prose(upper(noAdvice(m.v))))
		return
	}
	m.f("%s\n\n", prose(adviceLine(a)))
	rows := make([][]string, 0, 13)
	for _, r := range settingRows(*a) {
		rows = append(rows, []string{settingNames[r[0]], "`" + r[0] + "`", prose(r[1]), reason(*a, r[0])})
	}
	m.table([]string{"Setting", "Name", "Value", "Because"}, rows)
	m.f("\nA client that follows this should expect %s", prose(expectation(a.Expected)))
	if s := reason(*a, "expected.rejects_per_1000"); s != "" {
		m.f(": %s", s)
	}
	m.f(".\n")
}

// noAdvice says why nothing is advised.
func noAdvice(v verdict.Verdict) string {
	if v.Outcome == verdict.OutcomeNoLimit {
		return "nothing, because no limit was met; more than was tested may still meet one"
	}
	return "nothing can be advised, because no limit is known well enough to keep to"
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// expectation says what a client that follows the advice will see.
func expectation(e verdict.Expected) string {
	rejects := "an unknown number of rejections"
	if e.RejectsPer1000 != nil {
		rejects = num(*e.RejectsPer1000) + " rejections in 1000 requests"
		if *e.RejectsPer1000 == 0 {
			rejects = "no rejections"
		}
	}
	if e.Efficiency == nil {
		return rejects
	}
	return num(*e.Efficiency*100) + " % of what the limit allows, and " + rejects
}

// reason joins all reasons of one setting.
func reason(a verdict.Advice, name string) string {
	var out []string
	for _, r := range a.Reasons {
		if r.Setting == name {
			out = append(out, prose(r.Because))
		}
	}
	return strings.Join(out, "; ")
}
