package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"apisonde/analyze/verdict"
	"apisonde/report/chart"
)

// stripMost is the longest run whose every request is drawn.
const stripMost = 400

func (m *page) sent() {
	m.heading("What was sent")
	c := m.v.Cost
	m.f("%s.\n", prose(spent(m.v)))
	if c.Requests == 0 && len(m.run.tallies) == 0 {
		return
	}
	if len(m.t.Observations) > 0 {
		m.f("\nAt most %s went out within one second, and at most %d were in flight at once.", count(m.run.peak, "request"), m.run.inflight)
		if m.run.burst > 0 {
			m.f(" The largest burst, of %s, left within %s.", count(m.run.burst, "request"), spread(m.run.width))
		}
		if m.run.late > 0 {
			m.f(" %s left later than planned.", count(m.run.late, "request"))
		}
		m.f("\n\n")
		rows := make([][]string, len(m.run.tallies))
		for i, y := range m.run.tallies {
			rows[i] = []string{cellCode(y.identity.String()), cellCode(y.route), fmt.Sprint(y.sent), fmt.Sprint(y.admitted), fmt.Sprint(y.limited), fmt.Sprint(y.refused + y.ignored), statuses(y)}
		}
		m.table([]string{"Sent as", "Path", "Requests", "Admitted", "Limited", "Other", "Statuses"}, rows)
		m.recount()
		m.pictures()
	}
}

// recount says so where the table and the verdict count differently: the trace
// may have been read by other rules than the verdict was drawn from.
func (m *page) recount() {
	admitted, limited := 0, 0
	for _, y := range m.run.tallies {
		admitted += y.admitted
		limited += y.limited
	}
	if c := m.v.Cost; admitted != c.Admitted || limited != c.Limited {
		m.f("\nThe table counts the requests in the trace, %d admitted and %d limited; the verdict counts %d and %d.\n", admitted, limited, c.Admitted, c.Limited)
	}
}

// pictures draws the run over time and, if it is short, request by request.
func (m *page) pictures() {
	unit := "requests per " + shortDuration(m.run.bin)
	picture := chart.Run(m.run.admitted, m.run.limited, 78, 14, chart.Span(m.run.bin*time.Duration(len(m.run.admitted))), chart.Unit(unit))
	if picture != "" {
		m.f("\nOver the time of the run:\n\n%s", fence(picture))
	}
	if n := len(m.t.Observations); n == 0 || n > stripMost {
		return
	}
	m.f("\nRequest by request (· admitted, ✗ limited, ! refused for another reason, ? without evidence):\n\n%s", fence(strips(m.run.tallies)))
}

func strips(tallies []tally) string {
	width := 0
	names := make([]string, len(tallies))
	for i, y := range tallies {
		names[i] = visible(y.identity.String() + " " + y.route)
		width = max(width, len([]rune(names[i])))
	}
	width = min(width, 28)
	var b strings.Builder
	for i, y := range tallies {
		for j, line := range strings.Split(chart.Strip(y.outcomes, 76-width), "\n") {
			name := ""
			if j == 0 {
				name = shorten(names[i], width)
			}
			fmt.Fprintf(&b, "%s  %s\n", padded(name, width), line)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func padded(s string, width int) string {
	return s + strings.Repeat(" ", max(width-len([]rune(s)), 0))
}

// shorten cuts s to width runes, its end replaced by an ellipsis.
func shorten(s string, width int) string {
	r := []rune(s)
	if len(r) <= width {
		return s
	}
	return string(r[:max(width-1, 0)]) + "…"
}

// spent says what the assessment cost.
func spent(v verdict.Verdict) string {
	c := v.Cost
	s := fmt.Sprintf("%s in %s: %d admitted, %d limited, %d neither", count(c.Requests, "request"), span(roundTenth(c.WallS)), c.Admitted, c.Limited, c.Ignored)
	if c.Bytes > 0 {
		s += "; " + bytesWords(c.Bytes)
	}
	return s
}

func bytesWords(n int64) string {
	switch {
	case n >= 1e6:
		return num(float64(n)/1e6) + " MB"
	case n >= 1e3:
		return num(float64(n)/1e3) + " kB"
	}
	return count(int(n), "byte")
}

func statuses(y tally) string {
	var parts []string
	for _, s := range slices.Sorted(maps.Keys(y.statuses)) {
		parts = append(parts, fmt.Sprintf("%d × %d", y.statuses[s], s))
	}
	n := 0
	for _, k := range y.statuses {
		n += k
	}
	if silent := y.sent - n; silent > 0 {
		parts = append(parts, fmt.Sprintf("%d × no answer", silent))
	}
	return strings.Join(parts, ", ")
}

// spread is a time that may be far below a millisecond.
func spread(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return span(d.Seconds())
}

func shortDuration(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return span(d.Seconds())
}
