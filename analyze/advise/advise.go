// Package advise turns the limits of a verdict into client settings: how fast
// to send, and how to retry. Every setting is taken from the cautious end of the
// figure's interval, and carries a reason that names the finding, the formula
// and that end. It is pure: no I/O, no clock, no chance.
package advise

import (
	"math"
	"slices"
	"strconv"
	"time"

	"apisonde/analyze/verdict"
)

// Client is what the settings must know of the way to the server. The zero
// value is a client of which nothing was measured.
type Client struct {
	RTT    time.Duration // smallest round trip; 0: not measured
	Spread time.Duration // 99.9th percentile less the smallest
}

// For returns settings that keep a client within all limits at once, or nil
// where no limit was met: what was tested without a rejection is in the
// verdict's tested_up_to, and is a fact about the past, not a setting.
//
// A layer of which too little is known leaves rate, burst and rejects_per_1000
// null, or, beside layers that are known, only rejects_per_1000: keeping to the
// known layers is then necessary, and may not be enough. Where nothing says how
// fast a limit recovers, the waits are customary ones, and their reasons say so.
// max_attempts counts the first try.
func For(limits []verdict.Limit, c Client) *verdict.Advice {
	if len(limits) == 0 {
		return nil
	}
	c.RTT, c.Spread = max(c.RTT, 0), max(c.Spread, 0)
	layers := make([]layer, len(limits))
	for i, l := range limits {
		layers[i] = layer{limit: l, bound: boundOf(l, c), name: nameOf(i, len(limits), l)}
		if !countsRequests(l) {
			layers[i].bound = otherUnit(layers[i].bound, l)
		}
	}
	a := &verdict.Advice{}
	r := &reasons{}
	pace(a, r, layers, c)
	backoff(a, r, layers, c)
	expect(a, r, layers)
	a.Reasons = r.list
	return a
}

// layer is one limit with what it allows.
type layer struct {
	limit verdict.Limit
	bound bound
	name  string
}

// countsRequests tells whether the limit's unit is one request.
func countsRequests(l verdict.Limit) bool { return l.Unit == "" || l.Unit == "requests" }

// otherUnit withholds a pace in requests from a limit that counts something
// else: what a request costs is not part of the limit.
func otherUnit(b bound, l verdict.Limit) bound {
	if b.rate > 0 {
		b.why = num(floorTo(b.rate)) + " " + l.Unit + " per second, to be divided by what a request costs: " + b.why
	}
	b.rate, b.burst = 0, 0
	return b
}

func pace(a *verdict.Advice, r *reasons, layers []layer, c Client) {
	a.Pace.Per = per(r, layers)
	tight := tightest(layers)
	for _, l := range layers {
		if l.bound.open() {
			r.add("pace.rate_per_s", unknownWhy(l, tight != nil))
		}
	}
	if tight != nil {
		rate := floorTo(tight.bound.rate)
		a.Pace.RatePerS = &rate
		r.add("pace.rate_per_s", tight.name+": "+tight.bound.why+others(layers, *tight, "; the other layers allow more"))
		spacing := ceilTo(1 / rate)
		a.Pace.MinSpacingS = &spacing
		r.add("pace.min_spacing_s", "1/rate: evenly spaced requests never meet in one window")
		burst, from := smallestBurst(layers)
		v := float64(burst)
		a.Pace.Burst = &v
		r.add("pace.burst", burstWhy(burst, from))
	}
	concurrency(a, r, layers, c)
}

// tightest is the layer with the least known rate, or nil.
func tightest(layers []layer) *layer {
	var t *layer
	for i := range layers {
		if b := layers[i].bound; b.rate > 0 && (t == nil || b.rate < t.bound.rate) {
			t = &layers[i]
		}
	}
	return t
}

func smallestBurst(layers []layer) (int, layer) {
	n, from := 0, layer{}
	for _, l := range layers {
		if l.bound.burst > 0 && (n == 0 || l.bound.burst < n) {
			n, from = l.bound.burst, l
		}
	}
	return n, from
}

// concurrency is the server's own ceiling, or what the rate keeps in flight by
// Little's law over a slow round trip, and one more so that it never throttles.
func concurrency(a *verdict.Advice, r *reasons, layers []layer, c Client) {
	set := func(n int, why string) {
		if a.Pace.Concurrency == nil || n < *a.Pace.Concurrency {
			a.Pace.Concurrency = &n
			r.replace("pace.concurrency", why)
		}
	}
	if a.Pace.RatePerS != nil && c.RTT > 0 {
		trip := (c.RTT + c.Spread).Seconds()
		n := 1 + int(math.Ceil(min(*a.Pace.RatePerS*trip, math.MaxInt32)))
		set(n, "1 + rate · round trip (Little's law), with a slow round trip of "+secs(trip)+": more in flight gains nothing")
	}
	for _, l := range layers {
		if l.bound.inflight > 0 {
			set(l.bound.inflight, l.name+": "+l.bound.why)
		}
	}
}

// per is what every limit's counter tells apart: a pace for each of these
// combinations keeps within all of them. Null where a scope is open.
func per(r *reasons, layers []layer) []string {
	shared := slices.Clone(layers[0].limit.Scope)
	for _, l := range layers {
		if l.limit.Scope == nil {
			r.add("pace.per", l.name+": whose counter it is stays open, so the pace is for the whole client")
			return nil
		}
		shared = slices.DeleteFunc(shared, func(d string) bool { return !slices.Contains(l.limit.Scope, d) })
	}
	for _, l := range layers {
		switch {
		case len(l.limit.Scope) == 0:
			r.add("pace.per", l.name+": one counter for everybody, so other callers' requests come off it too; the pace assumes that you are alone")
			return shared
		case len(l.limit.Scope) != len(shared):
			r.add("pace.per", "only what every layer's counter tells apart may be paced apart")
			return shared
		}
	}
	r.add("pace.per", "the counter's own key: each value has a counter of its own")
	return shared
}

func expect(a *verdict.Advice, r *reasons, layers []layer) {
	sure := 1.0
	for _, l := range layers {
		sure = min(sure, l.limit.Confidence)
		if l.bound.open() {
			r.add("expected.rejects_per_1000", l.name+" is not known well enough to promise anything")
			return
		}
	}
	zero := 0.0
	a.Expected.RejectsPer1000 = &zero
	r.add("expected.rejects_per_1000", "none while the stated figures hold, whose confidence is "+num(sure)+", and nobody else spends from the same counter")
	if a.Pace.RatePerS == nil {
		return
	}
	capacity := math.Inf(1)
	for _, l := range layers {
		capacity = min(capacity, capacityOf(l.limit))
	}
	if math.IsInf(capacity, 1) {
		return
	}
	share := math.Floor(min(*a.Pace.RatePerS/capacity, 1)*1000) / 1000
	a.Expected.Efficiency = &share
	r.add("expected.efficiency", "the advised rate over the least limit's rate of "+num(capacity)+" per second")
}

// capacityOf is a layer's best-estimate rate, +Inf where it has none.
func capacityOf(l verdict.Limit) float64 {
	switch {
	case usable(l.RatePerS):
		return l.RatePerS.Value
	case usable(l.Limit) && usable(l.WindowS):
		return l.Limit.Value / l.WindowS.Value
	}
	return math.Inf(1)
}

// reasons collects why each setting is what it is, in the order of the settings.
type reasons struct{ list []verdict.Reason }

func (r *reasons) add(setting, because string) {
	r.list = append(r.list, verdict.Reason{Setting: setting, Because: because})
}

func (r *reasons) replace(setting, because string) {
	r.list = slices.DeleteFunc(r.list, func(x verdict.Reason) bool { return x.Setting == setting })
	r.add(setting, because)
}

// nameOf names a layer for people.
func nameOf(i, n int, l verdict.Limit) string {
	name := words(l.Algorithm)
	switch l.Algorithm {
	case verdict.Unknown:
		name = "limit of unknown kind"
	case verdict.Concurrency:
		name = "concurrency limit"
	}
	if l.Source == "advertised" {
		name = "advertised " + name
	}
	if n == 1 {
		return "the " + name
	}
	return "layer " + strconv.Itoa(i+1) + ", the " + name
}
