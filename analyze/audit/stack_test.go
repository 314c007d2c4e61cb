package audit_test

import (
	"testing"
	"time"

	"apisonde/analyze"
	"apisonde/analyze/infer"
	"apisonde/analyze/verdict"
	"apisonde/probe/lab/limit"
	"apisonde/probe/sim"
	"apisonde/probe/trace"
)

// roster has two values of everything that the practice server counts by.
func roster() trace.Roster {
	return trace.Roster{
		Vantages: []string{"127.0.0.1", "127.0.0.2"}, Keys: []trace.Key{{Name: "k1"}, {Name: "k2"}},
		Users: []string{"u1", "u2"}, Routes: []string{"/", "/a", "/b"},
	}
}

// probe assesses a stack of the practice server's limiters in virtual time.
func probe(t testing.TB, seed uint64, net sim.Net, specs ...string) (trace.Trace, verdict.Verdict) {
	t.Helper()
	st, err := limit.Parse(specs)
	if err != nil {
		t.Fatal(err)
	}
	b := trace.Budget{MaxRequests: 1500, MaxDuration: 6 * time.Minute, MaxInflight: 256}
	e := infer.New(infer.Config{Roster: roster(), Budget: b, Seed: seed})
	tr := sim.Run(e, sim.Config{Stack: st, Roster: roster(), Budget: b, Seed: seed, Net: net})
	return tr, analyze.Conclude(tr, verdict.Tool{})
}
