package model_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"apisonde/analyze/model"
	"apisonde/probe/lab/limit"
)

func variant(t *testing.T, name string) *model.Variant {
	t.Helper()
	for i := range model.Bank {
		if model.Bank[i].Name == name {
			return &model.Bank[i]
		}
	}
	t.Fatalf("the bank has no %q", name)
	return nil
}

// What a block does to the count, as parameters have it.
const clears, expires = float64(model.CountClears), float64(model.CountExpires)

// Where every instant is known exactly, a model is as certain as the limiter
// itself, and decides as an independent implementation does.
func TestModelsDecideAsLimitersDo(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	for _, c := range []struct {
		variant string
		spec    string // with limit 7 and a window of 2 s
		p       model.Params
	}{
		{"fixed window", "fixed-window,limit=7,window=2s,align=clock", model.Params{L: 7, W: 2}},
		{"fixed window from the first request", "fixed-window,limit=7,window=2s,align=first-request", model.Params{L: 7, W: 2}},
		{"window renewed by every request", "fixed-window,limit=7,window=2s,align=last-request,count-rejected", model.Params{L: 7, W: 2}},
		{"window renewed by admitted requests", "fixed-window,limit=7,window=2s,align=last-request", model.Params{L: 7, W: 2}},
		{"sliding log", "sliding-log,limit=7,window=2s", model.Params{L: 7, W: 2}},
		{"sliding log, rejections counted", "sliding-log,limit=7,window=2s,count-rejected", model.Params{L: 7, W: 2}},
		{"sliding counter", "sliding-counter,limit=7,window=2s,align=clock", model.Params{L: 7, W: 2}},
		{"sliding counter, rejections counted", "sliding-counter,limit=7,window=2s,align=clock,count-rejected", model.Params{L: 7, W: 2}},
		{"sliding counter from the first request", "sliding-counter,limit=7,window=2s,align=first-request", model.Params{L: 7, W: 2}},
		{"fixed window from the first request, whole seconds", "fixed-window,limit=7,window=2s,align=first-request,whole-seconds", model.Params{L: 7, W: 2}},
		{"sliding counter from the first request, rejections counted, whole seconds", "sliding-counter,limit=7,window=3s,align=first-request,count-rejected,whole-seconds", model.Params{L: 7, W: 3}},
		{"token bucket", "token-bucket,rate=3.5,burst=7", model.Params{L: 7, W: 1 / 3.5}},
		{"fixed window with a penalty", "fixed-window,limit=7,window=2s,align=first-request,penalty=3s", model.Params{L: 7, W: 2, P: 3}},
		{"fixed window with a growing penalty", "fixed-window,limit=7,window=2s,align=first-request,penalty=3s,penalty-extends", model.Params{L: 7, W: 2, P: 3}},
		{"fixed window with a penalty", "fixed-window,limit=7,window=2s,align=first-request,penalty=1s,penalty-clears", model.Params{L: 7, W: 2, P: 1, C: clears}},
		{"fixed window with a growing penalty", "fixed-window,limit=7,window=2s,align=first-request,penalty=500ms,penalty-expires", model.Params{L: 7, W: 2, P: .5, C: expires}},
		{"fixed window on a grid with a penalty", "fixed-window,limit=7,window=2s,align=clock,penalty=1.3s", model.Params{L: 7, W: 2, P: 1.3}},
		{"fixed window on a grid with a growing penalty", "fixed-window,limit=7,window=2s,align=clock,penalty=1.3s,penalty-extends,penalty-clears", model.Params{L: 7, W: 2, P: 1.3, C: clears}},
		{"sliding log with a penalty", "sliding-log,limit=7,window=2s,penalty=1s", model.Params{L: 7, W: 2, P: 1}},
		{"sliding log with a growing penalty", "sliding-log,limit=7,window=2s,penalty=1s,penalty-expires", model.Params{L: 7, W: 2, P: 1, C: expires}},
		{"sliding counter with a penalty", "sliding-counter,limit=7,window=2s,align=clock,penalty=1s", model.Params{L: 7, W: 2, P: 1}},
		{"sliding counter with a growing penalty", "sliding-counter,limit=7,window=2s,align=clock,penalty=1s,penalty-extends,penalty-clears", model.Params{L: 7, W: 2, P: 1, C: clears}},
		{"sliding counter from the first request with a penalty", "sliding-counter,limit=7,window=2s,align=first-request,penalty=5s", model.Params{L: 7, W: 2, P: 5}},
		{"sliding counter from the first request with a growing penalty", "sliding-counter,limit=7,window=2s,align=first-request,penalty=1s,penalty-expires", model.Params{L: 7, W: 2, P: 1, C: expires}},
		{"token bucket with a penalty", "token-bucket,rate=3.5,burst=7,penalty=1s", model.Params{L: 7, W: 1 / 3.5, P: 1}},
		{"token bucket with a growing penalty", "token-bucket,rate=3.5,burst=7,penalty=1s,penalty-extends,penalty-clears", model.Params{L: 7, W: 1 / 3.5, P: 1, C: clears}},
	} {
		t.Run(c.spec, func(t *testing.T) {
			for seed := range uint64(30) {
				rng := rand.New(rand.NewPCG(seed, 5))
				stack, err := limit.Parse([]string{c.spec})
				if err != nil {
					t.Fatal(err)
				}
				m := model.New(variant(t, c.variant), c.p)
				at := time.Duration(rng.Int64N(int64(2 * time.Second)))
				admitted, refused := 0, 0
				for i := range 150 {
					// Bursts and pauses, so that windows fill and end.
					at += time.Duration(rng.ExpFloat64() * float64(150*time.Millisecond))
					if rng.IntN(12) == 0 {
						at += time.Duration(rng.Int64N(int64(6 * time.Second)))
					}
					ok := stack.Decide(start.Add(at), limit.Request{IP: "a", Route: "/"}).Admit
					lo, hi := m.Bounds(at.Seconds(), at.Seconds())
					if (hi >= 1) != ok || (lo >= 1) != ok {
						t.Fatalf("seed %d, request %d at %v: admitted %v, but bounds [%v, %v]", seed, i, at, ok, lo, hi)
					}
					if ok {
						admitted++
						m.Commit(at.Seconds(), at.Seconds(), 1, 0)
					} else {
						refused++
						m.Commit(at.Seconds(), at.Seconds(), 0, 1)
					}
				}
				if admitted == 0 || refused == 0 {
					t.Fatalf("seed %d tried nothing: %d admitted, %d refused", seed, admitted, refused)
				}
			}
		})
	}
}

// An uncertain instant widens the bounds and never excludes what could be.
func TestBoundsContainEveryInstant(t *testing.T) {
	for i := range model.Bank {
		v := &model.Bank[i]
		t.Run(v.Name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(i), 6))
			for range 200 {
				p := model.Params{L: float64(2 + rng.IntN(10)), W: 1 + rng.Float64(), P: 1 + 2*rng.Float64(), K: float64(1 + rng.IntN(2)), C: float64(rng.IntN(v.Aftermaths())), Phase: rng.Float64()}
				if v.Seconds {
					p.W = math.Ceil(p.W)
				}
				wide, exact := model.New(v, p), model.New(v, p)
				at := rng.Float64()
				for range 25 {
					at += rng.ExpFloat64() * 0.4
					_, hi := exact.Bounds(at, at)
					ok := hi >= 1
					slack := 0.02 * rng.Float64()
					lo, most := wide.Bounds(at-slack, at)
					if ok && most < 1 || !ok && lo >= 1 {
						t.Fatalf("%+v at %v: the exact model says %v, the wide bounds are [%v, %v]", p, at, ok, lo, most)
					}
					a, r := 0, 1
					if ok {
						a, r = 1, 0
					}
					exact.Commit(at, at, a, r)
					wide.Commit(at-slack, at, a, r)
					at += slack
				}
			}
		})
	}
}

// Nor do requests of which it is only known that all of them fell into an interval:
// the true limiter never contradicts what became of them.
func TestBurstsNeverContradictTheTruth(t *testing.T) {
	for i := range model.Bank {
		v := &model.Bank[i]
		t.Run(v.Name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(i), 7))
			refused := 0
			for range 2000 {
				// The count goes on below a block: otherwise a burst that just spends a
				// fresh one is read as passing it.
				p := model.Params{L: float64(2 + rng.IntN(10)), W: 1 + rng.Float64(), P: 1 + 2*rng.Float64(), K: float64(rng.IntN(model.Roundings)), Phase: rng.Float64()}
				if v.HasTick() {
					p.K = 1
				}
				if v.Core == model.CoreBucket {
					p.W /= p.L
				}
				if v.Seconds {
					p.W = math.Ceil(p.W)
				}
				exact, wide := model.New(v, p), model.New(v, p)
				at := rng.Float64()
				for range 25 {
					at += rng.ExpFloat64() * 0.4
					x := model.Event{S: at}
					span := 0.2 * rng.Float64()
					for n := 1 + rng.IntN(int(p.L)+3); n > 0; n-- {
						at += rng.Float64() * span / float64(n)
						if _, hi := exact.Bounds(at, at); hi >= 1 {
							if x.Admitted++; x.Admitted == 1 && rng.IntN(2) == 0 {
								x.First = at
							}
							exact.Commit(at, at, 1, 0)
						} else {
							x.Limited++
							exact.Commit(at, at, 0, 1)
						}
					}
					x.E = at
					refused += x.Limited
					was := wide
					var c model.Cost
					if wide.Step(&x, &c); c.Violation > 0 {
						lo, hi := was.Bounds(x.S, x.E)
						t.Fatalf("%+v: %+v is called impossible, bounds [%v, %v]", p, x, lo, hi)
					}
				}
			}
			if refused == 0 {
				t.Error("nothing was refused")
			}
		})
	}
}

// A copy lives its own life.
func TestCopyToSharesNothing(t *testing.T) {
	v := variant(t, "sliding log")
	a := model.New(v, model.Params{L: 2, W: 5})
	a.Commit(0, 0, 1, 0)
	var b model.Model
	a.CopyTo(&b)
	b.Commit(1, 1, 1, 0)
	if lo, hi := a.Bounds(2, 2); lo != 1 || hi != 1 {
		t.Errorf("the original changed with its copy: [%v, %v]", lo, hi)
	}
	if lo, hi := b.Bounds(2, 2); lo != 0 || hi != 0 {
		t.Errorf("the copy forgot: [%v, %v]", lo, hi)
	}
}

func TestCost(t *testing.T) {
	v := variant(t, "fixed window from the first request")
	for _, c := range []struct {
		name      string
		events    []model.Event
		violation bool
	}{
		{"as it should", []model.Event{{S: 0, E: 0, Admitted: 3}, {S: 1, E: 1, Limited: 2}, {S: 6, E: 6, Admitted: 3}}, false},
		{"one too many", []model.Event{{S: 0, E: 0, Admitted: 4}}, true},
		{"refused while there is room", []model.Event{{S: 0, E: 0, Admitted: 1}, {S: 1, E: 1, Limited: 2}}, true},
		{"let in too soon", []model.Event{{S: 0, E: 0, Admitted: 3}, {S: 4, E: 4, Admitted: 1}}, true},
	} {
		m := model.New(v, model.Params{L: 3, W: 5})
		got := m.Run(c.events, math.Inf(1))
		if (got.Violation > 0) != c.violation || got.Total < got.Violation {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestNiceValuesAscend(t *testing.T) {
	for i := range model.Bank {
		last := 0.0
		for _, w := range model.Bank[i].Nice() {
			if w <= last {
				t.Fatalf("%s: %v after %v", model.Bank[i].Name, w, last)
			}
			last = w
		}
	}
}

func ExampleModel_Bounds() {
	// A bucket of 5 tokens, one each half second, that was emptied at 0 s.
	bucket := &model.Bank[slices.IndexFunc(model.Bank, func(v model.Variant) bool { return v.Name == "token bucket" })]
	m := model.New(bucket, model.Params{L: 5, W: 0.5})
	m.Commit(0, 0, 5, 1)
	lo, hi := m.Bounds(1.1, 1.1)
	fmt.Println(m.V.Name, lo, hi)
	// Output: token bucket 2 2
}
