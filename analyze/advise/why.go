package advise

import (
	"fmt"

	"apisonde/analyze/verdict"
)

// unknownWhy says why a layer gives no rate.
func unknownWhy(l layer, others bool) string {
	s := l.name + ": no rate can be advised, because " + missing(l)
	if others {
		s += "; the rate below keeps to the other layers, which may not be enough"
	}
	return s
}

func missing(l layer) string {
	v := l.limit
	switch {
	case !countsRequests(v) && l.bound.why != "":
		return "it counts " + v.Unit + ": " + l.bound.why
	case !countsRequests(v):
		return "it counts " + v.Unit
	case v.Algorithm == verdict.Concurrency:
		return "how many may be in flight is not known"
	case v.Limit == nil && v.WindowS == nil && v.RatePerS == nil:
		return "neither its size nor its period is known"
	case v.Limit != nil && v.WindowS == nil && v.RatePerS == nil:
		return fmt.Sprintf("%s are admitted but how soon they come back is not known", num(v.Limit.Value))
	}
	return "its figures leave open how much is refilled and when"
}

// others adds a remark where more than one layer has a rate.
func others(layers []layer, tight layer, remark string) string {
	n := 0
	for _, l := range layers {
		if l.bound.rate > 0 {
			n++
		}
	}
	if n > 1 {
		return remark
	}
	return ""
}

func burstWhy(n int, from layer) string {
	switch from.limit.Algorithm {
	case verdict.TokenBucket, verdict.LeakyQueue:
		return fmt.Sprintf("%s: ⌊B − rδ⌋, what may be sent at once after a rest", from.name)
	}
	if n == 1 {
		return from.name + ": 1, because whatever is sent at once is taken from the steady rate of a window of unknown phase"
	}
	return from.name
}
