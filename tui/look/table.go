package look

import "strings"

// Column is one column of a table.
type Column struct {
	Head  string
	Right bool // figures stand at the right
	Grow  bool // takes the cells that are left, and is the first to be cut
}

// Table draws rows under their heads in at most w cells, the heads soft. Columns
// are as wide as their widest cell; where they do not fit, the growing ones are
// cut, then whole columns are left out from the right.
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
	cols, widths = fitColumns(cols, widths, w)

	out := make([]string, 0, len(rows)+1)
	heads := make([]string, len(cols))
	named := false
	for i, c := range cols {
		heads[i] = k.Soft.Render(c.Head)
		named = named || c.Head != ""
	}
	if named {
		out = append(out, k.tableLine(cols, widths, heads))
	}
	for _, r := range rows {
		out = append(out, k.tableLine(cols, widths, r))
	}
	return out
}

const (
	gap        = 2 // cells between columns
	leastGrown = 8 // a growing column narrower than this says nothing
)

func fitColumns(cols []Column, widths []int, w int) ([]Column, []int) {
	for {
		total := gap * max(0, len(cols)-1)
		for _, x := range widths {
			total += x
		}
		over := total - w
		for i, c := range cols {
			if over > 0 && c.Grow {
				cut := min(over, max(0, widths[i]-leastGrown))
				widths[i] -= cut
				over -= cut
			}
		}
		if over <= 0 {
			for i, c := range cols {
				if over < 0 && c.Grow {
					widths[i] -= over
					over = 0
				}
			}
			return cols, widths
		}
		if len(cols) <= 1 {
			if len(cols) == 1 {
				widths[0] = max(0, w)
			}
			return cols, widths
		}
		cols, widths = cols[:len(cols)-1], widths[:len(widths)-1]
	}
}

func (k Kit) tableLine(cols []Column, widths []int, cells []string) string {
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
