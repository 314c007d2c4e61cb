package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"apisonde/analyze/verdict"
)

// num writes a number with at most 4 significant digits, whole numbers whole.
func num(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "not known"
	case v == math.Trunc(v) && math.Abs(v) < 1e15:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case v != 0 && (math.Abs(v) >= 1e15 || math.Abs(v) < 1e-6):
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	if err != nil {
		r = v
	}
	return strconv.FormatFloat(r, 'f', -1, 64)
}

// setting writes a number that somebody will type in: with 5 significant
// digits, as the advice has it.
func setting(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// interval writes a figure's 95 % interval, or how it is known.
func interval(f *verdict.Figure) string {
	switch {
	case f == nil:
		return ""
	case f.Lo == f.Hi:
		return "exact"
	}
	return num(f.Lo) + " to " + num(f.Hi)
}

// figure writes a figure with its unit and, where it is not a point, its interval.
func figure(f *verdict.Figure, unit string) string {
	if f == nil {
		return "not known"
	}
	s := num(f.Value)
	if unit != "" {
		s += " " + unit
	}
	if f.Lo != f.Hi {
		s += " (" + interval(f) + ")"
	}
	return s
}

// around is a figure's value for a sentence: "about" where the interval is
// wider than a hundredth.
func around(f *verdict.Figure) string {
	if f.Hi-f.Lo > 0.01*math.Abs(f.Value) {
		return "about " + num(f.Value)
	}
	return num(f.Value)
}

// sure puts a probability in words and figures. It never rounds up.
func sure(p float64) string {
	word := "open"
	switch {
	case p >= 0.99:
		word = "near certain"
	case p >= 0.95:
		word = "very likely"
	case p >= 0.8:
		word = "likely"
	case p >= 0.5:
		word = "more likely than not"
	}
	return word + ", " + probability(p)
}

func probability(p float64) string {
	switch {
	case math.IsNaN(p):
		return "not known"
	case p >= 1:
		return "1"
	case p > 0.999:
		return "over 0.999"
	case p >= 0.99:
		return trimmed(math.Floor(p*1000)/1000, 3)
	}
	return trimmed(math.Floor(p*100+1e-9)/100, 2)
}

func trimmed(v float64, places int) string {
	s := strconv.FormatFloat(v, 'f', places, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// span writes a length of time in seconds in the unit that people would use.
func span(s float64) string {
	n, unit := spanParts(s)
	if n == "1" || unit == "s" || unit == "ms" {
		return n + " " + unit
	}
	return n + " " + unit + "s"
}

// spanAdjective is span before a noun: "5-second", "1-minute".
func spanAdjective(s float64) string {
	n, unit := spanParts(s)
	switch unit {
	case "s":
		unit = "second"
	case "ms":
		unit = "millisecond"
	}
	return n + "-" + unit
}

func spanParts(s float64) (n, unit string) {
	for _, u := range []struct {
		size float64
		name string
	}{{86400, "day"}, {3600, "hour"}, {60, "minute"}} {
		if s >= u.size && math.Mod(s, u.size) == 0 {
			return num(s / u.size), u.name
		}
	}
	if s > 0 && s < 1 {
		return num(s * 1000), "ms"
	}
	return num(s), "s"
}

// spanFigure writes a figure in seconds.
func spanFigure(f *verdict.Figure) string {
	if f == nil {
		return "not known"
	}
	s := span(f.Value)
	if f.Lo != f.Hi {
		s += " (" + num(f.Lo) + " to " + num(f.Hi) + " s)"
	}
	return s
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// observations lists the requests that a claim rests on, shortened where long.
func observations(seqs []int) string {
	if len(seqs) == 0 {
		return ""
	}
	const most = 12
	parts := []string{}
	for i := 0; i < len(seqs); {
		j := i
		for j+1 < len(seqs) && seqs[j+1] == seqs[j]+1 {
			j++
		}
		switch {
		case j-i >= 2:
			parts = append(parts, fmt.Sprintf("%d–%d", seqs[i], seqs[j]))
		case j == i+1:
			parts = append(parts, strconv.Itoa(seqs[i]), strconv.Itoa(seqs[j]))
		default:
			parts = append(parts, strconv.Itoa(seqs[i]))
		}
		i = j + 1
	}
	word := "requests "
	if len(seqs) == 1 {
		word = "request "
	}
	if len(parts) > most {
		return word + strings.Join(parts[:most], ", ") + fmt.Sprintf(" and more, %d in all", len(seqs))
	}
	return word + strings.Join(parts, ", ")
}
