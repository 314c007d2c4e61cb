package model

import "apisonde/analyze/verdict"

// Core is the counting at the heart of a limiter.
type Core int

// The cores.
const (
	CoreWindow  Core = iota // a count that starts again with every window
	CoreLog                 // the instants of the last window's requests
	CoreCounter             // this window's count plus a share of the last one's
	CoreBucket              // tokens that refill steadily
	CoreTick                // tokens that refill K at a time
)

// Anchor is what fixes where windows begin.
type Anchor int

// The anchors.
const (
	AnchorFree         Anchor = iota // a grid of unknown phase, the same for every caller: a clock's or the process's
	AnchorOpen                       // the first request after the last window ended
	AnchorGrid                       // a grid that starts at the caller's first request ever
	AnchorIdle                       // such a grid, started anew after a rest of two windows
	AnchorLastAdmitted               // every admitted request starts the window again
	AnchorLastAny                    // every request does
)

// OnReject is what a rejection does.
type OnReject int

// The effects of a rejection.
const (
	RejectIgnored  OnReject = iota // nothing
	RejectCounted                  // it counts like an admitted request
	RejectBlocks                   // it starts a block of P seconds
	RejectExtends                  // so does every request during the block
	RejectRestarts                 // it starts a block of W seconds, prolonged by asking
)

// Aftermath is what a block does to the count below it; Params.C holds one.
type Aftermath int

// The aftermaths.
const (
	CountGoesOn  Aftermath = iota // nothing
	CountClears                   // after the block it begins anew
	CountExpires                  // and after a silence as long as the block, too
	aftermaths
)

// Rounding is how a sliding counter compares its estimate with the limit.
type Rounding int

// The roundings; Params.K holds one.
const (
	RoundBelow   Rounding = iota // admit while estimate < L
	RoundFits                    // admit while estimate + 1 <= L
	RoundNearest                 // admit while the estimate, rounded, is < L
	roundings
)

// Variant is one way to build a limiter: a core and the settings of its axes.
type Variant struct {
	Name     string // in words, unique
	Core     Core
	Anchor   Anchor
	Seconds  bool // its clock shows whole seconds
	Whole    bool // a bucket that credits whole tokens only, and loses the fraction at each admission
	OnReject OnReject
	Prior    float64 // weight among all variants, before any evidence
}

// Bank is every variant that the inference considers. The next variant is a
// line here. Priors follow how often each is met in gateways and libraries.
var Bank = []Variant{
	{Name: "fixed window", Core: CoreWindow, Anchor: AnchorFree, Prior: .16},
	{Name: "fixed window from the first request", Core: CoreWindow, Anchor: AnchorOpen, Prior: .18},
	{Name: "fixed window on a grid from the first request", Core: CoreWindow, Anchor: AnchorGrid, Prior: .03},
	{Name: "fixed window from the first request, whole seconds", Core: CoreWindow, Anchor: AnchorOpen, Seconds: true, Prior: .04},
	{Name: "window renewed by admitted requests", Core: CoreWindow, Anchor: AnchorLastAdmitted, Prior: .02},
	{Name: "window renewed by every request", Core: CoreWindow, Anchor: AnchorLastAny, Prior: .02},
	{Name: "window restarted by rejections", Core: CoreWindow, Anchor: AnchorOpen, OnReject: RejectRestarts, Prior: .02},
	{Name: "fixed window with a penalty", Core: CoreWindow, Anchor: AnchorOpen, OnReject: RejectBlocks, Prior: .015},
	{Name: "fixed window with a growing penalty", Core: CoreWindow, Anchor: AnchorOpen, OnReject: RejectExtends, Prior: .015},
	{Name: "fixed window on a grid with a penalty", Core: CoreWindow, Anchor: AnchorFree, OnReject: RejectBlocks, Prior: .006},
	{Name: "fixed window on a grid with a growing penalty", Core: CoreWindow, Anchor: AnchorFree, OnReject: RejectExtends, Prior: .006},
	{Name: "sliding log", Core: CoreLog, Prior: .11},
	{Name: "sliding log, rejections counted", Core: CoreLog, OnReject: RejectCounted, Prior: .03},
	{Name: "sliding log with a penalty", Core: CoreLog, OnReject: RejectBlocks, Prior: .01},
	{Name: "sliding log with a growing penalty", Core: CoreLog, OnReject: RejectExtends, Prior: .01},
	{Name: "sliding counter", Core: CoreCounter, Anchor: AnchorFree, Prior: .06},
	{Name: "sliding counter, rejections counted", Core: CoreCounter, Anchor: AnchorFree, OnReject: RejectCounted, Prior: .02},
	{Name: "sliding counter on a grid from the first request", Core: CoreCounter, Anchor: AnchorGrid, Prior: .01},
	{Name: "sliding counter from the first request", Core: CoreCounter, Anchor: AnchorIdle, Prior: .02},
	{Name: "sliding counter from the first request, rejections counted", Core: CoreCounter, Anchor: AnchorIdle, OnReject: RejectCounted, Prior: .02},
	{Name: "sliding counter from the first request, rejections counted, whole seconds", Core: CoreCounter, Anchor: AnchorIdle, Seconds: true, OnReject: RejectCounted, Prior: .006},
	{Name: "sliding counter with a penalty", Core: CoreCounter, Anchor: AnchorFree, OnReject: RejectBlocks, Prior: .006},
	{Name: "sliding counter with a growing penalty", Core: CoreCounter, Anchor: AnchorFree, OnReject: RejectExtends, Prior: .006},
	{Name: "sliding counter from the first request with a penalty", Core: CoreCounter, Anchor: AnchorIdle, OnReject: RejectBlocks, Prior: .008},
	{Name: "sliding counter from the first request with a growing penalty", Core: CoreCounter, Anchor: AnchorIdle, OnReject: RejectExtends, Prior: .008},
	{Name: "token bucket", Core: CoreBucket, Prior: .18},
	{Name: "token bucket with a penalty", Core: CoreBucket, OnReject: RejectBlocks, Prior: .006},
	{Name: "token bucket with a growing penalty", Core: CoreBucket, OnReject: RejectExtends, Prior: .006},
	{Name: "token bucket of whole tokens", Core: CoreBucket, Whole: true, Prior: .015},
	{Name: "token bucket filled in ticks", Core: CoreTick, Anchor: AnchorFree, Prior: .025},
	{Name: "token bucket filled in ticks from the first request", Core: CoreTick, Anchor: AnchorGrid, Prior: .015},
}

// Anchored says whether the grid's phase comes from the trace.
func (v *Variant) Anchored() bool { return v.Anchor == AnchorGrid || v.Anchor == AnchorIdle }

// Opened says whether a request opens the window.
func (v *Variant) Opened() bool {
	return v.Anchor == AnchorOpen || v.Anchor == AnchorLastAdmitted || v.Anchor == AnchorLastAny
}

// CountsAnew says whether all that was counted is forgotten when a window ends, however
// late in it that came.
func (v *Variant) CountsAnew() bool {
	return v.Core == CoreWindow && v.OnReject == RejectIgnored && v.Anchor != AnchorLastAdmitted && v.Anchor != AnchorLastAny
}

// Blocks says whether a rejection starts a block.
func (v *Variant) Blocks() bool { return v.OnReject >= RejectBlocks }

// HasPhase says whether Params.Phase is free.
func (v *Variant) HasPhase() bool {
	return v.Seconds || v.Anchor == AnchorFree && (v.Core == CoreWindow || v.Core == CoreCounter || v.Core == CoreTick)
}

// Hidden says whether a penalty covers anything but a window that a request opens, which
// is the commonest.
func (v *Variant) Hidden() bool { return v.HasPenalty() && v.Anchor != AnchorOpen }

// HasPenalty says whether Params.P is free.
func (v *Variant) HasPenalty() bool { return v.OnReject == RejectBlocks || v.OnReject == RejectExtends }

// HasTick says whether Params.K is the tokens per tick.
func (v *Variant) HasTick() bool { return v.Core == CoreTick }

// HasRounding says whether Params.K is a Rounding.
func (v *Variant) HasRounding() bool { return v.Core == CoreCounter }

// Roundings is how many roundings there are.
const Roundings = int(roundings)

// Aftermaths is how many aftermaths the variant's block may have: only a block
// that asking prolongs can expire together with the count.
func (v *Variant) Aftermaths() int {
	switch v.OnReject {
	case RejectBlocks:
		return int(CountExpires)
	case RejectExtends:
		return int(aftermaths)
	}
	return 1
}

// Like returns parameters with which v counts just as u does with p, if there are any: a
// bucket that every tick fills is a window on the grid of the ticks.
func (v *Variant) Like(u *Variant, p Params) (Params, bool) {
	if v.Anchor != u.Anchor || v.OnReject != RejectIgnored || u.OnReject != RejectIgnored || v.Seconds != u.Seconds {
		return p, false
	}
	switch {
	case v.Core == CoreWindow && u.Core == CoreTick:
		filled := p.K >= p.L
		p.K = 0
		return p, filled
	case v.Core == CoreTick && u.Core == CoreWindow:
		p.K = p.L
		return p, true
	}
	return p, false
}

// Algorithm is the verdict's name for the variant.
func (v *Variant) Algorithm() string {
	switch v.Core {
	case CoreWindow:
		return verdict.FixedWindow
	case CoreLog:
		return verdict.SlidingLog
	case CoreCounter:
		return verdict.SlidingCounter
	}
	return verdict.TokenBucket
}

// Recovery is the seconds after which an idle limiter with these parameters is
// rested, at the most.
func (v *Variant) Recovery(p Params) float64 {
	if v.HasPenalty() {
		return max(v.Refill(p), p.P)
	}
	return v.Refill(p)
}

// Refill is the seconds in which the count is back, a block left out.
func (v *Variant) Refill(p Params) float64 {
	switch v.Core {
	case CoreBucket:
		return p.W * p.L
	case CoreTick:
		return p.W * (p.L/p.K + 1)
	case CoreCounter:
		return 2 * p.W
	}
	return p.W
}

// Rate is the requests per second that the limiter admits in the long run.
func (v *Variant) Rate(p Params) float64 {
	switch v.Core {
	case CoreBucket:
		return 1 / p.W
	case CoreTick:
		return p.K / p.W
	}
	return p.L / p.W
}
