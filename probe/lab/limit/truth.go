package limit

import (
	"slices"
	"time"
)

// Truth is what is true of one layer, in the words and figures that a verdict
// uses. Zero stands for what the layer does not have.
type Truth struct {
	Algorithm string   // as in the spec; a window that slows down is a leaky queue, one with a second no kind that verdicts name
	Scope     []string // sorted; empty: one counter for everybody

	Limit     int           // per window; a bucket's size; in flight
	Burst     int           // admitted at once from rest, the delayed ones included
	Window    time.Duration // windows only
	Rate      float64       // a second: limit over window, refill, or drain
	Undelayed int           // leaky queue: how many wait for nothing, from rest or in one window
	MaxDelay  time.Duration // leaky queue: the longest that an answer is held back
	Alignment string        // where windows begin

	Route     string // the one path guarded; "": every path
	Nodes     int    // independent counters behind it; Limit is one node's
	Anonymous string // "" where every caller has what the scope names

	Status         int // of a refusal
	CountsRejected bool
	WholeSeconds   bool // its clock shows no fractions
	Penalty        time.Duration
	PenaltyExtends bool
	PenaltyClears  bool
	PenaltyExpires bool

	Headers    string // dialect
	RetryAfter string
	Latency    time.Duration
	Jitter     time.Duration
}

// Truth says what is true of each limiting layer, in the order of the specs;
// layers that admit everything are left out.
func (s *Stack) Truth() []Truth {
	var out []Truth
	for _, l := range s.layers {
		if l.kind != none {
			out = append(out, l.truth())
		}
	}
	return out
}

func (c *config) truth() Truth {
	t := Truth{
		Algorithm: c.kind, Scope: slices.Clone(c.by), Limit: c.limit, Burst: c.headline(),
		Window: c.window, Rate: c.rate, Alignment: c.align,
		Route: c.route, Nodes: c.nodes,
		Status: c.status, CountsRejected: c.countRefused, WholeSeconds: c.wholeSeconds, Penalty: c.penalty, PenaltyExtends: c.extends,
		PenaltyClears: c.clears, PenaltyExpires: c.expires,
		Headers: c.headers, RetryAfter: c.retryAfter, Latency: c.latency, Jitter: c.jitter,
	}
	if c.claimed() {
		t.Anonymous = c.anonymous
	}
	switch c.kind {
	case tokenBucket:
		t.Limit = c.burst
	case leakyQueue:
		t.Undelayed, t.MaxDelay = c.undelayed, time.Duration(c.depth)*interval(c.rate)
	case slowDown:
		t.Algorithm, t.Undelayed, t.MaxDelay, t.Burst = leakyQueue, c.limit, c.maxDelay, 0
		if c.refuseAfter < mostCount {
			t.Limit, t.Burst = c.refuseAfter, c.refuseAfter
			t.MaxDelay = min(t.MaxDelay, time.Duration(c.refuseAfter-c.limit)*c.delay)
		}
	case fixedWindow, slidingLog, slidingCounter:
		t.Rate = float64(c.limit) / c.window.Seconds()
	}
	if c.orLimit > 0 {
		t.Algorithm, t.Limit, t.Window = EitherWindow, c.limit+c.orLimit, 0
		t.Rate += float64(c.orLimit) / c.orWindow.Seconds()
	}
	return t
}
