package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"apisonde/analyze/header"
	"apisonde/probe/trace"
)

// Response is one response to tell about: what it claims, and what else in it bears
// on the claims.
type Response struct {
	Of       string          // whose it is, or what was asked for; may be "" where there is one alone
	Claims   header.Document // of Headers
	Headers  []trace.Header  // as received
	Received time.Time       // when it arrived
	Assumed  bool            // Received is when it was read here, as nothing tells when it arrived
	Took     time.Duration   // from request to response, 0 where that is not known
	Notes    []string        // what was skipped or cut in reading it
}

// Responses writes what each response claims in plain words, one below the other.
// Of several, those that say nothing of a limit take one line.
func Responses(w io.Writer, list []Response, opts ...Option) error {
	b := newBrief(opts)
	for i, r := range list {
		if i > 0 {
			b.blank()
		}
		if len(list) > 1 && silent(r.Claims) {
			b.text(0, "", fmt.Sprintf("%s: status %d, and nothing about a limit", r.Of, r.Claims.Status))
			continue
		}
		if r.Of != "" {
			b.text(bold, "", r.Of)
		}
		for _, row := range rowsOf(r) {
			b.row(row)
		}
	}
	return b.write(w)
}

// SideBySide writes what one server claims to several callers: what it tells all of
// them once, and what differs in a column for each caller, or, where these do not
// fit into the width, in a line for each.
func SideBySide(w io.Writer, list []Response, opts ...Option) error {
	if len(list) < 2 {
		return Responses(w, list, opts...)
	}
	b := newBrief(opts)
	tables := make([][]row, len(list))
	for i, r := range list {
		tables[i] = rowsOf(r)
	}
	var same, differ []string
	for _, label := range labels {
		first := cellOf(tables[0], label)
		alike := !slices.ContainsFunc(tables, func(t []row) bool { return !slices.Equal(cellOf(t, label), first) })
		switch {
		case !alike:
			differ = append(differ, label)
		case len(first) > 0:
			same = append(same, label)
		}
	}
	if len(same) > 0 {
		b.text(bold, "", "The same for "+callers(list))
		for _, label := range same {
			b.row(row{label, cellOf(tables[0], label)})
		}
	}
	if len(differ) > 0 {
		if len(same) > 0 {
			b.blank()
		}
		b.text(bold, "", "What differs")
		b.compare(list, tables, differ)
	}
	return b.write(w)
}

// callers names the callers, or says how many they are.
func callers(list []Response) string {
	if len(list) > 4 {
		return fmt.Sprintf("all %d", len(list))
	}
	var names []string
	for _, r := range list {
		names = append(names, r.Of)
	}
	return and(names)
}

// silent tells a response that says nothing of a limit.
func silent(d header.Document) bool {
	return !d.Limited && len(d.Quotas) == 0 && len(d.Unknown) == 0 && len(d.Warnings) == 0 && !d.WaitS.Known && d.Kind == header.KindNone
}

func newBrief(opts []Option) *brief {
	c := config{width: 80}
	for _, o := range opts {
		o(&c)
	}
	return &brief{config: c}
}

func (b *brief) write(w io.Writer) error {
	var out bytes.Buffer
	for _, line := range b.lines {
		out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write what the headers claim: %w", err)
	}
	return nil
}

// cellLines is how many lines one entry of a table takes at most.
const cellLines = 6

func (b *brief) row(r row) {
	from := len(b.lines)
	for i, s := range r.entries {
		b.field(first(i, r.label), s, cellLines)
	}
	if r.label != "limited" {
		return
	}
	sgr := green
	if strings.HasPrefix(r.entries[0], "yes") {
		sgr = red
	}
	for i := range b.lines[from:] {
		b.lines[from+i] = b.paint(b.lines[from+i], sgr)
	}
}

// leastColumn is the least width of a column that can be read.
const leastColumn = 24

// compare writes the entries that differ.
func (b *brief) compare(list []Response, tables [][]row, labels []string) {
	width := (b.width-labelColumns-2)/len(list) - 2
	if width < leastColumn {
		b.stack(list, tables, labels)
		return
	}
	cells := make([][]string, len(list))
	for i, r := range list {
		cells[i] = []string{shorten(visible(r.Of), width)}
	}
	b.columns("", cells, width)
	for _, label := range labels {
		for i, t := range tables {
			cells[i] = nil
			for _, s := range entriesOf(t, label) {
				cells[i] = append(cells[i], wrap(visible(s), width, 2*cellLines)...)
			}
		}
		b.columns(label, cells, width)
	}
}

// columns writes one row of cells, each of several lines.
func (b *brief) columns(label string, cells [][]string, width int) {
	most := 0
	for _, c := range cells {
		most = max(most, len(c))
	}
	for n := range most {
		line := "  " + padded(first(n, label), labelColumns)
		for _, c := range cells {
			s := ""
			if n < len(c) {
				s = c[n]
			}
			line += padded(s, width) + "  "
		}
		b.lines = append(b.lines, line)
	}
}

// stack writes what differs below one another, each after whose it is.
func (b *brief) stack(list []Response, tables [][]row, labels []string) {
	for _, label := range labels {
		for i, t := range tables {
			for j, s := range entriesOf(t, label) {
				of := shorten(visible(list[i].Of), 32) + ": "
				if j > 0 {
					of = ""
				}
				b.field(first(i+j, label), of+s, cellLines)
			}
		}
	}
}

// entriesOf is cellOf for showing: a cell that is empty says so.
func entriesOf(t []row, label string) []string {
	if c := cellOf(t, label); len(c) > 0 {
		return c
	}
	return []string{"nothing"}
}
