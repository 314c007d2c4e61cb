package findings

import (
	"fmt"
	"strings"

	"apisonde/analyze/verdict"
	"apisonde/tui/look"
)

// sentence is a limit in plain words.
func sentence(l verdict.Limit) string {
	by := "it is open whose counter it is"
	if l.Scope != nil {
		by = scopeName(l.Scope)
	}
	what := "A limit whose figures are not known"
	switch {
	case l.Algorithm == verdict.Concurrency && l.Limit != nil:
		what = fmt.Sprintf("%s requests in flight at once", look.Number(l.Limit.Value))
	case l.Burst != nil && l.RatePerS != nil && l.WindowS == nil:
		what = fmt.Sprintf("%s at once, then %s per second", look.Number(l.Burst.Value), look.Number(l.RatePerS.Value))
	case l.Limit != nil && l.WindowS != nil:
		what = fmt.Sprintf("%s requests per %s s", look.Number(l.Limit.Value), look.Number(l.WindowS.Value))
	}
	algorithm := l.Algorithm
	if algorithm == verdict.Unknown || algorithm == "" {
		algorithm = "algorithm not known"
	}
	return what + ", " + by + " (" + algorithm + ")."
}

// scopeName is the counter's key in words.
func scopeName(dims []string) string {
	if len(dims) == 0 {
		return "one counter for everybody"
	}
	names := make([]string, len(dims))
	for i, d := range dims {
		switch d {
		case "ip":
			d = "address"
		case "forwarded":
			d = "forwarded address"
		}
		names[i] = d
	}
	if len(names) == 1 {
		return "per " + names[0]
	}
	return "per combination of " + strings.Join(names, " and ")
}
