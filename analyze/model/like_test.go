package model_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"apisonde/analyze/model"
)

// Where one variant counts just as another does, any trace costs both the same.
func TestLikeVariantsCountAlike(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	pairs := 0
	for i := range model.Bank {
		for j := range model.Bank {
			v, u := &model.Bank[i], &model.Bank[j]
			p := model.Params{L: 7, W: 2, Phase: 0.3, P: 1, K: 7}
			q, ok := v.Like(u, p)
			if !ok {
				continue
			}
			pairs++
			a, b := model.Model{V: u, Params: p}, model.Model{V: v, Params: q}
			for range 200 {
				events := someEvents(rng)
				if x, y := a.Run(events, math.Inf(1)).Violation, b.Run(events, math.Inf(1)).Violation; math.Abs(x-y) > 1e-9 {
					t.Fatalf("%s: %v, %s: %v for %+v", u.Name, x, v.Name, y, events)
				}
			}
		}
	}
	if pairs < 2 {
		t.Errorf("%d pairs count alike", pairs)
	}
	tick := variant(t, "token bucket filled in ticks")
	if _, ok := variant(t, "fixed window").Like(tick, model.Params{L: 7, W: 2, K: 6}); ok {
		t.Error("a bucket that no tick fills passes for a window")
	}
	if _, ok := variant(t, "fixed window from the first request").Like(tick, model.Params{L: 7, W: 2, K: 7}); ok {
		t.Error("a window that a request opens passes for one on a grid")
	}
}

// someEvents are single requests whose outcome is anybody's guess.
func someEvents(rng *rand.Rand) []model.Event {
	var events []model.Event
	at := 0.0
	for range 40 {
		at += 0.3 * rng.ExpFloat64()
		x := model.Event{S: at, E: at + 1e-4, Admitted: rng.IntN(2)}
		x.Limited = 1 - x.Admitted
		events = append(events, x)
	}
	return events
}
