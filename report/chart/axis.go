package chart

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// compact writes a value in at most 5 characters: 7, 5.6, 120, 12k, 3.4M.
func compact(v float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if v >= u.size {
			return short(v/u.size) + u.name
		}
	}
	return short(v)
}

func short(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	s := strconv.FormatFloat(v, 'f', 1, 64)
	return strings.TrimSuffix(s, ".0")
}

// axisLines draws the horizontal axis of a span under columns columns, its
// corner at column left.
func axisLines(left, columns int, span time.Duration) []string {
	ticks := min(4, max(1, columns/12))
	line := []rune(strings.Repeat(" ", left) + "└" + strings.Repeat("─", columns))
	label := []rune(strings.Repeat(" ", left+1+columns))
	end := -1
	for i := range ticks + 1 {
		at := left + 1 + i*(columns-1)/ticks
		line[at] = '┬'
		text := []rune(duration(span * time.Duration(i) / time.Duration(ticks)))
		from := min(max(at-len(text)/2, 0), len(label)-len(text))
		if from <= end || from < 0 {
			continue
		}
		copy(label[from:], text)
		end = from + len(text)
	}
	return []string{string(line), string(label)}
}

func duration(d time.Duration) string {
	switch {
	case d == 0:
		return "0"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Minute:
		return strings.TrimSuffix(strconv.FormatFloat(d.Seconds(), 'f', 1, 64), ".0") + " s"
	}
	return strconv.FormatFloat(d.Minutes(), 'f', 0, 64) + " min"
}

// legend says what the line and the crosses are. What does not fit is left off
// from the end, whole words at a time.
func legend(c config, width int) string {
	paint := func(s, sgr string) string {
		if c.color {
			return "\x1b[" + sgr + "m" + s + "\x1b[0m"
		}
		return s
	}
	out := paint("─", "32") + " admitted"
	used := 10
	for _, part := range []struct{ mark, text, sgr string }{{"×", " limited", "31"}, {"", c.unit, ""}} {
		w := utf8.RuneCountInString(part.mark + part.text)
		if part.text == "" || used+2+w > width {
			break
		}
		if part.mark != "" {
			part.mark = paint(part.mark, part.sgr)
		}
		out += "  " + part.mark + part.text
		used += 2 + w
	}
	return out
}
