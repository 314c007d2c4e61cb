package sim

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHeapGivesTheEarliestFirst(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		var h heap
		var got, want []event
		for i := range random.IntN(40) {
			e := event{at: time.Duration(random.IntN(10)), kind: kind(random.IntN(3)), index: i}
			h.push(e)
			want = append(want, e)
		}
		slices.SortFunc(want, func(a, b event) int {
			if a.before(b) {
				return -1
			}
			return 1
		})
		for h.len() > 0 {
			first := h.first()
			got = append(got, h.pop())
			if first != got[len(got)-1] {
				t.Fatalf("%+v came out, %+v was first", got[len(got)-1], first)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("out came\n%+v, want\n%+v", got, want)
		}
	}
}
