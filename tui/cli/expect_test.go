package cli

import (
	"testing"

	"apisonde/analyze/verdict"
)

func TestExpectation(t *testing.T) {
	t.Parallel()
	window := verdict.Limit{Algorithm: verdict.FixedWindow, Scope: []string{"key"},
		Limit: verdict.Exact(100), Burst: verdict.Exact(100), WindowS: &verdict.Figure{Value: 60.1, Lo: 60.05, Hi: 60.2},
		RatePerS: &verdict.Figure{Value: 1.664, Lo: 1.66, Hi: 1.67}}
	bucket := verdict.Limit{Algorithm: verdict.TokenBucket, Scope: []string{},
		Limit: verdict.Exact(20), Burst: verdict.Exact(20), RatePerS: &verdict.Figure{Value: 5, Lo: 4.99, Hi: 5.01}}
	open := window
	open.Scope, open.WindowS, open.RatePerS = nil, nil, nil
	byKey, shared := window, window // one address: what it does to the scope was not tested
	byKey.Scope, byKey.ScopeCandidates = nil, [][]string{{"key"}, {"ip", "key"}}
	shared.Scope, shared.ScopeCandidates = nil, [][]string{{}, {"key"}, {"ip", "key"}}
	limited := func(l ...verdict.Limit) verdict.Verdict {
		return verdict.Verdict{Outcome: verdict.OutcomeLimited, Limits: l}
	}

	for _, c := range []struct {
		text string
		v    verdict.Verdict
		met  bool
	}{
		{"100 per 60s by key", limited(window), true},
		{"100 per minute", limited(window), true},
		{"100 per 1m burst 100 by key", limited(window), true},
		{"101 per 60s by key", limited(window), false},
		{"100 per 62s by key", limited(window), false},
		{"200 per 120s by key", limited(window), false}, // the same rate is not the same window
		{"100 per 60s by ip", limited(window), false},
		{"100 per 60s by ip+key", limited(window), false},
		{"100 per 60s by global", limited(window), false},
		{"5 per s burst 20 by global", limited(bucket), true},
		{"300 per 60s", limited(bucket), true},
		{"5 per s burst 21", limited(bucket), false},
		{"6 per s", limited(bucket), false},
		{"100 per 60s", limited(open), false},
		{"100 per 60s by key", limited(byKey), true},
		{"100 per 60s by ip+key", limited(byKey), false}, // no second address showed it
		{"100 per 60s by ip", limited(byKey), false},
		{"100 per 60s by global", limited(byKey), false},
		{"100 per 60s by key", limited(shared), false},
		{"100 per 60s by global", limited(shared), false},
		{"100 per 60s", limited(window, bucket), false}, // a layer more
		{"5 per s by global and 100 per 60s by key", limited(window, bucket), true},
		{"5 per s and 5 per s", limited(bucket), false},
		{"none", limited(window), false},
		{"none", verdict.Verdict{Outcome: verdict.OutcomeNoLimit}, true},
		{"none", verdict.Verdict{Outcome: verdict.OutcomeInconclusive}, false},
		{"100 per 60s", verdict.Verdict{Outcome: verdict.OutcomeNoLimit}, false},
	} {
		e, err := parseExpectation(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if d := e.differences(c.v); (len(d) == 0) != c.met {
			t.Errorf("%q: differences %q, want met = %v", c.text, d, c.met)
		}
	}

	for _, text := range []string{"", "100", "100 per", "x per 60s", "0 per 60s", "100 per soon", "100 per -1s",
		"100 per 60s by moon", "100 per 60s by", "100 per 60s by key by ip", "100 per 60s and"} {
		if _, err := parseExpectation(text); codeOf(err) != exitUsage {
			t.Errorf("parseExpectation(%q): %v, want a usage error", text, err)
		}
	}
}
