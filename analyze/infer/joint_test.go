package infer

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"apisonde/probe/trace"
)

// bent is what a reading may take a limit for that was given a refusal of the other's.
func bent(q particle, by float64) particle {
	q.p.W *= by
	return q
}

func TestTwoLimitsAreToldApartTogether(t *testing.T) {
	for _, c := range []struct {
		specs  []string
		parts  [2]scope
		charge bool
	}{
		{
			[]string{"fixed-window,align=first-request,limit=9,window=1.3s,by=ip", "sliding-log,limit=32,window=21s,by=global"},
			[2]scope{scopeOf(trace.DimIP), 0}, true,
		},
		{
			[]string{"token-bucket,rate=4,burst=8,by=key", "fixed-window,align=first-request,limit=40,window=25s,by=user"},
			[2]scope{scopeOf(trace.DimKey), scopeOf(trace.DimUser)}, true,
		},
	} {
		tr, stack := assess(t, world{specs: c.specs, roster: twoOfEach(), seed: 3, net: loopback})
		r := recordOf(tr.Meta)
		for _, o := range tr.Observations {
			r.observe(o)
		}
		whole := &reading{r: r, rng: rand.New(rand.NewPCG(1, 2))}
		d := whole.together(&reading{part: c.parts[0], charged: c.charge}, &reading{part: c.parts[1]})
		var truth [2]particle
		for k, of := range stack.Truth() {
			m := truthModel(t, of, tr.Meta.Started, tr.Meta.Started)
			truth[k] = particle{v: m.V, p: m.Params}
		}
		if cost := d.weigh(pair{truth[0], truth[1]}, math.Inf(1)); cost > explained {
			t.Errorf("%v: the truth costs %.1f", c.specs, cost)
		}
		want := slices.Clone(d.judgedBy)
		for _, o := range []owner{inners, outers} {
			if !slices.Contains(want, o) {
				t.Fatalf("%v: no refusal of limit %d to tell", c.specs, o)
			}
		}
		in, out := bent(truth[0], 1.06), bent(truth[1], 0.93)
		if cost := d.weigh(pair{in, out}, math.Inf(1)); cost < explained {
			t.Fatalf("%v: what is bent explains the record as well, at %.1f", c.specs, cost)
		}
		best, owners, cost := d.search([]particle{in}, []particle{out})
		if cost > explained {
			t.Errorf("%v: the search ends at %.1f", c.specs, cost)
		}
		wrong := 0
		for i, o := range owners {
			if o != want[i] && o != eithers && want[i] != eithers {
				wrong++
			}
		}
		if wrong > 0 {
			t.Errorf("%v: %d refusals given to the wrong limit", c.specs, wrong)
		}
		for k, q := range []particle{best.in, best.out} {
			if off := math.Abs(q.p.W/truth[k].p.W - 1); off > 0.03 {
				t.Errorf("%v: limit %d is off by %.1f %%", c.specs, k, 100*off)
			}
		}
	}
}

// What else explains two limits' record stays within the same nats, and spreads.
func TestOtherWaysToShareRefusals(t *testing.T) {
	specs := []string{"sliding-counter,align=clock,limit=13,window=3s,by=route", "sliding-counter,align=clock,limit=40,window=30s,by=key"}
	tr, stack := assess(t, world{specs: specs, roster: twoOfEach(), seed: 3, net: loopback})
	r := recordOf(tr.Meta)
	for _, o := range tr.Observations {
		r.observe(o)
	}
	whole := &reading{r: r, rng: rand.New(rand.NewPCG(1, 2))}
	d := whole.together(&reading{part: scopeOf(trace.DimRoute), charged: true}, &reading{part: scopeOf(trace.DimKey)})
	var truth pair
	for k, of := range stack.Truth() {
		m := truthModel(t, of, tr.Meta.Started, tr.Meta.Started)
		*[]*particle{&truth.in, &truth.out}[k] = particle{v: m.V, p: m.Params}
	}
	base := d.weigh(truth, math.Inf(1))
	others := d.around(truth)
	lo, hi := math.Inf(1), 0.0
	for _, p := range others {
		if c := d.weigh(p, math.Inf(1)); c > base+duetMore {
			t.Fatalf("a pair that costs %.2f, where the truth costs %.2f", c, base)
		}
		lo, hi = math.Min(lo, p.in.p.W), math.Max(hi, p.in.p.W)
	}
	if !(lo < truth.in.p.W && truth.in.p.W < hi) {
		t.Errorf("inner windows from %v to %v, where the truth is %v", lo, hi, truth.in.p.W)
	}
}
