package advise

import (
	"fmt"
	"math"

	"apisonde/analyze/verdict"
)

// customaryCap is the longest wait where nothing says how long a limit takes to
// recover: a minute is what most published limits are counted by.
const customaryCap = 60.0 // s

// backoff chooses waits that reach from the soonest moment at which any layer
// may admit again to the latest.
func backoff(a *verdict.Advice, r *reasons, layers []layer, c Client) {
	base, capS := math.Inf(1), 0.0
	var baseFrom, capFrom layer
	known := true
	for _, l := range layers {
		if l.bound.recover == 0 {
			known = false
			continue
		}
		if l.bound.base < base {
			base, baseFrom = l.bound.base, l
		}
		if l.bound.recover > capS {
			capS, capFrom = l.bound.recover, l
		}
	}
	baseWhy := baseFrom.name + ": " + baseFormula(baseFrom)
	capWhy := capFrom.name + ": waiting longer than it takes to recover gains nothing (W + δ)"
	if !known {
		base, capS = max(finiteOr(base, unknownWait), unknownWait), max(capS, customaryCap)
		baseWhy = "how soon the limit recovers is not known: a customary wait, not a measured one"
		capWhy = baseWhy
	}
	if l, w, ok := costlyRetry(layers); ok && w > base {
		base, baseWhy = w, l.name+": a rejected request counts too, so wait a whole window"
	}
	if l, w, ok := longestPenalty(layers, c); ok && w > base {
		base, baseWhy = w, penaltyWhy(l, w)
	}
	if base > capS {
		capS, capWhy = base, "no shorter than the first wait"
	}
	b := &a.Backoff
	b.BaseS, b.Factor, b.CapS, b.Jitter = wait(base), 2, wait(capS), "positive"
	b.MaxAttempts = 1 + int(math.Ceil(math.Log2(2*b.CapS/b.BaseS+1)))
	r.add("backoff.base_s", baseWhy)
	r.add("backoff.factor", "2: doubling reaches the longest useful wait in few attempts")
	r.add("backoff.cap_s", capWhy)
	r.add("backoff.max_attempts", "1 + ⌈log₂(2·cap/base + 1)⌉: all waits together last twice as long as the limit needs to recover")
	r.add("backoff.jitter", "add chance to a wait, never subtract: too early is refused, and all at once is refused too")
	retryAfter(b, r, layers)
}

// wait rounds a wait up to 3 digits: more would be precision without a use.
func wait(v float64) float64 { return roundSig(v, 3, math.Ceil) }

func baseFormula(l layer) string {
	switch l.limit.Algorithm {
	case verdict.TokenBucket, verdict.LeakyQueue:
		return "the longer of 1/r, when the next request is due, and a slow round trip"
	case verdict.Concurrency:
		return "2·S/C: a slot is freed after S/C on average"
	}
	if l.limit.Alignment != nil && *l.limit.Alignment == verdict.AlignLastRequest {
		return "W + δ, because asking sooner renews the window"
	}
	if l.limit.Algorithm == verdict.Unknown {
		return "the longer of W/8 and 1 s, because it is not known how it recovers"
	}
	return "W/8: the window ends at an unknown moment within W"
}

// costlyRetry is the longest window whose layer counts rejected requests: each
// retry before it has passed prolongs the refusal.
func costlyRetry(layers []layer) (layer, float64, bool) {
	return longest(layers, func(l layer) float64 {
		counts := l.limit.Rejection.CountsAgainstLimit
		if counts == nil || !*counts {
			return 0
		}
		switch l.limit.Algorithm {
		case verdict.TokenBucket, verdict.LeakyQueue, verdict.Concurrency:
			return 0
		}
		return l.bound.recover
	})
}

func longestPenalty(layers []layer, c Client) (layer, float64, bool) {
	return longest(layers, func(l layer) float64 {
		if !usable(l.limit.Rejection.PenaltyS) {
			return 0
		}
		return l.limit.Rejection.PenaltyS.Hi + c.Spread.Seconds()
	})
}

func longest(layers []layer, of func(layer) float64) (layer, float64, bool) {
	var best layer
	most := 0.0
	for _, l := range layers {
		if w := of(l); w > most {
			best, most = l, w
		}
	}
	return best, most, most > 0
}

func penaltyWhy(l layer, w float64) string {
	p := l.limit.Rejection.PenaltyS
	s := fmt.Sprintf("%s: a rejection is followed by a penalty of %s, so never exceed the pace, and wait it out (%s)", l.name, secs(p.Value), high("penalty + δ", p, secs(w), " s"))
	if e := l.limit.Rejection.PenaltyExtends; e != nil && *e {
		s += "; every request during the penalty starts it anew"
	}
	return s
}

// retryAfter says whether to wait what the server says. Waiting as told is
// right wherever it is enough; what it lacks is added as a margin.
func retryAfter(b *verdict.Backoff, r *reasons, layers []layer) {
	b.HonorRetryAfter = true
	why := "absent so far; obey it should it appear, and use the waits above until then"
	for _, l := range layers {
		ra := l.limit.Rejection.RetryAfter
		switch ra.Verdict {
		case "inconsistent":
			b.HonorRetryAfter, b.RetryAfterMarginS = false, 0
			r.add("backoff.honor_retry_after", l.name+": what Retry-After says does not follow the wait that is needed, so use the waits above")
			return
		case "early":
			lack := 1.0
			if ra.BiasS != nil && *ra.BiasS < 0 && !math.IsInf(*ra.BiasS, 0) {
				lack = ceilTo(-*ra.BiasS)
			}
			b.RetryAfterMarginS = max(b.RetryAfterMarginS, lack)
			why = fmt.Sprintf("%s: Retry-After comes too short, so wait what it says and %s more", l.name, secs(b.RetryAfterMarginS))
		case "late":
			if b.RetryAfterMarginS == 0 {
				why = l.name + ": Retry-After is longer than needed, and a server's word is kept"
			}
		case "exact":
			if b.RetryAfterMarginS == 0 {
				why = l.name + ": Retry-After was right whenever it was tried"
			}
		}
	}
	r.add("backoff.honor_retry_after", why)
}

func finiteOr(v, otherwise float64) float64 {
	if math.IsInf(v, 0) {
		return otherwise
	}
	return v
}
