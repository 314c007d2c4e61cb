package infer

import (
	"slices"
	"testing"
)

// A limit that recovers while it would be spent one by one is found over a long way: its
// bursts go out at once.
func TestSwiftLimitsOverALongWay(t *testing.T) {
	t.Parallel()
	spec := "fixed-window,align=process-start,limit=60,window=1s,by=user,headers=none"
	tr, _ := assess(t, world{specs: []string{spec}, roster: twoOfEach(), seed: 1, net: longWay})
	ls := Judge(tr).Limits
	if len(ls) != 1 || !slices.Equal(ls[0].Scope, []string{"user"}) || !within(ls[0].Limit, 60, 0) || !within(ls[0].WindowS, 1, 0.1) {
		t.Errorf("%+v", ls)
	}
}
