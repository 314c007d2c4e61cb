package cli

import (
	"bytes"
	"strings"
	"testing"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
	"apisonde/report"
)

// A fault in the reasoning is told, and leaves a document that states nothing.
func TestFaultWhileDrawing(t *testing.T) {
	t.Parallel()
	run := trace.Trace{
		Meta:         trace.Meta{Target: trace.Target{Method: "GET", URL: "http://127.0.0.1/"}, Roster: trace.Roster{Vantages: []string{"a"}, Routes: []string{"/"}}},
		Observations: []trace.Observation{{Seq: 1}, {Seq: 2}},
	}
	v, err := drawn(run, func(trace.Trace, verdict.Tool) verdict.Verdict { panic("a bug") })
	if err == nil || !strings.Contains(err.Error(), "a bug") {
		t.Errorf("error %v, want the fault", err)
	}
	if v.Outcome != verdict.OutcomeStopped || v.Cost.Requests != 2 || len(v.Limits) != 0 {
		t.Errorf("the verdict states something: %+v", v)
	}
	var doc bytes.Buffer
	if err := report.JSON(&doc, v); err != nil || doc.Len() == 0 {
		t.Errorf("it cannot be printed: %v", err)
	}
}

func TestHostName(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"127.0.0.1:8080": "127.0.0.1-8080", "api.example.org": "api.example.org", "[::1]:80": "__1-80",
		"[2001:db8::1]": "2001_db8__1", "a/b": "a_b", "..": "..",
	} {
		if got := hostName(host); got != want {
			t.Errorf("hostName(%q) = %q, want %q", host, got, want)
		}
	}
}
