package model_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"apisonde/analyze/model"
	"apisonde/probe/lab/limit"
)

// Two windows of which either admits decide as an independent implementation does, and
// other figures do not.
func TestEitherDecidesAsTheLimiterDoes(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	for variantName, align := range map[string]string{"fixed window from the first request": "first-request", "fixed window": "clock"} {
		t.Run(align, func(t *testing.T) {
			first, second := model.Params{L: 4, W: 1}, model.Params{L: 9, W: 5}
			others := [][2]model.Params{
				{{L: 5, W: 1}, second}, {{L: 3, W: 1}, second}, {first, {L: 8, W: 5}}, {first, {L: 10, W: 5}},
				{{L: 4, W: 1.2}, second}, {first, {L: 9, W: 4}}, {second, first},
			}
			costs := make([]float64, len(others))
			for seed := range uint64(30) {
				rng := rand.New(rand.NewPCG(seed, 5))
				stack, err := limit.Parse([]string{"fixed-window,limit=4,window=1s,or=9/5s,align=" + align})
				if err != nil {
					t.Fatal(err)
				}
				var events []model.Event
				refused := 0
				at := time.Duration(rng.Int64N(int64(2 * time.Second)))
				for range 200 {
					at += time.Duration(rng.ExpFloat64() * float64(100*time.Millisecond))
					if rng.IntN(12) == 0 {
						at += time.Duration(rng.Int64N(int64(6 * time.Second)))
					}
					x := model.Event{S: at.Seconds(), E: at.Seconds(), Limited: 1}
					if stack.Decide(start.Add(at), limit.Request{IP: "a", Route: "/"}).Admit {
						x.Admitted, x.Limited = 1, 0
					} else {
						refused++
					}
					events = append(events, x)
				}
				if refused == 0 || refused == len(events) {
					t.Fatalf("seed %d tried nothing: %d refused", seed, refused)
				}
				run := func(first, second model.Params) float64 {
					m := model.NewEither(variant(t, variantName), first, second)
					return m.Run(events, 1e6).Total
				}
				if c := run(first, second); c != 0 {
					t.Fatalf("seed %d: the truth costs %v", seed, c)
				}
				for i, other := range others {
					costs[i] += run(other[0], other[1])
				}
			}
			for i, c := range costs {
				if c == 0 {
					t.Errorf("%v costs nothing", others[i])
				}
			}
		})
	}
}

// Instants that are known to within a millisecond or two exclude the truth hardly ever:
// a request that meets a boundary may be either window's.
func TestEitherBearsUncertainInstants(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	off := 0
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 6))
		stack, err := limit.Parse([]string{"fixed-window,limit=4,window=1s,or=9/5s,align=first-request"})
		if err != nil {
			t.Fatal(err)
		}
		var events []model.Event
		at := 0.0
		for range 200 {
			at += 0.15 * rng.ExpFloat64()
			x := model.Event{S: at, E: at + 0.002*rng.Float64(), Limited: 1}
			decided := x.S + (x.E-x.S)*rng.Float64()
			if stack.Decide(start.Add(time.Duration(decided*float64(time.Second))), limit.Request{IP: "a", Route: "/"}).Admit {
				x.Admitted, x.Limited = 1, 0
			}
			events, at = append(events, x), x.E
		}
		m := model.NewEither(variant(t, "fixed window from the first request"), model.Params{L: 4, W: 1}, model.Params{L: 9, W: 5})
		if m.Run(events, 1e6).Violation > 0 {
			off++
		}
	}
	if off > 0 {
		t.Errorf("the truth is contradicted in %d of 300 traces", off)
	}
}

// Nor do bursts whose single instants are not known: of one that meets a boundary of the
// shorter window the longer one may have taken some.
func TestEitherBearsBursts(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	for variantName, align := range map[string]string{"fixed window from the first request": "first-request", "fixed window": "clock"} {
		off, told := 0, 0
		for seed := range uint64(300) {
			rng := rand.New(rand.NewPCG(seed, 7))
			stack, err := limit.Parse([]string{"fixed-window,limit=14,window=1s,or=29/5s,align=" + align})
			if err != nil {
				t.Fatal(err)
			}
			var events []model.Event
			at := 0.0
			for range 60 {
				at += 0.3 * rng.ExpFloat64()
				x := model.Event{S: at}
				for range 1 + rng.IntN(20) {
					at += 0.02 * rng.Float64()
					admitted := stack.Decide(start.Add(time.Duration(at*float64(time.Second))), limit.Request{IP: "a", Route: "/"}).Admit
					if x.E = at; admitted {
						x.Admitted++
					} else if x.Limited++; x.Limited == 2 { // as runs stop at the second
						break
					}
				}
				events = append(events, x)
			}
			run := func(first, second model.Params) float64 {
				m := model.NewEither(variant(t, variantName), first, second)
				return m.Run(events, 1e6).Violation
			}
			if run(model.Params{L: 14, W: 1}, model.Params{L: 29, W: 5}) > 0 {
				off++
			}
			if run(model.Params{L: 14, W: 1}, model.Params{L: 35, W: 5}) > 0 {
				told++
			}
		}
		if off > 0 || told < 250 {
			t.Errorf("%s: the truth is contradicted in %d of 300 traces, another limit in %d", variantName, off, told)
		}
	}
}
