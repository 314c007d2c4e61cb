package tui

import (
	"time"

	"apisonde/analyze/infer"
	"apisonde/analyze/verdict"
	"apisonde/probe"
	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// The scripted run: a fixed window of 30 requests per 5 s for each key, asked by
// two keys from two addresses. scene is its picture at an offset from the start.

var (
	one   = trace.Identity{Vantage: "lo1", Key: "k1", Owner: "alice"}
	two   = trace.Identity{Vantage: "lo1", Key: "k2", Owner: "bob"}
	three = trace.Identity{Vantage: "lo2", Key: "k1", Owner: "alice"}
)

var budget = plan.Budget{MaxRequests: 1000, MaxDuration: 15 * time.Minute, MaxRate: 20, MaxInflight: 20, MaxRejections: 25}

const binWidth = 250 * time.Millisecond

type act struct {
	from               time.Duration
	stage, question    string
	reason             string
	start              time.Duration
	headline           string
	finding            string
	hypotheses         []infer.Hypothesis
	ip, key            string
	identity           trace.Identity
	admitted, rejected int // spread over the act's first second
}

var acts = []act{
	{0, "limit", "", "", 0, "no refusal in 3 requests so far", "", nil, "asking", "asking", one, 3, 0},
	{time.Second, "limit", "is there a limit, and how many does it admit at once?", "requests as fast as they are answered, until two are refused", 0,
		"a limit: refused after 30 requests", "refused after 30 admitted requests in a row", nil, "asking", "asking", one, 27, 2},
	{3 * time.Second, "scope", "whose counter is it?",
		"while the baseline is refused, a caller that differs in one thing is let through only if that thing has a counter of its own", 0,
		"a limit: refused after 30 requests", "a second address was refused while the first was spent: one counter for both", nil, "shared", "asking", three, 0, 2},
	{4 * time.Second, "scope", "whose counter is it?",
		"while the baseline is refused, a caller that differs in one thing is let through only if that thing has a counter of its own", 0,
		"a limit: refused after 30 requests", "a second key was let through while the first was refused: a counter of its own", nil, "shared", "own counter each", two, 4, 0},
	{5 * time.Second, "algorithm", "does it let one through, or many?", "two more at once: a window that starts anew takes them, a bucket that got a token does not", 9 * time.Second,
		"fixed window from the first request, 30 per 5 s (71 %)", "", []infer.Hypothesis{
			{Name: "fixed window from the first request", Figures: "30 per 5 s", Probability: 0.71},
			{Name: "sliding log", Figures: "30 per 5 s", Probability: 0.21},
			{Name: "token bucket", Figures: "burst 30, 6 per s", Probability: 0.06},
		}, "shared", "own counter each", one, 0, 1},
	{9 * time.Second, "validation", "do 30 more pass, and the 31st not?", "fixed window from the first request leads with 97 %; an experiment that was not used to find it must agree", 0,
		"fixed window from the first request, 30 per 5 s (97 %)", "the window starts anew 5 s after its first request", []infer.Hypothesis{
			{Name: "fixed window from the first request", Figures: "30 per 5 s", Probability: 0.97},
			{Name: "sliding log", Figures: "30 per 5 s", Probability: 0.02},
		}, "shared", "own counter each", one, 30, 2},
}

func scene(at time.Duration) (probe.Snapshot, *infer.Belief) {
	s := probe.Snapshot{
		Elapsed: at, BinWidth: binWidth,
		Budget: budget,
		Bins:   make([]probe.Bin, int(at/binWidth)+1),
	}
	b := &infer.Belief{}
	tally := map[trace.Identity]int{}
	for i, a := range acts {
		if at < a.from {
			break
		}
		s.StepNo, s.Step = i, plan.Step{Question: a.question, Reason: a.reason, Start: a.start}
		b.Stage, b.Headline, b.Hypotheses = a.stage, a.headline, a.hypotheses
		b.Scope = []infer.ScopeView{{Dim: "ip", Values: 2, State: a.ip}, {Dim: "key", Values: 2, State: a.key}, {Dim: "user", State: "not tested"}, {Dim: "route", Values: 1, State: "not tested"}}
		if a.finding != "" {
			b.Findings = append(b.Findings, a.finding)
		}
		if _, ok := tally[a.identity]; !ok {
			tally[a.identity] = len(s.Tallies)
			s.Tallies = append(s.Tallies, probe.Tally{Identity: a.identity, Route: "/v1/items"})
		}
		t := &s.Tallies[tally[a.identity]]
		for n := range a.admitted + a.rejected {
			when := a.from + time.Duration(n)*time.Second/time.Duration(a.admitted+a.rejected)
			if when > at {
				break
			}
			o := trace.Observation{Seq: s.Sent + 1, Step: i, Identity: a.identity, Route: t.Route, Status: 200}
			s.Sent++
			t.Sent++
			if n < a.admitted {
				t.Admitted++
				s.Bins[when/binWidth].Admitted++
			} else {
				o.Status = 429
				t.Limited++
				s.Bins[when/binWidth].Limited++
			}
			t.Last = o.Status
			s.Recent = append(s.Recent, o)
		}
	}
	s.Recent = s.Recent[max(0, len(s.Recent)-64):]
	if at < time.Second {
		s.Inflight = 1
	}
	return s, b
}

// fixed is a source that stands at one instant until it is moved.
type fixed struct {
	at   time.Duration
	over bool
}

func (f *fixed) Snapshot() probe.Snapshot {
	s, _ := scene(f.at)
	s.Over = f.over
	return s
}

func (f *fixed) Belief() *infer.Belief { _, b := scene(f.at); return b }

func ptr[T any](v T) *T { return &v }

func conclusion() Outcome {
	return Outcome{
		TracePath: "/home/me/.local/state/apisonde/api.example.com-20260102T030405Z.ndjson",
		Verdict: verdict.Verdict{
			Schema: verdict.Schema, Outcome: verdict.OutcomeLimited,
			Target:     verdict.Target{Method: "GET", URL: "https://api.example.com/v1/items"},
			Cost:       verdict.Cost{Requests: 71, Admitted: 64, Limited: 7, WallS: 12.4, Bytes: 18211},
			TestedUpTo: verdict.TestedUpTo{RequestsPerWindow: 30, RatePerS: 20, Concurrency: 4, DurationS: 12},
			Limits: []verdict.Limit{{
				Scope: []string{"user"}, ScopeCandidates: [][]string{{"user"}}, ScopeConfidence: 0.999,
				Algorithm: verdict.FixedWindow, Equivalent: []string{}, AlgorithmConfidence: 0.996,
				Limit: verdict.Exact(30), Burst: verdict.Exact(30), WindowS: &verdict.Figure{Value: 5, Lo: 4.98, Hi: 5.01},
				RatePerS: &verdict.Figure{Value: 6, Lo: 5.988, Hi: 6.024}, Alignment: ptr(verdict.AlignFirstRequest), Unit: "requests",
				Rejection:  verdict.Rejection{Statuses: []int{429}, RetryAfter: verdict.RetryAfter{Verdict: "early", BiasS: ptr(-1.0)}},
				Confidence: 0.98, Source: "measured",
				Evidence: []verdict.Evidence{
					{Claim: "a second key was let through while the first was refused", Observations: []int{34, 35, 36, 37}},
					{Claim: "a second address was refused while the first was spent", Observations: []int{32, 33}},
					{Claim: "30 more passed after 5 s and the 31st did not, as foretold", Observations: []int{39, 40, 41, 42, 43, 44, 68, 69}},
				},
			}},
			Headers: verdict.Headers{
				Dialects: []string{"x-ratelimit"},
				Claims: []verdict.Claim{
					{Header: "X-RateLimit-Limit", Says: "60 requests", Limit: ptr(60.0), Observations: []int{1, 2, 3}},
					{Header: "Retry-After", Says: "4 s", Observations: []int{31}},
				},
				Conflicts: []verdict.Conflict{{Header: "X-RateLimit-Limit", Claim: "60 requests", Measurement: "30 requests per 5 s", Observations: []int{31, 68}}},
			},
			Advice: &verdict.Advice{
				Pace:     verdict.Pace{Per: []string{"user"}, RatePerS: ptr(5.95), Burst: ptr(29.0), Concurrency: ptr(4), MinSpacingS: ptr(0.168)},
				Backoff:  verdict.Backoff{BaseS: 0.2, Factor: 2, CapS: 5.1, MaxAttempts: 6, Jitter: "positive", HonorRetryAfter: true, RetryAfterMarginS: 1},
				Expected: verdict.Expected{Efficiency: ptr(0.991), RejectsPer1000: ptr(0.0)},
				Reasons: []verdict.Reason{
					{Setting: "pace.rate_per_s", Because: "the lower end of the measured rate, less the spread of the round trip"},
					{Setting: "pace.burst", Because: "one less than the window admits, so that a request delayed on its way does not spill into it"},
					{Setting: "backoff.retry_after_margin_s", Because: "Retry-After is one second too short here"},
				},
			},
			Warnings:  []string{"3 requests left late and were not used where timing matters"},
			NotTested: []string{"whether it is per route: add a second --route", "more than 20 requests in a second: the ceiling of this run"},
		},
	}
}

func testOptions() Options {
	p := plan.Plan{
		Target: trace.Target{Method: "GET", URL: "https://api.example.com/v1/items"},
		Roster: trace.Roster{Vantages: []string{"lo1", "lo2"}, Keys: []trace.Key{{Name: "k1", Owner: "alice"}, {Name: "k2", Owner: "bob"}}, Routes: []string{"/v1/items"}},
		Budget: budget,
	}
	return Options{Plan: p, Sheet: SheetOf(p), NoColor: true, ReportPath: "report.md"}
}
