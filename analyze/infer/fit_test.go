package infer

import (
	"slices"
	"testing"

	"apisonde/analyze/model"
)

// Many good candidates of one kind leave room for others that are worse so far.
func TestCandidatesOfOneKindDoNotCrowdOutTheRest(t *testing.T) {
	v := &model.Bank[0]
	var cs []candidate
	for i := range 2 * mostCandidates {
		cs = append(cs, candidate{model.Params{L: 10, W: 5 + float64(i)*1e-5}, float64(i) * 1e-3})
	}
	other := candidate{model.Params{L: 10, W: 8}, 5}
	cs = append(cs, other)
	kept := varied(v, cs)
	if !slices.Contains(kept, other) {
		t.Error("the only one of its kind is gone")
	}
	if len(kept) != mostKin+1 || kept[0] != cs[0] {
		t.Errorf("%d kept, of which the first costs %v", len(kept), kept[0].cost)
	}
}
