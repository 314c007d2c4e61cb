package infer

import (
	"math"
	"math/rand/v2"
)

// metropolis is a walk from at, which costs that much, in nats (Metropolis et al., 1953):
// what propose makes of where it stands is taken where it costs no more than chance allows
// at the heat of that step. propose says whether it made anything of sense, and weigh gives
// up beyond a limit. meet is told of every place on the way until it returns false.
func metropolis[T any](rng *rand.Rand, steps int, at T, cost float64, propose func(T) (T, bool),
	weigh func(x T, limit float64) float64, heat func(step int) float64, meet func(x T, cost float64) bool) {
	for k := range steps {
		next, ok := propose(at)
		if !ok {
			continue
		}
		limit := cost - heat(k)*math.Log(rng.Float64()+1e-12)
		c := weigh(next, limit)
		if c > limit {
			continue
		}
		if at, cost = next, c; !meet(at, cost) {
			return
		}
	}
}
