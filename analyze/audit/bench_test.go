package audit_test

import (
	"testing"

	"apisonde/analyze/audit"
	"apisonde/analyze/infer"
)

func BenchmarkOf(b *testing.B) {
	tr, v := probe(b, 1, lan, "sliding-log,limit=60,window=5s,headers=github")
	outcomes := infer.Outcomes(tr)
	b.Logf("%d observations", len(tr.Observations))
	b.ReportAllocs()
	for b.Loop() {
		audit.Of(tr, outcomes, v.Limits)
	}
}
