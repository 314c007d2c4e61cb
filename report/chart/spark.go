package chart

import (
	"strings"

	"apisonde/probe/trace"
)

// Spark draws values as one line of bars, the largest of each column, scaled to
// the largest of all. It has as many columns as values, or width if fewer.
func Spark(values []float64, width int, opts ...Option) string {
	c := configure(opts)
	n := min(len(values), width, maxSide)
	if n <= 0 {
		return ""
	}
	bars := []rune("▁▂▃▄▅▆▇█")
	if c.ascii {
		bars = []rune("_.:-=+*#")
	}
	cols := columnsOf(pad(values, len(values)), n)
	top := largest(cols)
	var b strings.Builder
	for _, v := range cols {
		level := 0
		if v > 0 {
			// Anything above zero is seen to be.
			level = max(1, int(v/top*float64(len(bars)-1)+0.5))
		}
		b.WriteRune(bars[level])
	}
	return b.String()
}

// Strip draws one mark a request, in lines of width: a dot where it was
// admitted, ✗ where it was limited, ! where it was refused for another reason,
// ? where its fate says nothing.
func Strip(outcomes []trace.Outcome, width int, opts ...Option) string {
	c := configure(opts)
	if width <= 0 {
		return ""
	}
	var b strings.Builder
	for i, o := range outcomes {
		if i > 0 && i%width == 0 {
			b.WriteByte('\n')
		}
		mark := Mark(o)
		if c.ascii {
			mark = toASCII.Replace(mark)
		}
		if c.color && o == trace.Limited {
			mark = "\x1b[31m" + mark + "\x1b[0m"
		}
		b.WriteString(mark)
	}
	return b.String()
}

// Mark is the sign of one outcome, one column wide.
func Mark(o trace.Outcome) string {
	switch o {
	case trace.Admitted:
		return "·"
	case trace.Limited:
		return "✗"
	case trace.Refused:
		return "!"
	}
	return "?"
}
