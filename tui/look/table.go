package look

import "strings"

// Column is one column of a table.
type Column struct {
	Head  string
	Right bool // figures stand at the right
	Grow  bool // takes the cells that are left, and is the first to be cut
}

// Table draws rows under their heads in at most w cells, the heads soft. Columns
// are as wide as their widest cell; where they do not fit, they move together,
// then the growing ones are cut, then whole columns are left out from the right.
func (k Kit) Table(cols []Column, rows [][]string, w int) []string {
	widths := make([]int, len(cols))
	for i, c := range cols {
		widths[i] = Width(c.Head)
		for _, r := range rows {
			if i < len(r) {
				widths[i] = max(widths[i], Width(r[i]))
			}
		}
	}
	cols, widths, gap := fitColumns(cols, widths, w)

	out := make([]string, 0, len(rows)+1)
	heads := make([]string, len(cols))
	named := false
	for i, c := range cols {
		heads[i] = k.Soft.Render(c.Head)
		named = named || c.Head != ""
	}
	if named {
		out = append(out, k.tableLine(cols, widths, gap, heads))
	}
	for _, r := range rows {
		out = append(out, k.tableLine(cols, widths, gap, r))
	}
	return out
}

const (
	wideGap    = 2 // cells between columns
	leastGap   = 1
	leastGrown = 8 // a growing column narrower than this says nothing
)

func fitColumns(cols []Column, widths []int, w int) ([]Column, []int, int) {
	for {
		gap := wideGap
		over := sum(widths) + gap*max(0, len(cols)-1) - w
		if over > 0 {
			gap = leastGap
			over -= (wideGap - leastGap) * max(0, len(cols)-1)
		}
		for i, c := range cols {
			if c.Grow && over > 0 {
				cut := min(over, max(0, widths[i]-leastGrown))
				widths[i] -= cut
				over -= cut
			}
		}
		for i, c := range cols {
			if c.Grow && over < 0 {
				widths[i] -= over
				over = 0
			}
		}
		switch {
		case over <= 0:
			return cols, widths, gap
		case len(cols) <= 1:
			return cols, []int{max(0, w)}, gap
		}
		cols, widths = cols[:len(cols)-1], widths[:len(widths)-1]
	}
}

func sum(list []int) int {
	n := 0
	for _, x := range list {
		n += x
	}
	return n
}

func (k Kit) tableLine(cols []Column, widths []int, gap int, cells []string) string {
	parts := make([]string, len(cols))
	for i, c := range cols {
		cell := ""
		if i < len(cells) {
			cell = cells[i]
		}
		if c.Right {
			parts[i] = k.PadLeft(cell, widths[i])
		} else {
			parts[i] = k.Pad(cell, widths[i])
		}
	}
	return strings.TrimRight(strings.Join(parts, strings.Repeat(" ", gap)), " ")
}

// Bar draws share (0 to 1) as a bar of w cells. A share above nothing fills at
// least one cell, and less than all leaves one empty.
func (k Kit) Bar(share float64, w int) string {
	if w <= 0 {
		return ""
	}
	n := int(share*float64(w) + 0.5)
	if !(share > 0) { // also not a number
		n = 0
	} else if n == 0 {
		n = 1
	}
	if share < 1 && n >= w && w > 1 {
		n = w - 1
	}
	n = min(n, w)
	return strings.Repeat(k.Full, n) + k.Soft.Render(strings.Repeat(k.Empty, w-n))
}
