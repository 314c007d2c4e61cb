package infer

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"apisonde/analyze/model"
	"apisonde/probe/lab/limit"
	"apisonde/probe/trace"
)

// struck is the record of what limiters of the lab made of bursts: so many requests of the
// baseline each, so many seconds after the one before, and one of the other key after
// every third.
func struck(t *testing.T, specs []string, bursts [][2]float64) *record {
	t.Helper()
	stack, err := limit.Parse(specs)
	if err != nil {
		t.Fatal(err)
	}
	r := newRecord(twoOfEach())
	start, now, step := time.Unix(1_700_000_000, 0), 0.0, 0
	send := func(id trace.Identity) {
		outcome := trace.Limited
		if stack.Decide(start.Add(duration(now+0.0002)), limit.Request{IP: id.Vantage, Key: id.Key, User: id.User, Route: "/"}).Admit {
			outcome = trace.Admitted
		}
		s := at(now, id, "/", outcome)
		s.step, s.seq = step, len(r.samples)
		r.keep(s)
		now += 0.0006
	}
	other := r.base()
	other.Key = "k2"
	for i, b := range bursts {
		now += b[1]
		step++
		for range int(b[0]) {
			send(r.base())
		}
		if i%3 == 2 {
			send(other)
		}
	}
	return r
}

// Two limits are told apart although the outer one refused before the inner one was known.
func TestTwoLimitsAreToldApartAfresh(t *testing.T) {
	specs := []string{"sliding-log,limit=7,window=4.4s,by=key", "token-bucket,rate=0.45,burst=21,by=user"}
	rng := rand.New(rand.NewPCG(1, 2))
	bursts := [][2]float64{{9, 0}, {3, 2}, {9, 2.5}, {4, 1}, {6, 3.5}}
	for range 60 {
		bursts = append(bursts, [2]float64{float64(1 + rng.IntN(8)), 0.3 + 6*rng.Float64()})
	}
	r := struck(t, specs, bursts)
	x := &reading{r: r, rng: rng, part: scopeOf(trace.DimKey)}
	x.post = glance(r.arms(x.part), nil, rng)
	if !x.post.strained() && x.post.misfit <= misfitLimit {
		t.Fatal("one limit explains it all, so nothing is to be told apart")
	}
	head := &reading{r: r.prefix(9), rng: rng, part: x.part}
	head.post = glance(head.r.arms(x.part), nil, rng)
	inner, outer, ok := x.afresh([]*reading{head})
	if !ok {
		t.Fatal("nothing was found")
	}
	for _, c := range []struct {
		of    *reading
		core  model.Core
		l, w  float64
		scope scope
	}{
		{inner, model.CoreLog, 7, 4.4, scopeOf(trace.DimKey)},
		{outer, model.CoreBucket, 21, 1 / 0.45, scopeOf(trace.DimUser)},
	} {
		top, _ := c.of.post.leader()
		f := &c.of.post.fits[top]
		q := f.best1()
		if f.v.Core != c.core || q.p.L != c.l || math.Abs(q.p.W/c.w-1) > 0.05 {
			t.Errorf("%s %+v, want %v of %v s", f.v.Name, q.p, c.l, c.w)
		}
		if !slices.Contains(c.of.scopes, c.scope) {
			t.Errorf("scopes %v without %v", c.of.scopes, c.scope)
		}
	}
}

// What one limit explains is not told apart into two.
func TestNothingIsToldApartWithoutAHead(t *testing.T) {
	x := &reading{r: newRecord(twoOfEach()), rng: rand.New(rand.NewPCG(1, 2))}
	if _, _, ok := x.afresh(nil); ok {
		t.Error("two limits in nothing")
	}
}

// Where no other way of counting makes sense at so quick a pace, none is walked.
func TestExchangesAreWhole(t *testing.T) {
	r := struck(t, []string{"token-bucket,rate=100,burst=1,by=key"}, [][2]float64{{9, 0}, {9, 1}, {9, 1}})
	x := &reading{r: r, rng: rand.New(rand.NewPCG(1, 2))}
	s := &afresh{x: x, scopes: r.splits(), duets: map[[2]scope]*duet{}, draws: map[scope]*proposer{}}
	i := slices.IndexFunc(model.Bank, func(v model.Variant) bool { return v.Core == model.CoreBucket })
	quick := particle{v: &model.Bank[i], p: model.Params{L: 1, W: 1e-3}} // windows are no shorter than 20 ms
	got := s.exchanged(start{weighed: weighed{pair: pair{quick, quick}}})
	if len(got) < 2 {
		t.Fatalf("%d exchanges", len(got))
	}
	for _, e := range got {
		if e.in.v == nil || e.out.v == nil {
			t.Errorf("half a pair, at a cost of %v", e.cost)
		}
	}
}

// A limit that let everything through that it did is no smaller than that took.
func TestLeastLimit(t *testing.T) {
	evs := []model.Event{{S: 0, E: 0.001, Admitted: 4}, {S: 0.5, E: 0.5, Admitted: 1}, {S: 1.2, E: 1.2, Admitted: 2}, {S: 1.3, E: 1.3, Limited: 1}}
	p := newProposer([][]model.Event{evs}, rand.New(rand.NewPCG(1, 2)))
	for name, c := range map[string]struct {
		p    model.Params
		want float64
	}{
		"sliding log":                         {model.Params{W: 1}, 5},
		"fixed window from the first request": {model.Params{W: 2}, 7},
		"token bucket":                        {model.Params{W: 0.5}, 5}, // 4, less 1 until 0.5 s, plus 1, less 1.4, plus 2: 4.6
	} {
		i := slices.IndexFunc(model.Bank, func(v model.Variant) bool { return v.Name == name })
		if got := p.least(particle{v: &model.Bank[i], p: c.p}); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// Callers who were never seen apart split a record in one way.
func TestSplitsAreDifferent(t *testing.T) {
	r := newRecord(twoOfEach())
	other := r.base()
	other.Key = "k2"
	r.keep(at(0, r.base(), "/", trace.Admitted))
	r.keep(at(1, other, "/", trace.Admitted))
	r.keep(at(2, r.base(), "/a", trace.Admitted))
	// By nothing, by key, by route, by both.
	if got := r.splits(); len(got) != 4 {
		t.Errorf("%d ways: %v", len(got), got)
	}
}
