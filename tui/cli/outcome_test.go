package cli

import (
	"testing"

	"apisonde/analyze/verdict"
	"apisonde/probe"
)

func TestVerdictCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		outcome string
		reason  probe.StopReason
		want    int
	}{
		{verdict.OutcomeLimited, "", 0},
		{verdict.OutcomeLimited, probe.StopBudget, 0},
		{verdict.OutcomeLimited, probe.StopDistress, 0},
		{verdict.OutcomeNoLimit, "", 0},
		{verdict.OutcomeInconclusive, probe.StopDuration, 3},
		{verdict.OutcomeInconclusive, probe.StopBan, 5},
		{verdict.OutcomeStopped, probe.StopDistress, 5},
		{verdict.OutcomeStopped, probe.StopBudget, 3},
	} {
		v := verdict.Verdict{Outcome: c.outcome}
		if c.reason != "" {
			s := string(c.reason)
			v.StopReason = &s
		}
		if got := verdictCode(v); got != c.want {
			t.Errorf("%s, %q: exit %d, want %d", c.outcome, c.reason, got, c.want)
		}
	}
}

// The contract's order: signal, 6, 2, 1, 5, 4, 3, 0.
func TestWorst(t *testing.T) {
	t.Parallel()
	order := []int{130, 6, 2, 1, 5, 4, 3, 0}
	for i, first := range order {
		for _, second := range order[i:] {
			if got := worst(second, first); got != first {
				t.Errorf("worst(%d, %d) = %d, want %d", second, first, got, first)
			}
		}
	}
	for _, s := range []int{143, 129} {
		if got := worst(exitTrace, s); got != s {
			t.Errorf("worst(6, %d) = %d", s, got)
		}
	}
}
