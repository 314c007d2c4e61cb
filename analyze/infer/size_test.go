package infer

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"apisonde/analyze/model"
	"apisonde/probe/lab/limit"
)

// traffic is what became of requests at random instants, for as many seconds.
func traffic(t *testing.T, spec string, seed uint64, seconds float64) ([]model.Event, limit.Truth) {
	t.Helper()
	stack, err := limit.Parse([]string{spec})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 4))
	truth := stack.Truth()[0]
	gap := 0.6 / truth.Rate
	var events []model.Event
	for at := 0.0; at < seconds; at += 2 * gap * rng.Float64() {
		x := model.Event{S: at, E: at + 0.001, Limited: 1}
		if stack.Decide(started.Add(duration(at)), limit.Request{}).Admit {
			x.Admitted, x.Limited = 1, 0
		}
		events = append(events, x)
	}
	return events, truth
}

var started = time.Unix(1_700_000_003, 0)

// Where durations and phase are the true ones, the limit is read off the trace.
func TestLimitIsReadOffTheTrace(t *testing.T) {
	off := 0
	for i := range 10 * len(kinds) {
		spec := randomSpec(rand.New(rand.NewPCG(7, uint64(i))), kinds[i%len(kinds)])
		events, truth := traffic(t, spec, uint64(i), 100)
		m := truthModel(t, truth, started, started)
		p := newProposer([][]model.Event{events}, rand.New(rand.NewPCG(1, 2)))
		got, ok := p.sized(m.V, m.Params)
		if blocks := strings.Contains(spec, "penalty"); ok == blocks {
			t.Errorf("%s: told %v of a limiter that blocks %v", spec, ok, blocks)
		}
		if ok && got != m.L {
			off++
		}
	}
	if off > len(kinds)/2 {
		t.Errorf("%d of %d are wrong", off, 10*len(kinds))
	}
}

// Requests at random instants, many more than are let through, show a limit that is
// hardly ever spent from rest.
func TestLimitOfRandomTrafficIsFound(t *testing.T) {
	for _, c := range []struct {
		spec string
		most int // searches of 4 that may miss it
	}{
		{"sliding-counter,align=clock,limit=30,window=10.509s", 2}, // a needle in limit, window and phase
		{"fixed-window,align=clock,limit=84,window=18.109s", 0},
		{"token-bucket,rate=2.733,burst=46", 0},
		{"sliding-log,limit=23,window=12.533s", 0},
	} {
		events, truth := traffic(t, c.spec, 3, 90)
		missed := 0
		for seed := range uint64(4) {
			p := thorough([][]model.Event{events}, nil, rand.New(rand.NewPCG(seed, 1)))
			top, _ := p.leader()
			if q := p.fits[top].best1().p; p.best() > 1 || p.fits[top].v.Algorithm() != truth.Algorithm || math.Abs(q.L-float64(truth.Limit)) > 1 {
				missed++
			}
		}
		if missed > c.most {
			t.Errorf("%s: missed by %d of 4 searches", c.spec, missed)
		}
	}
}
