package infer

import (
	"testing"
	"time"

	"apisonde/probe/lab/limit"
	"apisonde/probe/sim"
	"apisonde/probe/trace"
)

// BenchmarkIdentification is the computing that one identification costs, the
// verdict and the simulated server included, with how much of it each answer
// takes.
func BenchmarkIdentification(b *testing.B) {
	for _, spec := range []string{
		"fixed-window,align=clock,limit=30,window=5s,by=key",
		"fixed-window,align=first-request,limit=30,window=5s,by=key",
		"fixed-window,align=first-request,limit=30,window=5s,by=ip,penalty=8s",
		"sliding-log,limit=30,window=5s,by=key",
		"sliding-counter,align=clock,limit=30,window=5s,by=key",
		"sliding-counter,align=first-request,limit=30,window=5s,by=ip",
		"token-bucket,rate=4,burst=30,by=user",
	} {
		b.Run(spec, func(b *testing.B) {
			sent := 0
			for seed := uint64(1); b.Loop(); seed++ {
				stack, err := limit.Parse([]string{spec + ",headers=none"})
				if err != nil {
					b.Fatal(err)
				}
				budget := trace.Budget{MaxRequests: 20000, MaxDuration: 20 * time.Minute, MaxInflight: 256}
				e := New(Config{Roster: twoOfEach(), Budget: budget, Seed: seed})
				tr := sim.Run(e, sim.Config{Stack: stack, Roster: twoOfEach(), Budget: budget, Seed: seed, Loopback: true, Net: loopback})
				Judge(tr)
				sent += len(tr.Observations)
			}
			b.ReportMetric(float64(sent)/float64(b.N), "requests/op")
			b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}
