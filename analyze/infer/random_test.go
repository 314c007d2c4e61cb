package infer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"apisonde/analyze/verdict"
	"apisonde/probe/lab/limit"
	"apisonde/probe/sim"
	"apisonde/probe/trace"
)

var fams = []string{"fw-clock", "fw-first", "fw-proc", "log", "logr", "ctr-clock", "ctr-proc", "ctr-first", "ctrr", "tb", "fw-last", "pen", "penx"}

func randomSpec(r *rand.Rand, fam string) string {
	L := int(math.Round(3 * math.Exp(r.Float64()*math.Log(500.0/3))))
	W := math.Exp(r.Float64() * math.Log(60))
	if r.IntN(2) == 0 {
		nice := []float64{1, 2, 5, 10, 15, 20, 30, 60}
		W = nice[r.IntN(len(nice))]
	}
	w := fmt.Sprintf("%.3fs", W)
	by := []string{"global", "ip", "key", "user", "ip+key", "ip+route", "key+route", "ip+user"}[r.IntN(8)]
	tail := ",by=" + by + ",headers=none"
	switch fam {
	case "fw-clock":
		return fmt.Sprintf("fixed-window,limit=%d,window=%s,align=clock", L, w) + tail
	case "fw-first":
		return fmt.Sprintf("fixed-window,limit=%d,window=%s,align=first-request", L, w) + tail
	case "fw-proc":
		return fmt.Sprintf("fixed-window,limit=%d,window=%s,align=process-start", L, w) + tail
	case "fw-last":
		return fmt.Sprintf("fixed-window,limit=%d,window=%s,align=last-request,count-rejected", L, w) + tail
	case "log":
		return fmt.Sprintf("sliding-log,limit=%d,window=%s", L, w) + tail
	case "logr":
		return fmt.Sprintf("sliding-log,limit=%d,window=%s,count-rejected", L, w) + tail
	case "ctr-clock":
		return fmt.Sprintf("sliding-counter,limit=%d,window=%s,align=clock", L, w) + tail
	case "ctr-proc":
		return fmt.Sprintf("sliding-counter,limit=%d,window=%s,align=process-start", L, w) + tail
	case "ctr-first":
		return fmt.Sprintf("sliding-counter,limit=%d,window=%s,align=first-request", L, w) + tail
	case "ctrr":
		return fmt.Sprintf("sliding-counter,limit=%d,window=%s,align=clock,count-rejected", L, w) + tail
	case "tb":
		rate := math.Min(60, float64(L)/W)
		return fmt.Sprintf("token-bucket,rate=%.3f,burst=%d", rate, L) + tail
	case "pen":
		return fmt.Sprintf("fixed-window,limit=%d,window=%s,align=first-request,penalty=%.3fs", L, w, W*(1.2+2*r.Float64())) + tail
	case "penx":
		return fmt.Sprintf("fixed-window,limit=%d,window=%s,align=first-request,penalty=%.3fs,penalty-extends", L, w, W*(1.2+2*r.Float64())) + tail
	}
	return ""
}

func TestRandom(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("N"))
	if n == 0 {
		t.SkipNow()
	}
	use := fams
	if f := os.Getenv("FAM"); f != "" {
		use = strings.Split(f, ",")
	}
	seed0, _ := strconv.Atoi(os.Getenv("SEED"))
	rttms, _ := strconv.ParseFloat(os.Getenv("RTT"), 64)
	if rttms == 0 {
		rttms = 0.4
	}
	type agg struct{ n, scope, fam, L, W, confident, wrongc, in, figs int }
	tot := map[string]*agg{}
	var over, wall, cpu []float64
	for i := range n {
		fam := use[i%len(use)]
		rng := rand.New(rand.NewPCG(uint64(seed0), uint64(i)))
		spec := randomSpec(rng, fam)
		if rep := os.Getenv("REP"); rep != "" && rep != strconv.Itoa(i) {
			continue
		}
		st, err := limit.Parse([]string{spec})
		if err != nil {
			t.Fatal(err)
		}
		truth := st.Truth()[0]
		r := trialRoster()
		b := trace.Budget{MaxRequests: 12*truth.Limit + 2000, MaxDuration: 20 * time.Minute, MaxInflight: 256}
		e := New(Config{Roster: r, Budget: b, Loopback: true, Seed: uint64(i)})
		t0 := time.Now()
		tr := sim.Run(&spy{e, t}, sim.Config{Stack: st, Roster: r, Budget: b, Seed: uint64(i), Net: sim.Net{RTT: time.Duration(rttms * 1e6), Jitter: time.Duration(rttms * 5e5), Think: 30 * time.Millisecond}})
		tr.Meta.Roster = r
		j := Judge(tr)
		cpu = append(cpu, time.Since(t0).Seconds())
		a := tot[fam]
		if a == nil {
			a = &agg{}
			tot[fam] = a
		}
		a.n++
		if len(j.Limits) == 0 {
			fmt.Printf("%d NO LIMIT %s: %s\n", i, spec, j.Outcome)
			continue
		}
		l := j.Limits[0]
		W := truth.Window.Seconds()
		sc := l.Scope != nil && slices.Equal(l.Scope, truth.Scope)
		fm := l.Algorithm == truth.Algorithm || slices.Contains(l.Equivalent, truth.Algorithm)
		lk := l.Limit != nil && l.Limit.Value == float64(truth.Limit)
		tol := 0.02
		wk := l.WindowS != nil && math.Abs(l.WindowS.Value/W-1) < tol
		in := func(f *verdict.Figure, v float64) {
			if f != nil {
				a.figs++
				if f.Lo <= v*(1+1e-9) && v*(1-1e-9) <= f.Hi {
					a.in++
				}
			}
		}
		in(l.Limit, float64(truth.Limit))
		if truth.Algorithm == "token-bucket" {
			wk = l.RatePerS != nil && math.Abs(l.RatePerS.Value/truth.Rate-1) < 0.05
			lk = l.Limit != nil && math.Abs(l.Limit.Value-float64(truth.Limit)) <= 1
			W = float64(truth.Limit) / truth.Rate
			in(l.RatePerS, truth.Rate)
		} else {
			in(l.WindowS, W)
		}
		W = math.Max(W, truth.Penalty.Seconds())
		a.scope += b2i(sc)
		a.fam += b2i(fm)
		a.L += b2i(lk)
		a.W += b2i(wk)
		ok := sc && fm && lk && wk
		if l.Confidence >= 0.9 {
			a.confident++
			if l.Scope != nil && !sc || !fm || l.Limit != nil && !lk || l.WindowS != nil && math.Abs(l.WindowS.Value/W-1) > 0.03 {
				a.wrongc++
			}
		}
		over = append(over, float64(j.Cost.Requests)/float64(truth.Limit+1))
		wall = append(wall, j.Cost.WallS/W)
		if !ok || os.Getenv("V") != "" {
			fmt.Printf("%d %s\n    %s %v conf %.2f scope %v/%d", i, spec, l.Algorithm, l.Equivalent, l.Confidence, l.Scope, len(l.ScopeCandidates))
			if l.Limit != nil {
				fmt.Printf(" L %v", *l.Limit)
			}
			if l.WindowS != nil {
				fmt.Printf(" W %.4v", *l.WindowS)
			}
			if l.RatePerS != nil {
				fmt.Printf(" r %.4v", *l.RatePerS)
			}
			fmt.Printf(" req %d wall/W %.1f ok:%v%v%v%v\n", j.Cost.Requests, j.Cost.WallS/W, sc, fm, lk, wk)
		}
	}
	q := func(x []float64, p float64) float64 {
		if len(x) == 0 {
			return 0
		}
		slices.Sort(x)
		return x[int(p*float64(len(x)-1))]
	}
	for f, a := range tot {
		fmt.Printf("%-10s n %d scope %d fam %d L %d W %d | confident %d wrong %d | in %d/%d\n", f, a.n, a.scope, a.fam, a.L, a.W, a.confident, a.wrongc, a.in, a.figs)
	}
	fmt.Printf("over med %.1f p90 %.1f | wall med %.1f p90 %.1f | cpu med %.2f p90 %.2f\n", q(over, .5), q(over, .9), q(wall, .5), q(wall, .9), q(cpu, .5), q(cpu, .9))
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
