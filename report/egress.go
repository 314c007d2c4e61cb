package report

import (
	"strings"

	"apisonde/analyze/verdict"
)

// seenFrom lists where the requests of each vantage arrive from, "" where that was
// not asked.
func seenFrom(v verdict.Verdict) string {
	var parts []string
	for _, e := range v.Egress {
		s := visible(e.IP) + " "
		switch {
		case e.Address == nil:
			s += "not told"
		case e.SameAs != nil:
			s += visible(*e.Address) + ", the same as " + visible(*e.SameAs) + ": left out"
		default:
			s += visible(*e.Address)
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " · ")
}
