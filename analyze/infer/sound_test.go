package infer

import (
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"apisonde/analyze/model"
	"apisonde/probe/lab/limit"
	"apisonde/probe/trace"
)

// truthModel is the model of the bank that describes a lab limiter, whose
// windows are aligned to the given server start.
func truthModel(t *testing.T, truth limit.Truth, started, server time.Time) model.Model {
	t.Helper()
	p := model.Params{L: float64(truth.Limit), W: truth.Window.Seconds(), K: float64(model.RoundBelow)}
	counted := ""
	if truth.CountsRejected {
		counted = ", rejections counted"
	}
	aligned := func(plain, first string) string {
		switch truth.Alignment {
		case "first-request":
			return first
		case "clock":
			p.Phase = -float64(started.UnixNano()%int64(truth.Window)) / 1e9
		default:
			p.Phase = math.Mod(server.Sub(started).Seconds(), p.W)
		}
		return plain
	}
	name := ""
	switch truth.Algorithm {
	case "token-bucket":
		name, p.W = "token bucket", 1/truth.Rate
	case "sliding-log":
		name = "sliding log" + counted
	case "sliding-counter":
		name = aligned("sliding counter", "sliding counter from the first request") + counted
	case "fixed-window":
		first := "fixed window from the first request"
		if truth.Penalty > 0 { // the most usual one, which the bank just calls so
			first = "fixed window"
		}
		name = aligned("fixed window", first)
		switch {
		case truth.Alignment == "last-request":
			name = "window renewed by every request"
		case truth.Penalty > 0 && truth.Alignment != "first-request":
			name = "fixed window on a grid"
		}
	}
	if truth.WholeSeconds {
		name += ", whole seconds"
		p.Phase = -float64(started.Nanosecond()) / 1e9
	}
	p.P = truth.Penalty.Seconds()
	switch {
	case truth.PenaltyExpires:
		p.C = float64(model.CountExpires)
	case truth.PenaltyClears:
		p.C = float64(model.CountClears)
	}
	switch {
	case truth.PenaltyExtends:
		name += " with a growing penalty"
	case truth.Penalty > 0:
		name += " with a penalty"
	}
	for i := range model.Bank {
		if model.Bank[i].Name == name {
			return model.New(&model.Bank[i], p)
		}
	}
	t.Fatalf("the bank has no %q", name)
	return model.Model{}
}

// The true limiter with its true figures never contradicts a trace, clean or, where
// no penalty hides the count, over long trips or with requests in it of which nothing
// is known. The long
// form (APISONDE_LONG) tries 2,000 random limiters.
func TestTruthIsNeverInfeasible(t *testing.T) {
	n := 2 * len(kinds)
	if os.Getenv("APISONDE_LONG") != "" {
		n = 2000
	}
	for i := range n {
		rng := rand.New(rand.NewPCG(99, uint64(i)))
		spec := randomSpec(rng, kinds[i%len(kinds)])
		started := time.Unix(1_700_000_000, 0).Add(time.Duration(rng.Int64N(int64(time.Hour))))
		net := loopback
		blocks := strings.Contains(spec, "penalty")
		switch {
		case i%2 == 1 && !blocks: // requests that are lost, on either way, and failures of the application
			net.Loss, net.Spurious = 0.03, 0.03
		case i%4 == 2 && !blocks: // bursts of which only the interval is known
			net.RTT, net.Jitter = 20*time.Millisecond, 40*time.Millisecond
		}
		w := world{specs: []string{spec}, roster: twoOfEach(), seed: uint64(i), net: net, start: started}
		w.budget = trace.Budget{MaxRequests: 700, MaxDuration: 20 * time.Minute, MaxInflight: 64}
		tr, stack := assessFrom(t, w, started.Add(-time.Minute))
		truth := stack.Truth()[0]
		m := truthModel(t, truth, started, started.Add(-time.Minute))
		m.Phase -= net.RTT.Seconds() / 2 // offsets are those of sending
		r := newRecord(tr.Meta.Roster)
		for _, o := range tr.Observations {
			r.observe(o)
		}
		var s scope
		for _, name := range truth.Scope {
			s |= scopeOf(trace.Dim(name))
		}
		for _, events := range r.arms(s) {
			if c := m.Run(events, math.Inf(1)); c.Violation > 0 {
				t.Errorf("%s (seed %d): the truth is called impossible, cost %.1f", spec, i, c.Violation)
			}
		}
	}
}
