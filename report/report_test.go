package report_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"apisonde/analyze/verdict"
	"apisonde/report"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden")

func TestGolden(t *testing.T) {
	for _, f := range fixtures() {
		t.Run(f.name, func(t *testing.T) {
			var md, txt bytes.Buffer
			if err := report.Markdown(&md, f.verdict, f.trace); err != nil {
				t.Fatal(err)
			}
			if err := report.Text(&txt, f.verdict, f.trace); err != nil {
				t.Fatal(err)
			}
			golden(t, f.name+".md.golden", md.Bytes())
			golden(t, f.name+".txt.golden", txt.Bytes())
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run go test -update)", err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s differs (-want +got):\n%s", name, d)
	}
}

// A Retry-After that no request tested is not called exact in words, which its verdict
// says of it as long as nothing contradicts it.
func TestAnUntestedWaitIsNotCalledExact(t *testing.T) {
	for _, bias := range []*float64{nil, ptr(0.0)} {
		f := fixedWindow()
		f.verdict.Limits[0].Rejection.RetryAfter = verdict.RetryAfter{Verdict: "exact", BiasS: bias}
		var md bytes.Buffer
		if err := report.Markdown(&md, f.verdict, f.trace); err != nil {
			t.Fatal(err)
		}
		exact, open := strings.Contains(md.String(), "no longer than needed"), strings.Contains(md.String(), "not measured how exact it is")
		if tested := bias != nil; exact != tested || open == tested {
			t.Errorf("tested %v: called exact %v, open %v", tested, exact, open)
		}
	}
}
