package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
	"apisonde/report/chart"
)

// textMost is how many lines a Text report has at most.
const textMost = 40

// Text writes a compact summary for a terminal, at most 40 lines: what limits a
// caller, the figures, how sure they are, what to set, what to test next and
// what it cost.
func Text(w io.Writer, v verdict.Verdict, t trace.Trace, opts ...Option) error {
	c := config{width: 80}
	for _, o := range opts {
		o(&c)
	}
	b := &brief{config: c}
	b.compose(v, t)
	var out bytes.Buffer
	for _, line := range b.lines {
		out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	return nil
}

// brief is a summary in the making.
type brief struct {
	config
	lines []string
}

func (b *brief) compose(v verdict.Verdict, t trace.Trace) {
	r := runOf(v, t)
	b.text(bold, "", targetOf(v))
	if t.End == nil {
		b.text(yellow, "", "INCOMPLETE: the trace has no end; this is what it holds.")
	}
	b.text(bold, "", headline(v))
	if s := stopped(v); s != "" {
		b.text(yellow, "", s)
	}
	tail := b.tail(v, t, r)
	b.layers(v.Limits, textMost-len(b.lines)-len(tail))
	b.lines = append(b.lines, tail...)
}

// tail is all that follows the layers: it is the same length however many there are.
func (b *brief) tail(v verdict.Verdict, t trace.Trace, r run) []string {
	x := &brief{config: b.config}
	x.blank()
	if s := adviceLine(v.Advice); s != "" {
		x.field("set", s, 4)
		x.field("expect", expectation(v.Advice.Expected), 1)
	} else {
		x.field("set", noAdvice(v), 2)
	}
	for i, c := range v.Headers.Conflicts {
		if i == 2 {
			x.field("", fmt.Sprintf("and %d more", len(v.Headers.Conflicts)-i), 1)
			break
		}
		x.field(first(i, "headers"), c.Header+" claims "+c.Claim+"; measured: "+c.Measurement, 2)
	}
	if v.Outcome != verdict.OutcomeNoLimit { // its headline says it
		x.field("tested", testedUpTo(v), 2)
	}
	if s := seenFrom(v); s != "" {
		x.field("seen from", s, 2)
	}
	x.list("add next", v.NotTested, 3)
	x.list("warning", warnings(v, t), 2)
	x.field("cost", spent(v), 1)
	if len(r.admitted) > 0 {
		x.spark("admitted", r.admitted, green)
		x.spark("limited", r.limited, red)
	}
	return x.lines
}

// layers tells of as many layers as fit into room lines.
func (b *brief) layers(limits []verdict.Limit, room int) {
	for i, l := range limits {
		x := &brief{config: b.config}
		x.blank()
		x.text(green, lead(i, len(limits)), sentence(l))
		x.field("figures", figures(l), 2)
		x.field("sure", sureLine(l), 2)
		if hints := identityHints(l); len(hints) > 0 {
			x.field("to tell", "add "+or(hints), 1)
		}
		if l.Settle != "" {
			x.field("to settle", l.Settle, 1)
		}
		more := len(limits) - i
		if room -= len(x.lines); room < 0 || (room < 2 && more > 1) {
			b.text(0, "", fmt.Sprintf("… and %s; the full report has them.", count(more, "more layer")))
			return
		}
		b.lines = append(b.lines, x.lines...)
	}
}

// first is s for the first entry of a list, and nothing for the others.
func first(i int, s string) string {
	if i == 0 {
		return s
	}
	return ""
}

// lead numbers the layers where there are several.
func lead(i, n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf("%d. ", i+1)
}

// figures are a layer's numbers with their intervals on one line.
func figures(l verdict.Limit) string {
	var parts []string
	add := func(name, s string) { parts = append(parts, name+" "+s) }
	if l.Limit != nil || l.Algorithm != verdict.LeakyQueue {
		add("limit", figure(l.Limit, ""))
	}
	if l.Burst != nil && (l.Limit == nil || *l.Burst != *l.Limit) {
		add("burst", figure(l.Burst, ""))
	}
	if l.WindowS != nil || (l.Algorithm != verdict.TokenBucket && l.Algorithm != verdict.LeakyQueue && l.Algorithm != verdict.Concurrency) {
		add("window", spanFigure(l.WindowS))
	}
	if l.RatePerS != nil || l.Algorithm == verdict.TokenBucket || l.Algorithm == verdict.LeakyQueue {
		add("rate", figure(l.RatePerS, "/s"))
	}
	if l.Rejection.PenaltyS != nil {
		add("penalty", spanFigure(l.Rejection.PenaltyS))
	}
	if s, _, _ := strings.Cut(retryAfterName(l.Rejection.RetryAfter), ":"); s != "" {
		add("Retry-After", s)
	}
	return strings.Join(parts, " · ")
}

func sureLine(l verdict.Limit) string {
	s := sure(l.Confidence) + " · " + algorithmName(l) + " " + probability(l.AlgorithmConfidence)
	if len(l.Equivalent) > 0 {
		s += " (or " + or(otherNames(l)) + ")"
	}
	s += " · scope " + probability(l.ScopeConfidence)
	if l.Source != "" && l.Source != "measured" {
		s += " · " + l.Source
	}
	return s
}

// SGR colours of the 16 basic ones.
const (
	bold   = 1
	red    = 31
	green  = 32
	yellow = 33
)

func (b *brief) blank() { b.lines = append(b.lines, "") }

func (b *brief) paint(s string, sgr int) string {
	if !b.color || sgr == 0 || s == "" {
		return s
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", sgr, s)
}

// text adds a paragraph of at most 3 lines, every line in one colour.
func (b *brief) text(sgr int, lead, s string) {
	for _, line := range wrap(visible(lead+s), b.width, 3) {
		b.lines = append(b.lines, b.paint(line, sgr))
	}
}

const labelColumns = 10

// field adds a labelled paragraph of at most most lines.
func (b *brief) field(name, s string, most int) {
	for i, line := range wrap(visible(s), b.width-labelColumns-2, most) {
		if i > 0 {
			name = ""
		}
		b.lines = append(b.lines, "  "+padded(name, labelColumns)+line)
	}
}

// list adds up to most entries under one label, one line each.
func (b *brief) list(name string, entries []string, most int) {
	for i, s := range entries {
		if i > 0 {
			name = ""
		}
		if i == most-1 && len(entries) > most {
			b.field(name, fmt.Sprintf("and %d more in the full report", len(entries)-i), 1)
			return
		}
		b.field(name, s, 1)
	}
}

func (b *brief) spark(name string, values []float64, sgr int) {
	var opts []chart.Option
	if b.ascii {
		opts = append(opts, chart.ASCII())
	}
	line := chart.Spark(values, b.width-labelColumns-2, opts...)
	b.lines = append(b.lines, "  "+padded(name, labelColumns)+b.paint(line, sgr))
}

// wrap breaks s into lines of at most width runes; what does not fit into most
// lines is replaced by an ellipsis.
func wrap(s string, width, most int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		word = shorten(word, width)
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	lines = append(lines, line)
	if len(lines) > most {
		lines = lines[:most]
		lines[most-1] = shorten(lines[most-1]+" …", width)
	}
	return lines
}
