package infer

import (
	"math/rand/v2"
	"testing"
	"time"

	"apisonde/analyze/model"
	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// explaining is a reading that explains everything by one variant.
func explaining(part scope) *reading {
	v := &model.Bank[0]
	p := &posterior{fits: []fit{{v: v, parts: []particle{{v: v, p: model.Params{L: 5, W: 1}}}}}, prob: []float64{1}}
	return &reading{part: part, scopes: []scope{part}, post: p}
}

// What is learnt of one of two limits holds when the other one is asked about.
func TestSplitLearnsWhatIsAsked(t *testing.T) {
	byIP, byKey := scopeOf(trace.DimIP), scopeOf(trace.DimKey)
	inner, outer := explaining(byIP), explaining(byKey)
	outer.charged = true
	s := &split{inner: inner, outer: outer, outside: true}
	sharper := explaining(byKey)
	s.learn(sharper)
	if s.outer.post != sharper.post || !s.outer.charged || s.inner.post != inner.post {
		t.Error("the outer limit is not what was learnt, or something else has changed")
	}
	contradicted, open := explaining(byKey), explaining(byIP)
	contradicted.post.misfit = 2 * misfitLimit
	open.scopes = []scope{byIP, byKey} // it may be as it was
	for _, x := range []*reading{contradicted, open} {
		if s.learn(x); s.outer.post != sharper.post {
			t.Errorf("%v of %v was learnt of", x.part, x.scopes)
		}
	}
	other := explaining(byIP) // and nothing else is left
	if s.learn(other); s.outer.post != other.post || s.outer.part != byIP || !s.outer.charged {
		t.Errorf("callers by which it splits are %v, want those that are left", s.outer.part)
	}
}

// The inner of two limits is learnt although the outer one refuses most of what asks
// for it: that is left to rest.
func TestInnerLimitIsLearntWhileTheOuterOneRests(t *testing.T) {
	specs := []string{"fixed-window,align=first-request,limit=9,window=1.3s,by=ip,headers=none", "sliding-log,limit=32,window=21s,by=global,headers=none"}
	tr, _ := assess(t, world{specs: specs, roster: twoOfEach(), seed: 3, net: loopback})
	for _, l := range Judge(tr).Limits {
		if !within(l.Limit, 9, 0) {
			continue
		}
		if w := l.WindowS; !within(w, 1.3, 0.03) || w.Hi-w.Lo > 0.15*w.Value || w.Lo > 1.3 || w.Hi < 1.3 {
			t.Errorf("window %+v", w)
		}
		return
	}
	t.Error("the inner limit was not met")
}

// What a search may cost is its own: whose the limit is may have taken more than usual.
func TestSearchPaysForItselfAlone(t *testing.T) {
	r := newRecord(oneOfEach())
	for i := range 70 {
		r.keep(at(float64(i), r.base(), "/", trace.Admitted))
	}
	var q identify
	if n := q.spent(r); n != 0 {
		t.Errorf("%d requests, before the first", n)
	}
	r.keep(at(70, r.base(), "/", trace.Limited))
	if n := q.spent(r); n != 1 {
		t.Errorf("%d requests, of one", n)
	}
}

// A limit that is never met from rest may be one more by another rounding: a walk goes
// from either to the other in one step.
func TestRoundingsTradeForOneRequest(t *testing.T) {
	f := newFitter([][]model.Event{{{S: 0, E: 1, Admitted: 1}}}, 1, rand.New(rand.NewPCG(1, 2)))
	var counter *model.Variant
	for i := range model.Bank {
		if model.Bank[i].Name == "sliding counter" {
			counter = &model.Bank[i]
		}
	}
	from := model.Params{L: 67, W: 60, K: float64(model.RoundBelow)}
	for range 10_000 {
		q := from
		if f.perturb(counter, &q); q == (model.Params{L: 68, W: 60, K: float64(model.RoundFits)}) {
			return
		}
	}
	t.Error("never in one step")
}

// What a block covers is known well or hardly.
func TestWindowsBelowABlockAreNarrowOrInDoubt(t *testing.T) {
	of := func(lo, hi float64, penalty bool) *verdict.Limit {
		l := &verdict.Limit{WindowS: &verdict.Figure{Value: 4, Lo: lo, Hi: hi}}
		if penalty {
			l.Rejection.PenaltyS = &verdict.Figure{Value: 9, Lo: 9, Hi: 9}
		}
		return l
	}
	for _, c := range []struct {
		l    *verdict.Limit
		want bool
	}{
		{of(3.6, 4.5, true), true},
		{of(3.6, 4.5, false), false},
		{of(3.95, 4.05, true), false},
		{of(3, 5, false), true},
	} {
		if got := farOff(c.l); got != c.want {
			t.Errorf("%+v, a penalty %v: %v", *c.l.WindowS, c.l.Rejection.PenaltyS != nil, got)
		}
	}
}

// Two limits that are nearly the same, or of which one was hardly met, are no sure thing.
func TestHowSureTwoLimitsAre(t *testing.T) {
	sure := sureOfTwo(10, 60, manyBouts)
	if sure < 0.9 {
		t.Errorf("at most %v of two limits that were met again and again", sure)
	}
	for _, got := range []float64{sureOfTwo(12, 14, manyBouts), sureOfTwo(14, 12, manyBouts), sureOfTwo(10, 60, 1)} {
		if got >= 0.9 {
			t.Errorf("%v", got)
		}
	}
}

// A steady series keeps its pace, and no multiple of its gaps is met again and again.
func TestSteadySeriesMeetNoWindowEvenly(t *testing.T) {
	e := New(Config{Roster: oneOfEach(), Seed: 1})
	const gap = 0.16
	sends := burst(counter{e.log.base(), "/"}, 200)
	e.steady(sends, gap)
	gaps := map[time.Duration]bool{}
	for i, s := range sends {
		if late := s.At.Seconds() - float64(i)*gap; late < -1e-9 || late > 0.1*gap {
			t.Fatalf("request %d is %v s late", i, late)
		}
		if i >= 100 { // as far apart as a window of a hundred gaps is long
			gaps[(s.At - sends[i-100].At).Round(time.Millisecond)] = true
		}
	}
	if len(gaps) < 10 {
		t.Errorf("only %d different distances between a hundred requests", len(gaps))
	}
}

// Of many scopes by which a record may split, those are searched that come closest to
// explaining it.
func TestPromisingScopesComeFirst(t *testing.T) {
	tr, _ := assess(t, world{specs: []string{"token-bucket,rate=4,burst=12,by=key,headers=none"}, roster: twoOfEach(), seed: 2, net: loopback})
	r := recordOf(tr.Meta)
	for _, o := range tr.Observations {
		r.observe(o)
	}
	byIP, byKey, byUser := scopeOf(trace.DimIP), scopeOf(trace.DimKey), scopeOf(trace.DimUser)
	x := &reading{r: r, rng: rand.New(rand.NewPCG(1, 2)), part: 0}
	x.scopes = []scope{0, byIP, byUser, byIP | byUser, byKey, byIP | byKey | byUser}
	got := x.promising()
	if len(got) != mostPromising || got[0] != byKey {
		t.Errorf("%v", got)
	}
	x.scopes = []scope{0, byIP, byKey}
	if got := x.promising(); len(got) != 2 {
		t.Errorf("of few, %v", got)
	}
}
