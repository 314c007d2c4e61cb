package faulttest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"apisonde/analyze"
	"apisonde/analyze/infer"
	"apisonde/analyze/verdict"
	"apisonde/probe/lab/limit"
	"apisonde/probe/sim"
	"apisonde/probe/trace"
)

// drifting are the faults of the path, in virtual time.
func drifting() []fault {
	return []fault{
		{78, "answers up to 300 ms late", func(t *testing.T) {
			covers(t, func(r *rand.Rand) sim.Net {
				return sim.Net{RTT: 20 * time.Millisecond, Jitter: time.Duration(r.Float64() * 300 * float64(time.Millisecond))}
			})
		}},
		{80, "requests that overtake each other", func(t *testing.T) {
			covers(t, func(*rand.Rand) sim.Net {
				return sim.Net{RTT: 2 * time.Millisecond, Jitter: 60 * time.Millisecond}
			})
		}},
	}
}

// covers sees that of the figures stated about random limiters behind such a path
// at least 95 of 100 hold the truth.
func covers(t *testing.T, path func(*rand.Rand) sim.Net) {
	seeds := some(make([]int, 4), make([]int, 196)...)
	stated, missed := 0, 0
	for seed := range seeds {
		r := rand.New(rand.NewPCG(uint64(seed), 78))
		spec, want := drawn(r)
		stack, err := limit.Parse([]string{spec})
		if err != nil {
			t.Fatal(err)
		}
		v := simulated(stack, path(r), uint64(seed))
		for _, l := range v.Limits {
			for _, f := range []struct {
				have  *verdict.Figure
				truth float64
			}{{l.Limit, want.limit}, {l.RatePerS, want.rate}} {
				if f.have == nil || f.truth == 0 {
					continue
				}
				stated++
				if f.have.Lo > f.truth*1.0001 || f.have.Hi < f.truth*0.9999 {
					missed++
					t.Logf("seed %d, %s: %+v, the truth is %v", seed, spec, *f.have, f.truth)
				}
			}
		}
	}
	t.Logf("%d figures stated in %d runs, %d wrong", stated, len(seeds), missed)
	// A twentieth may be wrong by the meaning of the intervals. Of a few figures
	// more may be, by chance.
	most := stated / 20
	if !longForms() {
		most = stated / 3
	}
	if missed > most {
		t.Errorf("%d of %d figures do not hold the truth", missed, stated)
	}
	if stated < len(seeds)/2 {
		t.Errorf("%d figures were stated in %d runs: nothing is learnt", stated, len(seeds))
	}
}

// figures are the truth about a limiter.
type figures struct{ limit, rate float64 }

// drawn is a random limiter.
func drawn(r *rand.Rand) (string, figures) {
	n := 5 + r.IntN(60)
	w := 2 + 20*r.Float64()
	rate := float64(n) / w
	switch r.IntN(3) {
	case 0:
		return fmt.Sprintf("fixed-window,limit=%d,window=%.3fs,by=key,align=first-request", n, w), figures{float64(n), 0}
	case 1:
		return fmt.Sprintf("sliding-log,limit=%d,window=%.3fs,by=key", n, w), figures{float64(n), 0}
	}
	return fmt.Sprintf("token-bucket,rate=%.4f,burst=%d,by=key", rate, n), figures{float64(n), rate}
}

// simulated is the verdict of a run over such a path.
func simulated(stack *limit.Stack, path sim.Net, seed uint64) verdict.Verdict {
	roster := trace.Roster{Vantages: []string{"127.0.0.1"}, Keys: []trace.Key{{Name: "k1"}}, Routes: []string{"/"}}
	budget := trace.Budget{MaxRequests: 3000, MaxDuration: 15 * time.Minute, MaxInflight: 64}
	path.Think = 20 * time.Millisecond
	e := infer.New(infer.Config{Roster: roster, Budget: budget, Seed: seed})
	tr := sim.Run(e, sim.Config{Stack: stack, Roster: roster, Budget: budget, Seed: seed, Loopback: true, Net: path})
	return analyze.Conclude(tr, verdict.Tool{Name: "apisonde", Version: "test"})
}
