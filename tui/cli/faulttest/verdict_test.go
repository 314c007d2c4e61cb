package faulttest

import (
	"encoding/json"
	"strings"
	"testing"
)

// stated is what a test reads of a verdict.
type stated struct {
	Outcome    string  `json:"outcome"`
	StopReason *string `json:"stop_reason"`
	TestedUpTo struct {
		Window float64 `json:"requests_per_window"`
	} `json:"tested_up_to"`
	Limits []struct {
		Algorithm  string   `json:"algorithm"`
		Equivalent []string `json:"equivalent"`
		Limit      *span    `json:"limit"`
		Window     *span    `json:"window_s"`
		Nodes      *span    `json:"nodes"`
		Confidence float64  `json:"confidence"`
		Rejection  struct {
			Statuses   []int `json:"statuses"`
			RetryAfter struct {
				Verdict string `json:"verdict"`
			} `json:"retry_after"`
		} `json:"rejection"`
	} `json:"limits"`
	Headers struct {
		Conflicts []any `json:"conflicts"`
	} `json:"headers"`
	Warnings []string `json:"warnings"`
}

// span is a figure with its interval.
type span struct{ Value, Lo, Hi float64 }

// holds tells whether the truth lies in the interval.
func (s *span) holds(truth float64) bool { return s == nil || s.Lo <= truth && s.Hi >= truth }

// verdict reads the verdict that a run printed.
func (o outcome) verdict(t *testing.T) stated {
	t.Helper()
	var v stated
	if err := json.Unmarshal(o.stdout, &v); err != nil {
		t.Fatalf("standard output is no verdict: %v\n%s%s", err, o.stdout, o.stderr)
	}
	return v
}

// truth is what a verdict has to agree with, as far as it says anything: one of
// these numbers is admitted at once. Times are not compared: on a machine that does
// something else meanwhile they would test the machine.
type truth []float64

// agrees sees that a verdict states nothing false. It may state less.
func (v stated) agrees(t *testing.T, want truth) {
	t.Helper()
	if v.Outcome == "no-limit-found" && v.TestedUpTo.Window > 2*want[0] {
		t.Errorf("no limit was found up to %v a window, and there is one", v.TestedUpTo.Window)
	}
	for _, l := range v.Limits {
		right := false
		for _, n := range want {
			right = right || l.Limit.holds(n)
		}
		if !right {
			t.Errorf("the verdict is %s, limit %v, window %v; the truth is %v", l.Algorithm, show(l.Limit), show(l.Window), want)
		}
	}
}

// sure is the confidence from which a false statement is the worst bug. Below it a
// verdict says itself that it may be wrong.
const sure = 0.9

// ventures sees that a verdict states nothing false where it is sure.
func (v stated) ventures(t *testing.T, want truth) {
	t.Helper()
	of := v
	of.Limits = nil
	for _, l := range v.Limits {
		t.Logf("%.3f: %s, limit %v in %v s", l.Confidence, l.Algorithm, show(l.Limit), show(l.Window))
		if l.Confidence >= sure {
			of.Limits = append(of.Limits, l)
		}
	}
	of.agrees(t, want)
}

// finds sees that a verdict does state the limit.
func (v stated) finds(t *testing.T, want truth) {
	t.Helper()
	v.agrees(t, want)
	if v.Outcome != "limited" {
		t.Errorf("the outcome is %s, want limited; warnings: %s", v.Outcome, strings.Join(v.Warnings, "; "))
	}
}

func show(s *span) any {
	if s == nil {
		return "open"
	}
	return *s
}
