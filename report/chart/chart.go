// Package chart draws the few pictures that reports and screens share, as
// plain text. It is the only caller of asciigraph, which panics on empty and
// infinite series, grows a row a unit without a height, loses spikes when it
// resamples and overruns the width it is given.
//
// Nothing here panics, whatever the numbers: what is negative, infinite or not
// a number is drawn as zero. No line is wider than asked, no picture higher,
// and no escape sequence appears without Color.
package chart

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/guptarohit/asciigraph"
)

// Option changes how a picture is drawn.
type Option func(*config)

type config struct {
	color bool
	ascii bool
	span  time.Duration
	unit  string
}

// Color allows colour (plain SGR sequences of the 16 basic colours). Colour is
// never all that tells two things apart.
func Color() Option { return func(c *config) { c.color = true } }

// ASCII keeps to 7-bit characters.
func ASCII() Option { return func(c *config) { c.ascii = true } }

// Span labels the horizontal axis from zero to d.
func Span(d time.Duration) Option { return func(c *config) { c.span = d } }

// Unit says in the legend what one value counts, as in "per 500 ms".
func Unit(s string) Option { return func(c *config) { c.unit = s } }

func configure(opts []Option) config {
	var c config
	for _, o := range opts {
		o(&c)
	}
	return c
}

// tallest is more than any value that is drawn; above it asciigraph's
// arithmetic loses whole units.
const tallest = 1e12

// Run draws admitted as a line and limited as crosses over the time of a run,
// each value one equal interval of it. Where there are more values than
// columns, a column shows its largest, so no spike is lost. The result has no
// final newline; it is empty where there is no room (less than 16 by 4) or
// nothing to draw.
func Run(admitted, limited []float64, width, height int, opts ...Option) string {
	c := configure(opts)
	n := max(len(admitted), len(limited))
	if width < minWidth || height < minHeight || n == 0 {
		return ""
	}
	width, height = min(width, maxSide), min(height, maxSide)

	rows := height - 1 // the legend
	axis := c.span > 0 && rows >= 5
	if axis {
		rows -= 2
	}
	a, l := pad(admitted, n), pad(limited, n)
	top := max(largest(a), largest(l), 1)
	rows = whole(top, rows)
	labels := labelWidth(top, rows)
	columns := width - labels - 2
	lines := plot(columnsOf(a, columns+1), columnsOf(l, columns+1), top, rows, c)
	if axis {
		lines = append(lines, axisLines(labels+1, columns, c.span)...)
	}
	lines = append([]string{legend(c, width)}, lines...)
	for i, line := range lines {
		lines[i] = strings.TrimRight(clip(line, width), " ")
	}
	out := strings.Join(lines, "\n")
	if c.ascii {
		out = toASCII.Replace(out)
	}
	return out
}

const (
	minWidth  = 16
	minHeight = 4
	maxSide   = 1000 // no terminal is larger; keeps memory bounded
)

// plot calls asciigraph with series of exactly as many points as it has
// columns, so that it does not resample.
func plot(admitted, limited []float64, top float64, rows int, c config) []string {
	series := [][]float64{admitted}
	chars := []asciigraph.CharSet{asciigraph.DefaultCharSet}
	colors := []asciigraph.AnsiColor{asciigraph.Green}
	if largest(limited) > 0 {
		marks := make([]float64, len(limited))
		for i, v := range limited {
			marks[i] = v
			if v == 0 {
				marks[i] = math.NaN() // a gap: zero rejections are not worth a mark
			}
		}
		series = append(series, marks)
		chars = append(chars, asciigraph.CreateCharSet("×"))
		colors = append(colors, asciigraph.Red)
	}
	options := []asciigraph.Option{
		asciigraph.Height(rows - 1), // it draws one row more
		asciigraph.LowerBound(0),
		asciigraph.UpperBound(top),
		asciigraph.SeriesChars(chars...),
		asciigraph.YAxisValueFormatter(tick),
	}
	if c.color {
		options = append(options, asciigraph.SeriesColors(colors...))
	}
	return strings.Split(asciigraph.PlotMany(series, options...), "\n")
}

// whole is the most rows, at most n, that put every whole value of a small
// range on a row of its own: a count has no tenths.
func whole(top float64, n int) int {
	if t := int(top); float64(t) == top && t < n {
		return t*((n-1)/t) + 1
	}
	return n
}

// tick labels a row of the vertical axis; a small range is labelled at whole
// values only.
func tick(v float64) string {
	if r := math.Round(v); v < 10 && math.Abs(v-r) > 1e-6 {
		return ""
	}
	return compact(v)
}

// pad cleans values and makes them n long.
func pad(values []float64, n int) []float64 {
	out := make([]float64, n)
	for i, v := range values {
		out[i] = clean(v)
	}
	return out
}

func clean(v float64) float64 {
	switch {
	case math.IsNaN(v), math.IsInf(v, 0), v < 1e-9:
		return 0
	case v > tallest:
		return tallest
	}
	return v
}

func largest(values []float64) float64 {
	m := 0.0
	for _, v := range values {
		m = max(m, v)
	}
	return m
}

// columnsOf spreads values over n columns: each shows the largest value that
// falls into it, or, where there are fewer values than columns, the value whose
// interval it lies in.
func columnsOf(values []float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		from := i * len(values) / n
		to := max((i+1)*len(values)/n, from+1)
		out[i] = largest(values[from:to])
	}
	return out
}

// labelWidth is the widest label that the vertical axis will have.
func labelWidth(top float64, rows int) int {
	w := 0
	for y := range rows {
		w = max(w, utf8.RuneCountInString(tick(top-float64(y)*top/float64(max(rows-1, 1)))))
	}
	return max(w+1, 3) // asciigraph puts one space before it, and pads to 3
}

// clip cuts a line to width columns, leaving escape sequences whole. All that
// is drawn here is one column a rune.
func clip(s string, width int) string {
	n, escape := 0, false
	for i, r := range s {
		switch {
		case escape:
			escape = r != 'm'
		case r == '\x1b':
			escape = true
		case n == width:
			return s[:i] + resets(s[i:])
		default:
			n++
		}
	}
	return s
}

// resets keeps a colour from leaking out of a clipped line.
func resets(rest string) string {
	if strings.ContainsRune(rest, '\x1b') {
		return "\x1b[0m"
	}
	return ""
}

var toASCII = strings.NewReplacer(
	"┤", "|", "┼", "+", "─", "-", "│", "|", "╭", ".", "╮", ".", "╰", "'", "╯", "'",
	"╴", "-", "╶", "-", "└", "+", "┬", "+", "×", "x", "·", ".", "✗", "x", "µ", "u",
)
