package report_test

import (
	"time"

	"apisonde/analyze/advise"
	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// fixture is one verdict with the trace it would have come from.
type fixture struct {
	name    string
	verdict verdict.Verdict
	trace   trace.Trace
}

var started = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

func fig(v, lo, hi float64) *verdict.Figure { return &verdict.Figure{Value: v, Lo: lo, Hi: hi} }

var client = advise.Client{RTT: 2 * time.Millisecond, Spread: 8 * time.Millisecond}

// base is a verdict without a finding.
func base(t trace.Trace) verdict.Verdict {
	v := verdict.Verdict{
		Schema:     verdict.Schema,
		Tool:       verdict.Tool{Name: "apisonde", Version: "0.1.0"},
		Target:     verdict.Target{Method: t.Meta.Target.Method, URL: t.Meta.Target.URL},
		StartedAt:  t.Meta.Started,
		FinishedAt: t.Meta.Started,
	}
	for _, o := range t.Observations {
		v.Cost.Requests++
		switch {
		case o.Fault != "" || o.Status >= 500:
			v.Cost.Ignored++
		case o.Status == 429:
			v.Cost.Limited++
		default:
			v.Cost.Admitted++
		}
		v.Cost.Bytes += o.Body.Bytes
		v.Cost.WallS = max(v.Cost.WallS, o.Done.Seconds())
	}
	return v
}

// traceOf plays requests of the identities in turn, one every 100 ms, against
// decide.
func traceOf(n int, ids []trace.Identity, decide func(i int, id trace.Identity) int) trace.Trace {
	t := trace.Trace{Meta: trace.Meta{
		Tool: "0.1.0", Target: trace.Target{Method: "GET", URL: "http://127.0.0.1:8080/v1/items"},
		Started: started, Seed: 7, Loopback: true,
	}}
	for i := range n {
		id := ids[i%len(ids)]
		at := time.Duration(i) * 100 * time.Millisecond
		o := trace.Observation{Seq: i + 1, Step: 1 + i/20, Identity: id, Route: "/v1/items", Conn: 1,
			Planned: at, Written: at, FirstByte: at + 2*time.Millisecond, Done: at + 3*time.Millisecond,
			Status: decide(i, id), Body: trace.Body{Bytes: 120}}
		if o.Status == 0 {
			o.Fault, o.FirstByte, o.Done = trace.FaultReset, 0, 0
		}
		t.Observations = append(t.Observations, o)
	}
	t.End = &trace.End{At: time.Duration(n) * 100 * time.Millisecond, Requests: n}
	return t
}

func fixtures() []fixture {
	return []fixture{fixedWindow(), tokenBucket(), singleIdentity(), layers(), noLimit(), inconclusive(), stopped(), hostile()}
}

func fixedWindow() fixture {
	k1, k2 := trace.Identity{Vantage: "local", Key: "k1"}, trace.Identity{Vantage: "local", Key: "k2"}
	t := traceOf(80, []trace.Identity{k1, k1, k1, k2}, func(i int, id trace.Identity) int {
		if id == k1 && i%50 >= 40 {
			return 429
		}
		return 200
	})
	v := base(t)
	v.Outcome = verdict.OutcomeLimited
	v.TestedUpTo = verdict.TestedUpTo{RequestsPerWindow: 30, RatePerS: 10, Concurrency: 4, DurationS: 8}
	v.Limits = []verdict.Limit{{
		Scope: []string{"key"}, ScopeCandidates: [][]string{{"key"}}, ScopeConfidence: 0.9991,
		Algorithm: verdict.FixedWindow, AlgorithmConfidence: 0.996,
		Limit: verdict.Exact(30), Burst: verdict.Exact(30), WindowS: fig(5, 4.992, 5.006), RatePerS: fig(6, 5.993, 6.01),
		Alignment: ptr(verdict.AlignFirstRequest), Unit: "requests",
		Rejection:  verdict.Rejection{Statuses: []int{429}, RetryAfter: verdict.RetryAfter{Verdict: "early", BiasS: ptr(-0.98)}},
		Confidence: 0.993, Source: "measured+advertised",
		Evidence: []verdict.Evidence{
			{Claim: "a second key at the same address was admitted while the first was exhausted", Observations: []int{44, 48}},
			{Claim: "three windows in a row admitted exactly 30", Observations: []int{1, 2, 3, 5, 6, 7, 9, 40}},
		},
	}}
	v.Headers = verdict.Headers{
		Dialects:  []string{"ietf-draft-03"},
		Claims:    []verdict.Claim{{Header: "RateLimit-Limit", Says: "30 in 5 s", Limit: ptr(30.0), WindowS: ptr(5.0), Observations: []int{1, 2, 3}}},
		Conflicts: []verdict.Conflict{{Header: "Retry-After", Claim: "wait 4 s", Measurement: "4.98 s were needed", Observations: []int{41}}},
	}
	v.NotTested = []string{"per address: add a second address (--ip)"}
	v.Advice = advise.For(v.Limits, client)
	return fixture{"fixed-window", v, t}
}

func tokenBucket() fixture {
	id := trace.Identity{Vantage: "local", Key: "k1", Owner: "alice"}
	other := trace.Identity{Vantage: "second", Key: "k1", Owner: "alice"}
	t := traceOf(60, []trace.Identity{id, id, other}, func(i int, id trace.Identity) int {
		if id.Vantage == "local" && i > 20 && i%2 == 0 {
			return 429
		}
		return 200
	})
	v := base(t)
	v.Outcome = verdict.OutcomeLimited
	v.StopReason = ptr("budget")
	v.TestedUpTo = verdict.TestedUpTo{RequestsPerWindow: 120, RatePerS: 200, Concurrency: 16, DurationS: 30}
	v.Limits = []verdict.Limit{{
		Scope: []string{"ip"}, ScopeCandidates: [][]string{{"ip"}}, ScopeConfidence: 0.999,
		Algorithm: verdict.TokenBucket, AlgorithmConfidence: 0.995,
		Limit: verdict.Exact(21), Burst: verdict.Exact(21), RatePerS: fig(10, 9.98, 10.02), Unit: "requests",
		Rejection:  verdict.Rejection{Statuses: []int{429}, CountsAgainstLimit: ptr(false), RetryAfter: verdict.RetryAfter{Verdict: "absent"}},
		Confidence: 0.99, Source: "measured",
		Evidence: []verdict.Evidence{{Claim: "a second key at the same address was rejected while the first was exhausted", Observations: []int{23, 24}}},
	}}
	v.Advice = advise.For(v.Limits, client)
	return fixture{"token-bucket", v, t}
}

func singleIdentity() fixture {
	id := trace.Identity{Vantage: "local", Key: "k1"}
	t := traceOf(40, []trace.Identity{id}, func(i int, _ trace.Identity) int {
		if i%25 >= 20 {
			return 503
		}
		return 200
	})
	v := base(t)
	v.Cost.Limited, v.Cost.Ignored = v.Cost.Ignored, 0
	v.Outcome = verdict.OutcomeLimited
	v.TestedUpTo = verdict.TestedUpTo{RequestsPerWindow: 20, RatePerS: 10, Concurrency: 1, DurationS: 4}
	v.Limits = []verdict.Limit{{
		ScopeCandidates: [][]string{{}, {"ip"}, {"key"}, {"ip", "key"}}, ScopeConfidence: 0.4,
		Algorithm: verdict.SlidingLog, Equivalent: []string{verdict.SlidingCounter}, AlgorithmConfidence: 0.83,
		Limit: fig(20, 20, 21), Burst: fig(20, 20, 21), WindowS: fig(60, 57, 64), RatePerS: fig(0.333, 0.31, 0.36), Unit: "requests",
		Rejection:  verdict.Rejection{Statuses: []int{503}, CountsAgainstLimit: ptr(true), PenaltyS: fig(90, 88, 91), PenaltyExtends: ptr(true), RetryAfter: verdict.RetryAfter{Verdict: "late", BiasS: ptr(30.0)}},
		Confidence: 0.81, Source: "measured",
		Evidence: []verdict.Evidence{{Claim: "20 were admitted at once", Observations: []int{1, 2, 3}}},
		Settle:   "asking again right after half a window",
	}}
	v.NotTested = []string{"whose counter it is: add a second key (--key) and a second address (--ip)", "other paths: add --route PATH"}
	v.Advice = advise.For(v.Limits, client)
	return fixture{"single-identity", v, t}
}

func layers() fixture {
	f := tokenBucket()
	v := f.verdict
	v.Limits = append(v.Limits[:1:1],
		verdict.Limit{
			Scope: []string{"ip", "route"}, ScopeCandidates: [][]string{{"ip", "route"}}, ScopeConfidence: 0.97,
			Algorithm: verdict.FixedWindow, AlgorithmConfidence: 0.96, Limit: verdict.Exact(1000), Burst: verdict.Exact(1000),
			WindowS: verdict.Exact(3600), RatePerS: verdict.Exact(1000.0 / 3600), Alignment: ptr(verdict.AlignClock), Unit: "requests",
			Routes: []string{"/v1/items", "/v1/search"}, Nodes: fig(3, 3, 3), Anonymous: ptr("shared"),
			Rejection: verdict.Rejection{Statuses: []int{429}, ChargedByOtherRejections: ptr(true)}, Confidence: 0.95, Source: "advertised",
		},
		verdict.Limit{
			Scope: []string{"user"}, ScopeCandidates: [][]string{{"user"}}, ScopeConfidence: 0.9,
			Algorithm: verdict.Concurrency, AlgorithmConfidence: 0.9, Limit: verdict.Exact(5), Unit: "requests",
			Rejection: verdict.Rejection{Statuses: []int{429}}, Confidence: 0.9, Source: "measured",
		},
		verdict.Limit{
			Scope: []string{}, ScopeCandidates: [][]string{{}}, ScopeConfidence: 0.7,
			Algorithm: verdict.LeakyQueue, AlgorithmConfidence: 0.7, Burst: fig(12, 11, 12), RatePerS: fig(50, 48, 51),
			Undelayed: verdict.Exact(2), MaxDelayS: fig(0.2, 0.19, 0.21), Unit: "requests", Confidence: 0.6, Source: "measured",
		})
	v.Costs = []verdict.RouteUse{{Route: "/v1/search", Cost: verdict.Figure{Value: 5, Lo: 4, Hi: 6}}}
	v.Advice = advise.For(v.Limits, client)
	return fixture{"layers", v, f.trace}
}

func noLimit() fixture {
	t := traceOf(50, []trace.Identity{{Vantage: "local"}}, func(int, trace.Identity) int { return 200 })
	v := base(t)
	v.Outcome = verdict.OutcomeNoLimit
	v.TestedUpTo = verdict.TestedUpTo{RequestsPerWindow: 1500, RatePerS: 400, Concurrency: 32, DurationS: 30.04}
	v.NotTested = []string{"keys: none was given"}
	return fixture{"no-limit", v, t}
}

func inconclusive() fixture {
	t := traceOf(30, []trace.Identity{{Vantage: "local", Key: "k1"}}, func(i int, _ trace.Identity) int {
		if i%7 == 3 {
			return 429
		}
		return 200
	})
	v := base(t)
	v.Outcome = verdict.OutcomeInconclusive
	v.StopReason = ptr("duration")
	v.Limits = []verdict.Limit{{
		ScopeCandidates: [][]string{{}, {"ip"}}, ScopeConfidence: 0.3, Algorithm: verdict.Unknown, AlgorithmConfidence: 0.2,
		Limit: fig(3, 1, 9), Unit: "requests",
		Rejection: verdict.Rejection{Statuses: []int{429}, RetryAfter: verdict.RetryAfter{Verdict: "inconsistent"}}, Confidence: 0.2, Source: "measured",
	}}
	v.Warnings = []string{"rejections came without a pattern: other callers may use the same counter"}
	v.Advice = advise.For(v.Limits, client)
	return fixture{"inconclusive", v, t}
}

func stopped() fixture {
	t := traceOf(9, []trace.Identity{{Vantage: "local", Key: "k1"}}, func(i int, _ trace.Identity) int {
		return []int{200, 200, 200, 0, 500, 500, 502, 0, 403}[i]
	})
	t.End = nil
	t.Damage = []string{"the last line was cut off and is not used"}
	v := base(t)
	v.Cost.Admitted, v.Cost.Ignored = 3, 6
	v.Outcome = verdict.OutcomeStopped
	v.StopReason = ptr("server-distress")
	return fixture{"stopped", v, t}
}

// hostile puts markdown, HTML, formulas and control sequences wherever text can
// come from a server or a file.
func hostile() fixture {
	id := trace.Identity{Vantage: "local|x", Key: "[k](http://evil.example)", Owner: "a@evil.example", User: "<b>u</b>"}
	t := traceOf(12, []trace.Identity{id, {Vantage: "=1+1"}}, func(i int, _ trace.Identity) int { return 200 + i%2*229 })
	t.Meta.Target.URL = "http://127.0.0.1/`|<img src=x onerror=alert(1)>"
	for i := range t.Observations {
		t.Observations[i].Route = "/a|b`c``d](http://evil.example)"
	}
	t.Damage = []string{"line 3: \x1b[2J\x1b]8;;http://evil.example\x07link\x1b]8;;\x07"}
	v := base(t)
	v.Outcome = verdict.OutcomeLimited
	nasty := []string{
		"<script>alert(1)</script>", "[click](http://evil.example)", "![i](http://evil.example/x.png)", "a | b | c", "```\n# heading\n```",
		"=HYPERLINK(\"http://evil.example\")", "+1", "-2", "@everyone", "www.evil.example", "http://evil.example/a|b", "mail me@evil.example",
		"<http://evil.example>", "1. one", "# head", "> quote", "---", "\u202egnp.exe", "a\x00b\x1b[31mred", "&lt;b&gt; $x^2$ ~~s~~ *b* _i_", "#1 GH-1",
		"[r]: http://evil.example 'x'", "    code", "\\| \\", "- [ ] task", "***", "===",
	}
	l := verdict.Limit{
		ScopeCandidates: [][]string{{"<i>ip</i>"}, {"key"}}, Algorithm: "<b>alg</b>", Equivalent: []string{"[x](http://evil.example)"},
		Limit: fig(3, 2, 4), WindowS: fig(1, 1, 2), Alignment: ptr("[clock](http://evil.example)"), Routes: []string{"/x|y", "http://evil.example"},
		Unit: "<points>", Anonymous: ptr("|"), Rejection: verdict.Rejection{Statuses: []int{429}, RetryAfter: verdict.RetryAfter{Verdict: "[v](http://evil.example)"}},
		Source: "<s>", Settle: "[do](http://evil.example)",
	}
	for _, s := range nasty {
		l.Evidence = append(l.Evidence, verdict.Evidence{Claim: s, Observations: []int{1}})
		v.Headers.Claims = append(v.Headers.Claims, verdict.Claim{Header: s, Says: s})
		v.Headers.Conflicts = append(v.Headers.Conflicts, verdict.Conflict{Header: s, Claim: s, Measurement: s})
		v.Costs = append(v.Costs, verdict.RouteUse{Route: s})
	}
	v.Headers.Dialects, v.Warnings, v.NotTested = nasty, nasty, nasty
	v.Limits = []verdict.Limit{l}
	v.StopReason = ptr("<b>x</b>")
	v.Tool.Version = "[0](http://evil.example)"
	v.Advice = advise.For(v.Limits, client)
	return fixture{"hostile", v, t}
}
