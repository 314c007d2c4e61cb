package cli

import (
	"apisonde/analyze/verdict"
	"apisonde/probe"
)

// verdictCode is the exit code that a verdict leads to by itself.
func verdictCode(v verdict.Verdict) int {
	if v.Outcome == verdict.OutcomeLimited || v.Outcome == verdict.OutcomeNoLimit {
		return exitOK
	}
	if v.StopReason != nil {
		switch probe.StopReason(*v.StopReason) {
		case probe.StopDistress, probe.StopBan:
			return exitSafety
		}
	}
	return exitInconclusive
}

// runCode is the exit code that the end of a live run leads to beside its verdict.
func runCode(res probe.Result) int {
	switch res.Reason {
	case probe.StopNetwork:
		return exitRuntime
	case probe.StopTrace:
		return exitTrace
	case probe.StopNone:
		if res.Err != nil {
			return exitRuntime
		}
	}
	return exitOK
}
