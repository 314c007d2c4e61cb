package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// Markdown writes the whole report: what limits a caller, how sure that is and
// why, what was sent, what to set, what headers claim and what was not tested.
// It is for a reader who does not know the tool.
func Markdown(w io.Writer, v verdict.Verdict, t trace.Trace) error {
	m := &page{v: v, t: t, run: runOf(v, t)}
	m.head()
	m.limits()
	m.grounds()
	m.scope()
	m.sent()
	m.advice()
	m.headers()
	m.costs()
	m.untested()
	m.egress()
	m.warnings()
	m.foot()
	if _, err := w.Write(m.out.Bytes()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// page is a report in the making.
type page struct {
	out bytes.Buffer
	v   verdict.Verdict
	t   trace.Trace
	run run
}

func (m *page) f(format string, args ...any) { fmt.Fprintf(&m.out, format, args...) }

func (m *page) heading(s string) { m.f("\n## %s\n\n", s) }

func (m *page) item(s string) { m.f("- %s\n", s) }

// table writes a table of finished markdown cells.
func (m *page) table(header []string, rows [][]string) {
	m.f("| %s |\n|%s\n", strings.Join(header, " | "), strings.Repeat(" --- |", len(header)))
	for _, r := range rows {
		m.f("| %s |\n", strings.Join(r, " | "))
	}
}

func (m *page) head() {
	m.f("# How %s limits its callers\n\n", code(targetOf(m.v)))
	if m.t.End == nil {
		m.f("> **INCOMPLETE.** This run was not ended in order: its trace has no closing record. What follows is drawn from the %s that it holds.\n\n", count(len(m.t.Observations), "request"))
	}
	m.f("%s\n", prose(headline(m.v)))
	if len(m.v.Limits) > 0 {
		m.f("\n")
	}
	for _, l := range m.v.Limits {
		m.f("- **%s** Confidence: %s.\n", prose(sentence(l)), prose(sure(l.Confidence)))
	}
	if s := stopped(m.v); s != "" {
		m.f("\n%s\n", prose(s))
	}
	if s := adviceLine(m.v.Advice); s != "" {
		m.f("\n**What to set:** %s\n", prose(s))
	}
}

func (m *page) limits() {
	if len(m.v.Limits) == 0 {
		return
	}
	m.heading("What limits you")
	if len(m.v.Limits) > 1 {
		m.f("A request must be let through by every one of these %d layers.\n\n", len(m.v.Limits))
	}
	for i, l := range m.v.Limits {
		if len(m.v.Limits) > 1 {
			m.f("### Layer %d\n\n", i+1)
		}
		m.f("%s\n\n", prose(sentence(l)))
		m.table([]string{"Property", "Value", "95 % interval"}, properties(l))
		m.f("\n")
	}
	m.f("A figure with an interval is an estimate: the true value lies within it with a probability of 95 %%. \"Not known\" means that nothing is stated, not that there is nothing.\n")
}

func (m *page) grounds() {
	if len(m.v.Limits) == 0 {
		return
	}
	m.heading("How sure this is, and why")
	m.f("Requests are numbered in the order of sending; the trace holds each of them.\n\n")
	for i, l := range m.v.Limits {
		if len(m.v.Limits) > 1 {
			m.f("### Layer %d\n\n", i+1)
		}
		m.item("Everything stated about it together: " + prose(sure(l.Confidence)) + ". " + source(l))
		m.item("Its algorithm (" + prose(algorithmName(l)) + "): " + prose(sure(l.AlgorithmConfidence)) + equivalents(l))
		m.item("Whose counter it is: " + prose(sure(l.ScopeConfidence)))
		for _, e := range l.Evidence {
			s := prose(e.Claim)
			if o := observations(e.Observations); o != "" {
				s += " (" + o + ")"
			}
			m.item(s)
		}
		if l.Settle != "" {
			m.item("What would settle the rest: " + prose(l.Settle))
		}
		m.f("\n")
	}
}

func (m *page) scope() {
	first := true
	for i, l := range m.v.Limits {
		if l.Scope != nil {
			continue
		}
		if first {
			m.heading("Whose limit it is stays open")
			first = false
		}
		if len(m.v.Limits) > 1 {
			m.f("Layer %d: ", i+1)
		}
		m.f("The evidence leaves these possibilities:\n\n")
		for _, c := range l.ScopeCandidates {
			if len(c) == 0 {
				m.item("one counter for everybody")
			} else {
				m.item("a counter for each " + prose(scopeName(c)))
			}
		}
		if len(l.ScopeCandidates) == 0 {
			m.item("any: nothing was found out about it")
		}
		if hints := identityHints(l); len(hints) > 0 {
			m.f("\nTo tell them apart, repeat the assessment with %s.\n", prose(or(hints)))
		}
	}
}

func (m *page) headers() {
	h := m.v.Headers
	m.heading("What the headers claim")
	if len(h.Claims) == 0 && len(h.Dialects) == 0 {
		m.f("No response carried a rate-limit header that could be read.\n")
	} else if len(h.Dialects) > 0 {
		list := make([]string, len(h.Dialects))
		for i, d := range h.Dialects {
			list[i] = prose(d)
		}
		m.f("Dialects recognised: %s.\n", strings.Join(list, ", "))
	}
	if len(h.Claims) > 0 {
		rows := make([][]string, len(h.Claims))
		for i, c := range h.Claims {
			rows[i] = []string{cellCode(c.Header), prose(c.Says), optional(c.Limit, ""), optional(c.WindowS, " s"), observations(c.Observations)}
		}
		m.f("\n")
		m.table([]string{"Header", "Says", "Limit", "Window", "Seen in"}, rows)
	}
	if len(h.Conflicts) == 0 {
		if len(h.Claims) > 0 {
			m.f("\nNothing that was measured contradicts them.\n")
		}
		return
	}
	m.f("\n**Headers and behaviour disagree.** What was measured is what counts:\n\n")
	rows := make([][]string, len(h.Conflicts))
	for i, c := range h.Conflicts {
		rows[i] = []string{cellCode(c.Header), prose(c.Claim), prose(c.Measurement), observations(c.Observations)}
	}
	m.table([]string{"Header", "Claims", "Measured", "Seen in"}, rows)
}

func (m *page) costs() {
	if len(m.v.Costs) == 0 {
		return
	}
	m.heading("What a request costs")
	rows := make([][]string, len(m.v.Costs))
	for i, c := range m.v.Costs {
		rows[i] = []string{cellCode(c.Route), figure(&c.Cost, "")}
	}
	m.table([]string{"Route", "Cost"}, rows)
}

func (m *page) untested() {
	m.heading("What was not tested")
	m.item(prose(testedUpTo(m.v)))
	for _, s := range m.v.NotTested {
		m.item(prose(s))
	}
}

func (m *page) warnings() {
	list := warnings(m.v, m.t)
	if len(list) == 0 {
		return
	}
	m.heading("Warnings")
	for _, s := range list {
		m.item(prose(s))
	}
}

func (m *page) egress() {
	if len(m.v.Egress) == 0 {
		return
	}
	m.heading("Where requests arrive from")
	m.f("As %s told, which was asked once through each vantage:\n\n", code(visible(m.t.Meta.EgressCheck)))
	rows := make([][]string, len(m.v.Egress))
	for i, e := range m.v.Egress {
		rows[i] = []string{cellCode(e.IP), "not told", ""}
		if e.Address != nil {
			rows[i][1] = cellCode(*e.Address)
		}
		if e.SameAs != nil {
			rows[i][2] = "left out: the same as " + cellCode(*e.SameAs)
		}
	}
	m.table([]string{"Vantage", "Seen from", ""}, rows)
}

func (m *page) foot() {
	m.f("\n---\n\nWritten by %s %s", prose(m.v.Tool.Name), prose(m.v.Tool.Version))
	if !m.v.StartedAt.IsZero() {
		m.f("; the assessment began at %s", m.v.StartedAt.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	if m.t.Meta.Seed != 0 {
		m.f(", seed %d", m.t.Meta.Seed)
	}
	m.f(".\n")
}

func optional(v *float64, unit string) string {
	if v == nil {
		return "–"
	}
	return num(*v) + unit
}
