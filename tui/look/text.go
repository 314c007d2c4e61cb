package look

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"apisonde/probe/trace"
)

// Width is the number of cells that s takes, styles not counted.
func Width(s string) int { return ansi.StringWidth(s) }

// Clip cuts s to at most w cells and says with an ellipsis that it did.
func (k Kit) Clip(s string, w int) string {
	if w <= 0 {
		return ""
	}
	return ansi.Truncate(s, w, k.Ellipsis)
}

// Pad cuts or fills s to exactly w cells, its text at the left.
func (k Kit) Pad(s string, w int) string {
	s = k.Clip(s, w)
	return s + strings.Repeat(" ", max(0, w-Width(s)))
}

// PadLeft cuts or fills s to exactly w cells, its text at the right.
func (k Kit) PadLeft(s string, w int) string {
	s = k.Clip(s, w)
	return strings.Repeat(" ", max(0, w-Width(s))) + s
}

// Spread sets left and right at the two ends of a line of exactly w cells; where
// both do not fit, left is cut.
func (k Kit) Spread(left, right string, w int) string {
	right = k.Clip(right, w)
	room := w - Width(right)
	if right != "" && left != "" && room > 1 {
		return k.Pad(left, room-1) + " " + right
	}
	return k.Pad(left, room) + right
}

// Wrap breaks s into lines of at most w cells, at spaces where it can. A style
// that spans lines is ended and begun anew at each, so that it does not leak into
// what is drawn beside them.
func Wrap(s string, w int) []string {
	if w <= 0 {
		return nil
	}
	var lines []string
	line, used := "", 0
	flush := func() {
		lines = append(lines, strings.TrimRight(line, " "))
		line, used = "", 0
	}
	for i, word := range strings.Split(s, " ") {
		n := Width(word)
		if i > 0 && used > 0 {
			if used+1+n > w {
				flush()
			} else {
				line, used = line+" ", used+1
			}
		}
		if n > w {
			parts := strings.Split(ansi.Hardwrap(word, w, true), "\n")
			for _, part := range parts[:len(parts)-1] {
				line = ansi.Truncate(part, w, "") // a character may be wider than the line
				flush()
			}
			word = ansi.Truncate(parts[len(parts)-1], w, "")
			n = Width(word)
		}
		line, used = line+word, used+n
	}
	flush()
	return carry(lines)
}

// carry ends at each line's end the styles that it leaves open, and begins the
// next line with them.
func carry(lines []string) []string {
	const reset = "\x1b[0m"
	open := ""
	for i, l := range lines {
		out := open + l
		for rest := l; ; {
			from := strings.Index(rest, "\x1b[")
			if from < 0 {
				break
			}
			to := strings.IndexByte(rest[from:], 'm')
			if to < 0 {
				break
			}
			if seq := rest[from : from+to+1]; seq == reset {
				open = ""
			} else {
				open += seq
			}
			rest = rest[from+to+1:]
		}
		if open != "" {
			out += reset
		}
		lines[i] = out
	}
	return lines
}

// Hang wraps s behind a first-line prefix; the following lines are indented by as
// many cells.
func Hang(prefix, s string, w int) []string {
	indent := Width(prefix)
	if w-indent < 10 {
		return Wrap(prefix+s, w)
	}
	lines := Wrap(s, w-indent)
	for i, l := range lines {
		if i == 0 {
			lines[i] = prefix + l
		} else {
			lines[i] = strings.Repeat(" ", indent) + l
		}
	}
	return lines
}

// Fit makes lines exactly h high and w wide: what is over is cut at the bottom
// and at the right, what is missing is blank.
func (k Kit) Fit(lines []string, w, h int) []string {
	out := make([]string, max(0, h))
	for i := range out {
		l := ""
		if i < len(lines) {
			l = lines[i]
		}
		out[i] = k.Pad(l, w)
	}
	return out
}

// Safe makes foreign text fit for a line of the screen: nothing in it can move
// the cursor, restyle or reorder what follows.
func Safe(s string) string {
	return string(trace.Clean(strings.Join(strings.Fields(s), " ")))
}

var toASCII = map[rune]rune{'–': '-', '—': '-', '…': '~', '×': 'x', '·': '.', '•': '*', '✓': '+', '✗': 'x', '∞': '*', '’': '\''}

// Only7 replaces what is not ASCII, cell by cell, so that a layout keeps its
// widths: a text that was not written here may hold anything.
func Only7(s string) string {
	var b, foreign strings.Builder
	flush := func() { // together: a modifier takes no cells of its own
		b.WriteString(strings.Repeat("?", Width(foreign.String())))
		foreign.Reset()
	}
	for _, r := range s {
		a, known := toASCII[r]
		if r >= utf8.RuneSelf && !known {
			foreign.WriteRune(r)
			continue
		}
		flush()
		if known {
			r = a
		}
		b.WriteRune(r)
	}
	flush()
	return b.String()
}
