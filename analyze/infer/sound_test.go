package infer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"apisonde/analyze/model"
	"apisonde/probe/lab/limit"
	"apisonde/probe/sim"
	"apisonde/probe/trace"
)

func variantNamed(name string) *model.Variant {
	for i := range model.Bank {
		if model.Bank[i].Name == name {
			return &model.Bank[i]
		}
	}
	panic("no variant " + name)
}

// truthModel is the model of the bank that describes a lab limiter.
func truthModel(t limit.Truth, started, server time.Time) (*model.Variant, model.Params) {
	p := model.Params{L: float64(t.Limit), W: t.Window.Seconds()}
	at := func(origin time.Time) float64 {
		return math.Mod(float64(origin.UnixNano())/1e9-float64(started.UnixNano())/1e9, p.W)
	}
	name := ""
	phase := func() {
		if t.Alignment == "clock" {
			// windows begin at multiples of W since 1970
			p.Phase = -math.Mod(float64(started.UnixNano()%int64(t.Window))/1e9, p.W)
		} else {
			p.Phase = at(server)
		}
	}
	switch t.Algorithm {
	case "token-bucket":
		p.W = 1 / t.Rate
		return variantNamed("token bucket"), p
	case "sliding-log":
		name = "sliding log"
		if t.CountsRejected {
			name += ", rejections counted"
		}
	case "sliding-counter":
		name = "sliding counter"
		if t.Alignment == "first-request" {
			name = "sliding counter from the first request"
		} else {
			phase()
		}
		if t.CountsRejected {
			name += ", rejections counted"
		}
		p.K = float64(model.RoundBelow)
	case "fixed-window":
		switch {
		case t.Penalty > 0 && t.PenaltyExtends:
			name = "fixed window with a growing penalty"
		case t.Penalty > 0:
			name = "fixed window with a penalty"
		case t.Alignment == "first-request":
			name = "fixed window from the first request"
		case t.Alignment == "last-request":
			name = "window renewed by every request"
			if !t.CountsRejected {
				name = "window renewed by admitted requests"
			}
		default:
			name = "fixed window"
			phase()
		}
		p.P = t.Penalty.Seconds()
	}
	return variantNamed(name), p
}

func TestSound(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("S"))
	if n == 0 {
		t.SkipNow()
	}
	rttms, _ := strconv.ParseFloat(os.Getenv("RTT"), 64)
	if rttms == 0 {
		rttms = 0.4
	}
	bad := 0
	for i := range n {
		rng := rand.New(rand.NewPCG(99, uint64(i)))
		fam := fams[i%len(fams)]
		spec := randomSpec(rng, fam)
		st, err := limit.Parse([]string{spec})
		if err != nil {
			t.Fatal(err)
		}
		started := time.Unix(1700000000, 0).Add(time.Duration(rng.Int64N(int64(time.Hour))))
		server := started.Add(-time.Duration(rng.Int64N(int64(time.Hour))))
		st.Start(server)
		r := trialRoster()
		b := trace.Budget{MaxRequests: 12*st.Truth()[0].Limit + 2000, MaxDuration: 20 * time.Minute, MaxInflight: 256}
		e := New(Config{Roster: r, Budget: b, Loopback: true, Seed: uint64(i)})
		sim.Run(e, sim.Config{Stack: st, Roster: r, Budget: b, Seed: uint64(i), Start: started, Net: sim.Net{RTT: time.Duration(rttms * 1e6), Jitter: time.Duration(rttms * 5e5)}})
		truth := st.Truth()[0]
		v, p := truthModel(truth, started, server)
		var s scope
		for _, d := range dims {
			for _, x := range truth.Scope {
				if string(d) == x {
					s |= scopeOf(d)
				}
			}
		}
		for a, ev := range e.log.arms(s) {
			m := model.New(v, p)
			m.Reset()
			for k := range ev {
				lo, hi := m.Bounds(ev[k].S, ev[k].E)
				var c model.Cost
				m.Step(&ev[k], &c)
				if c.Violation > 0 {
					bad++
					fmt.Printf("%d %s arm %d event %d/%d %+v bounds %v %v\n", i, spec, a, k, len(ev), ev[k], lo, hi)
					for q := max(0, k-4); q < k; q++ {
						fmt.Printf("      before %+v\n", ev[q])
					}
					break
				}
			}
		}
	}
	fmt.Println("violations", bad)
}
