package look

import "strings"

// Frame is what stands in the edges of a box.
type Frame struct {
	Title string // upper edge, left
	Note  string // upper edge, right
	Foot  string // lower edge, right; it may hold styles
}

// Box draws lines in a frame of exactly w by h cells. Too small a frame is drawn
// as blanks; what does not fit into an edge is left out.
func (k Kit) Box(f Frame, lines []string, w, h int) []string {
	if w < 4 || h < 2 {
		return k.Fit(nil, max(0, w), h)
	}
	out := make([]string, 0, h)
	out = append(out, k.edge(f.Title, f.Note, w))
	side := k.Line.Render(k.down)
	for _, l := range k.Fit(lines, w-4, h-2) {
		out = append(out, side+" "+l+" "+side)
	}
	return append(out, k.lowerEdge(f.Foot, w))
}

// lowerEdge is ╰──────── foot ─╯.
func (k Kit) lowerEdge(foot string, w int) string {
	rest := w - 2
	if foot != "" && Width(foot)+3 <= rest {
		rest -= Width(foot) + 3
		foot = " " + foot + " " + k.Line.Render(k.across)
	} else {
		foot = ""
	}
	return k.Line.Render(k.bottomLeft+strings.Repeat(k.across, rest)) + foot + k.Line.Render(k.bottomRight)
}

// edge is the upper edge: ╭─ Title ───── note ─╮.
func (k Kit) edge(title, note string, w int) string {
	room := w - 2 // between the corners
	if note != "" && Width(title)+Width(note)+8 > room {
		note = ""
	}
	if title != "" {
		title = k.Clip(title, room-4)
	}
	left, right := "", ""
	used := 0
	if title != "" {
		left = k.Line.Render(k.across) + " " + k.Accent.Render(title) + " "
		used += Width(title) + 3
	}
	if note != "" {
		right = " " + k.Soft.Render(note) + " " + k.Line.Render(k.across)
		used += Width(note) + 3
	}
	return k.Line.Render(k.topLeft) + left + k.Line.Render(strings.Repeat(k.across, max(0, room-used))) + right + k.Line.Render(k.topRight)
}

// Beside sets blocks of lines side by side; each block's lines are of one width.
func Beside(blocks ...[]string) []string {
	h := 0
	for _, b := range blocks {
		h = max(h, len(b))
	}
	out := make([]string, h)
	for i := range out {
		var line strings.Builder
		for _, b := range blocks {
			switch {
			case i < len(b):
				line.WriteString(b[i])
			case len(b) > 0:
				line.WriteString(strings.Repeat(" ", Width(b[0])))
			}
		}
		out[i] = line.String()
	}
	return out
}
