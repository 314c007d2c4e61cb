package model_test

import (
	"math"
	"testing"

	"apisonde/analyze/model"
)

// A request of which nothing is known was counted or not: the model allows either,
// and no third.
func TestRequestsInDoubt(t *testing.T) {
	one := func(s float64, admitted, limited, unknown int) model.Event {
		return model.Event{S: s, E: s + 0.001, Admitted: admitted, Limited: limited, Unknown: unknown}
	}
	for _, name := range []string{"fixed window", "fixed window from the first request", "sliding log", "sliding counter from the first request"} {
		m := model.New(variant(t, name), model.Params{L: 7, W: 100, Phase: -1})
		for admitted, want := range map[int]bool{4: false, 5: true, 6: true, 7: true, 8: false} {
			c := m.Run([]model.Event{one(0, 3, 0, 0), one(1, 0, 0, 2), one(2, admitted-3, 3, 0)}, math.Inf(1))
			if possible := c.Violation == 0; possible != want {
				t.Errorf("%s of 7, 2 requests in doubt, %d admitted: possible is %v (%+v)", name, admitted, possible, c)
			}
		}
	}
	// What follows is told by the account that turned out right.
	m := model.New(variant(t, "sliding log"), model.Params{L: 7, W: 100})
	m.Run([]model.Event{one(0, 3, 0, 0), one(1, 0, 0, 1), one(2, 3, 3, 0)}, math.Inf(1))
	if lo, hi := m.Bounds(3, 3.001); lo != 0 || hi != 0 {
		t.Errorf("with one counted after all, %v to %v are left", lo, hi)
	}
}
