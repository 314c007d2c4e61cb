package infer

import (
	"fmt"
	"os"
	"testing"
	"time"

	"apisonde/probe/lab/limit"
	"apisonde/probe/sim"
	"apisonde/probe/trace"
)

func trialRoster() trace.Roster {
	return trace.Roster{
		Vantages: []string{"127.0.0.1", "127.0.0.2"}, Keys: []trace.Key{{Name: "k1"}, {Name: "k2"}},
		Users: []string{"u1", "u2"}, Routes: []string{"/", "/a", "/b"},
	}
}

func TestTrial(t *testing.T) {
	specs := [][]string{
		{"fixed-window,limit=30,window=5s,by=key"}, {"fixed-window,limit=30,window=15s,by=user,align=first-request"},
		{"token-bucket,rate=10,burst=20,by=ip"}, {"token-bucket,rate=5,burst=15,by=ip+key"}, {"sliding-log,limit=20,window=10s,by=user"},
		{"sliding-counter,limit=30,window=10s,by=ip"}, {"none"}, {"fixed-window,limit=200,window=30s,by=global,align=first-request"},
	}
	if s := os.Getenv("TRIAL"); s != "" {
		specs = [][]string{{s}}
	}
	for _, sp := range specs {
		st, err := limit.Parse(sp)
		if err != nil {
			t.Fatal(err)
		}
		r := trialRoster()
		b := trace.Budget{MaxRequests: 2700, MaxDuration: 6 * time.Minute, MaxInflight: 256}
		e := New(Config{Roster: r, Budget: b, Loopback: true, Seed: 1})
		t0 := time.Now()
		var d interface {
			Observe(trace.Observation) trace.Outcome
		} = e
		_ = d
		tr := sim.Run(&spy{e, t}, sim.Config{Stack: st, Roster: r, Budget: b, Seed: 7, Net: sim.Net{RTT: 300 * time.Microsecond, Jitter: 200 * time.Microsecond}})
		t1 := time.Now()
		tr.Meta.Roster = r
		j := Judge(tr)
		fmt.Printf("%v\n   %s req %d wall %.1f cpu %v judge %v\n", sp, j.Outcome, j.Cost.Requests, j.Cost.WallS, t1.Sub(t0), time.Since(t1))
		for _, l := range j.Limits {
			fmt.Printf("   scope %v %v alg %s %v conf %.3f/%.3f", l.Scope, len(l.ScopeCandidates), l.Algorithm, l.Equivalent, l.AlgorithmConfidence, l.Confidence)
			if l.Limit != nil {
				fmt.Printf(" L %v", *l.Limit)
			}
			if l.WindowS != nil {
				fmt.Printf(" W %.4v", *l.WindowS)
			}
			if l.RatePerS != nil {
				fmt.Printf(" r %.4v", *l.RatePerS)
			}
			if l.Alignment != nil {
				fmt.Printf(" %v", *l.Alignment)
			}
			fmt.Println()
		}
	}
}
