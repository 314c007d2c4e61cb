package advise

import (
	"fmt"
	"math"
	"strings"

	"apisonde/analyze/verdict"
)

const (
	// strict is added to every window: whether a counter still counts a request
	// that is exactly one window old differs between servers.
	strict = 0.001 // s
	// drift keeps a refill's pace below the refill itself: two clocks may run
	// 100 ppm apart each, and a bucket never forgives a lasting excess.
	drift = 2e-4
	// unknownWait is the first wait where nothing says how fast a limit recovers.
	unknownWait = 1.0 // s
)

// bound is what one layer, under one algorithm, allows a client.
type bound struct {
	rate     float64 // requests per second that are never refused; 0: not known
	burst    int     // requests at once within that rate; 0: not known
	inflight int     // at once; 0: not bounded by this layer
	base     float64 // first wait after a rejection, s; 0: not known
	recover  float64 // longest useful wait, s; 0: not known
	why      string  // the formula with the ends it took, for people
}

// open tells a layer about which nothing can be promised.
func (b bound) open() bool { return b.rate == 0 && b.inflight == 0 }

// boundOf is what a layer allows under its algorithm and every equivalent that
// the evidence leaves: the least of each.
func boundOf(l verdict.Limit, c Client) bound {
	f := figuresOf(l, c)
	least := boundAs(l.Algorithm, l, f)
	for _, alg := range l.Equivalent {
		if b := boundAs(alg, l, f); b.rate > 0 || b.inflight > 0 {
			least = tighter(least, b, alg)
		}
	}
	return least
}

// tighter joins what two explanations of one layer allow.
func tighter(a, b bound, alg string) bound {
	if a.open() {
		return a
	}
	if b.rate > 0 && (a.rate == 0 || b.rate < a.rate) {
		a.rate, a.why = b.rate, "as it may also be a "+words(alg)+", "+b.why
	}
	a.burst = leastKnown(a.burst, b.burst)
	a.inflight = leastKnown(a.inflight, b.inflight)
	a.base = max(a.base, b.base)
	a.recover = max(a.recover, b.recover)
	return a
}

// boundAs applies the formula of one algorithm.
func boundAs(alg string, l verdict.Limit, f figures) bound {
	switch alg {
	case verdict.FixedWindow, verdict.SlidingLog:
		return windowBound(l, f)
	case verdict.SlidingCounter:
		return counterBound(l, f)
	case verdict.TokenBucket:
		if l.Alignment != nil && *l.Alignment == verdict.AlignTick && f.burst > 0 && f.rate > 0 {
			return tickBound(l, f)
		}
		return bucketBound(l, f, firstKnown(f.burst, f.limit))
	case verdict.LeakyQueue:
		return queueBound(l, f)
	case verdict.Concurrency:
		return concurrencyBound(l, f)
	}
	b := counterBound(l, f)
	b.base = max(b.base, unknownWait)
	b.why += "; the algorithm is not known, so this is what the most demanding known one allows"
	return b
}

// span is the count and the window that a window formula takes. A missing
// figure is derived from the rate in the cautious way: a counter of one request
// per 1/r refuses whatever a counter of n per n/r refuses.
func span(l verdict.Limit, f figures) (n int, w float64, said string) {
	n, w = firstKnown(f.limit, f.burst), f.window
	limit := l.Limit
	if f.limit == 0 {
		limit = l.Burst
	}
	switch {
	case n > 0 && w > 0:
		return n, w, low("L", limit, fmt.Sprint(n), "") + ", " + high("W", l.WindowS, secs(w), " s")
	case n > 0 && f.rate > 0:
		w = float64(n) / f.rate
		return n, w, low("L", limit, fmt.Sprint(n), "") + ", W = L/r = " + secs(w) + ", " + low("r", l.RatePerS, num(f.rate), " per second")
	case f.rate > 0:
		return 1, 1 / f.rate, "L is not known and taken as 1, W = 1/r = " + secs(1/f.rate) + ", " + low("r", l.RatePerS, num(f.rate), " per second")
	}
	return 0, 0, ""
}

// windowBound: an interval of length W holds at most the sends of an interval of
// length W + δ, so L of them in W + δ never overfill it, whatever its phase.
func windowBound(l verdict.Limit, f figures) bound {
	n, w, said := span(l, f)
	if n == 0 {
		return bound{}
	}
	b := bound{burst: 1, base: w / 8, recover: w + f.delta}
	if f.limit == 0 && f.burst == 0 {
		b.base, b.recover = 0, 0 // the rate alone does not say how long the window is
	}
	if l.Alignment != nil && *l.Alignment == verdict.AlignLastRequest {
		b.rate = 1 / (w + f.delta + strict)
		b.base = w + f.delta
		b.why = fmt.Sprintf("1/(W + δ), because every request renews the window and only a silent window empties it (or send up to %d at once, then nothing for W + δ): %s, %s", n, said, f.spread())
		return b
	}
	b.rate = float64(n) / (w + f.delta + strict)
	b.why = fmt.Sprintf("L/(W + δ), safe for every phase of the window: %s, %s", said, f.spread())
	return b
}

// counterBound: the estimate prev·(1−f) + cur of evenly paced requests exceeds
// their true number by less than 2; and L in two whole windows are always safe.
func counterBound(l verdict.Limit, f figures) bound {
	n, w, said := span(l, f)
	if n == 0 {
		return bound{}
	}
	// The first wait that can help is until the previous window's share has
	// fallen by one request.
	b := bound{burst: 1, base: w / 8, recover: w + w/float64(n) + f.delta}
	if f.limit == 0 && f.burst == 0 {
		b.base, b.recover = 0, 0
	}
	even := float64(n-2) / (w + 2*f.delta + strict)
	pair := float64(n) / (2*w + f.delta + strict)
	if even >= pair {
		b.rate = even
		b.why = fmt.Sprintf("(L − 2)/(W + 2δ), because the estimate over two windows may exceed the count by 2: %s, %s", said, f.spread())
		return b
	}
	b.rate = pair
	b.why = fmt.Sprintf("L/(2W + δ), at most L in two adjacent windows: %s, %s", said, f.spread())
	return b
}

// bucketBound: a client bucket of rate λ and size b sends at most
// b + λ(ℓ + δ) in what arrives within ℓ; the server grants B + rℓ.
func bucketBound(l verdict.Limit, f figures, size int) bound {
	if f.rate == 0 {
		return bound{}
	}
	r := f.rate
	b := bound{base: max(1/r, f.trip), recover: float64(max(size, 1))/r + f.delta}
	rate := low("r", l.RatePerS, num(r), " per second")
	bucket := l.Burst
	if bucket == nil {
		bucket = l.Limit
	}
	b.burst = int(math.Floor(float64(size) - f.rateHigh*f.delta + 1e-9))
	switch {
	case b.burst >= 1:
		b.rate = r * (1 - drift)
		b.why = fmt.Sprintf("r less two clocks' drift, with the spread paid from the burst (B − rδ): %s, %s, %s", rate, low("B", bucket, fmt.Sprint(size), ""), f.spread())
	case size >= 2:
		// Two requests may meet δ closer than they were sent; B of them must
		// still not arrive at once.
		b.burst = 1
		b.rate = min(r*(1-drift), float64(size-1)/f.delta)
		b.why = fmt.Sprintf("the lesser of r and (B − 1)/δ, because the spread exceeds what the burst can pay: %s, %s, %s", rate, low("B", bucket, fmt.Sprint(size), ""), f.spread())
	default:
		b.burst = 1
		b.rate = (1 - drift) / (1/r + f.delta)
		known := low("B", bucket, "1", "")
		if size == 0 {
			known = "B is not known and taken as 1"
		}
		b.why = fmt.Sprintf("1/(1/r + δ): %s, %s, %s", rate, known, f.spread())
	}
	return b
}

// tickBound: a bucket that refills in steps of unknown size never refills more
// than itself at once, so it admits whatever a window of B per B/r admits.
func tickBound(l verdict.Limit, f figures) bound {
	l.Limit, l.WindowS, l.Alignment = l.Burst, nil, nil
	f.limit, f.window = f.burst, 0
	b := windowBound(l, f)
	b.why += "; the bucket refills in steps, so it is treated as a window"
	return b
}

// queueBound keeps a leaky queue from delaying, where that is known, and from
// refusing.
func queueBound(l verdict.Limit, f figures) bound {
	if f.limit > 0 && f.window > 0 {
		b := windowBound(l, f)
		b.why += "; more than that is delayed"
		return b
	}
	size := firstKnown(f.burst, f.undelayed)
	if l.Burst == nil && size == 0 {
		size = 1
	}
	b := bucketBound(l, f, size)
	if b.open() {
		return b
	}
	b.burst = min(b.burst, max(f.undelayed, 1))
	b.why += "; what exceeds the undelayed part is delayed, so a timeout must be longer than the queue (burst/r)"
	return b
}

// concurrencyBound: never more in flight than the server takes.
func concurrencyBound(l verdict.Limit, f figures) bound {
	if f.limit == 0 {
		return bound{}
	}
	// A slot is freed by the end of some request: on average after S/C, at
	// the latest after S, which a slow round trip contains.
	trip := f.trip
	return bound{
		inflight: f.limit,
		base:     max(2*trip/float64(f.limit), 0.01),
		recover:  max(trip, unknownWait),
		why:      "at most C in flight: " + low("C", l.Limit, fmt.Sprint(f.limit), ""),
	}
}

// spread names δ.
func (f figures) spread() string {
	if f.delta <= 0 {
		return "δ not measured, taken as 0"
	}
	return "δ = " + secs(f.delta) + " (the spread of the round trips)"
}

func firstKnown(a, b int) int {
	if a > 0 {
		return a
	}
	return b
}

func leastKnown(a, b int) int {
	if a == 0 || (b > 0 && b < a) {
		return b
	}
	return a
}

func words(alg string) string { return strings.ReplaceAll(alg, "-", " ") }
