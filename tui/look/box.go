package look

import "strings"

// Box draws lines in a frame of exactly w by h cells, with a title in the upper
// edge and a note at its right end. Too small a frame is drawn as blanks.
func (k Kit) Box(title, note string, lines []string, w, h int) []string {
	if w < 4 || h < 2 {
		return k.Fit(nil, max(0, w), h)
	}
	inner := w - 4
	out := make([]string, 0, h)
	out = append(out, k.edge(title, note, w))
	side := k.Line.Render(k.down)
	for _, l := range k.Fit(lines, inner, h-2) {
		out = append(out, side+" "+l+" "+side)
	}
	return append(out, k.Line.Render(k.bottomLeft+strings.Repeat(k.across, w-2)+k.bottomRight))
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
