// Package advice shows what a client should set, each setting with its reason.
package advice

import (
	"fmt"
	"strconv"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"apisonde/analyze/verdict"
	_ "apisonde/tui/bg" // before Bubble Tea
	"apisonde/tui/look"
	"apisonde/tui/pane"
)

// Pane is the advice screen.
type Pane struct {
	pane.Scroll
	kit     look.Kit
	outcome *pane.Outcome
}

// New returns the advice screen without advice.
func New(kit look.Kit) *Pane {
	p := &Pane{Scroll: pane.NewScroll(kit, "Advice"), kit: kit}
	p.SetText(p.text)
	return p
}

// Update takes the outcome, or scrolls.
func (p *Pane) Update(msg tea.Msg) tea.Cmd {
	if c, ok := msg.(pane.Concluded); ok {
		p.outcome = &c.Outcome
		p.SetText(p.text)
		return nil
	}
	if _, ok := msg.(pane.Frame); ok {
		return nil
	}
	return p.Scroll.Update(msg)
}

func (p *Pane) text(w int) []string {
	if p.outcome == nil {
		return []string{"", "Advice comes with the verdict."}
	}
	a := p.outcome.Verdict.Advice
	if a == nil {
		if p.outcome.Verdict.Outcome == verdict.OutcomeNoLimit {
			return look.Wrap("No limit was met, so there is no pace to keep to. What lies above the rates that were tested is unknown.", w)
		}
		return look.Wrap("Too little is known to advise anything.", w)
	}
	out := look.Wrap(p.kit.Strong.Render(summary(a.Pace)), w)
	out = append(out, "", p.kit.Accent.Render("Pace"))
	out = append(out, p.settings(a, paceSettings(a.Pace), w)...)
	out = append(out, "", p.kit.Accent.Render("Backoff, for what is refused all the same"))
	out = append(out, p.settings(a, backoffSettings(a.Backoff), w)...)
	return append(out, p.expected(a.Expected, w)...)
}

// summary is the pace in one sentence.
func summary(pace verdict.Pace) string {
	per := "for the whole client"
	if pace.Per != nil {
		per = "for everybody together"
		if len(pace.Per) > 0 {
			per = "for each " + strings.Join(pace.Per, " and ")
		}
	}
	var parts []string
	if pace.Burst != nil {
		parts = append(parts, "at most "+look.Number(*pace.Burst)+" at once")
	}
	if pace.RatePerS != nil {
		parts = append(parts, "no more than "+look.Number(*pace.RatePerS)+" per second on average")
	}
	if pace.Concurrency != nil {
		parts = append(parts, strconv.Itoa(*pace.Concurrency)+" in flight")
	}
	if len(parts) == 0 {
		return "No pace can be stated."
	}
	s := strings.Join(parts, ", ") + ", " + per + "."
	return "Send " + s
}

// setting is one line of the settings: the name that the verdict document uses,
// its value, and whether there is one.
type setting struct{ name, value string }

func paceSettings(pace verdict.Pace) []setting {
	var out []setting
	add := func(name string, v *float64, unit string) {
		if v != nil {
			out = append(out, setting{"pace." + name, look.Number(*v) + unit})
		}
	}
	add("rate_per_s", pace.RatePerS, "")
	add("burst", pace.Burst, "")
	if pace.Concurrency != nil {
		out = append(out, setting{"pace.concurrency", strconv.Itoa(*pace.Concurrency)})
	}
	add("min_spacing_s", pace.MinSpacingS, "")
	return out
}

func backoffSettings(b verdict.Backoff) []setting {
	out := []setting{
		{"backoff.base_s", look.Number(b.BaseS)},
		{"backoff.factor", look.Number(b.Factor)},
		{"backoff.cap_s", look.Number(b.CapS)},
		{"backoff.max_attempts", strconv.Itoa(b.MaxAttempts)},
		{"backoff.jitter", look.Safe(b.Jitter)},
		{"backoff.honor_retry_after", strconv.FormatBool(b.HonorRetryAfter)},
	}
	if b.RetryAfterMarginS > 0 {
		out = append(out, setting{"backoff.retry_after_margin_s", look.Number(b.RetryAfterMarginS)})
	}
	return out
}

// settings draws name, value and reason; a reason that does not fit beside its
// setting is wrapped under itself.
func (p *Pane) settings(a *verdict.Advice, list []setting, w int) []string {
	why := map[string]string{}
	for _, r := range a.Reasons {
		why[r.Setting] = look.Safe(r.Because)
	}
	nameW, valueW := 0, 0
	for _, s := range list {
		_, short, _ := strings.Cut(s.name, ".")
		nameW, valueW = max(nameW, look.Width(short)), max(valueW, look.Width(s.value))
	}
	var out []string
	for _, s := range list {
		_, short, _ := strings.Cut(s.name, ".")
		head := "  " + p.kit.Pad(short, nameW) + "  " + p.kit.Strong.Render(p.kit.PadLeft(s.value, valueW))
		reason := why[s.name]
		if reason == "" {
			out = append(out, p.kit.Clip(head, w))
			continue
		}
		for i, l := range look.Hang(head+"  ", reason, w) {
			if i == 0 {
				out = append(out, l)
				continue
			}
			out = append(out, p.kit.Soft.Render(l))
		}
	}
	return out
}

func (p *Pane) expected(e verdict.Expected, w int) []string {
	var parts []string
	if e.Efficiency != nil {
		parts = append(parts, look.Percent(*e.Efficiency)+" of what the limit admits is used")
	}
	if e.RejectsPer1000 != nil {
		parts = append(parts, look.Number(*e.RejectsPer1000)+" of 1,000 requests are refused")
	} else {
		parts = append(parts, "how many are refused cannot be foretold")
	}
	return append([]string{"", p.kit.Accent.Render("What to expect")}, look.Wrap(fmt.Sprintf("At this pace %s.", strings.Join(parts, "; ")), w)...)
}
