package selftest

import (
	"strings"
	"testing"

	"apisonde/analyze/verdict"
	"apisonde/probe/lab/limit"
)

func truthOf(t *testing.T, specs ...string) []limit.Truth {
	t.Helper()
	stack, err := limit.Parse(specs)
	if err != nil {
		t.Fatal(err)
	}
	return stack.Truth()
}

// window is a true statement about fixed-window,limit=20,window=5s,by=key.
func window() verdict.Limit {
	return verdict.Limit{
		Scope: []string{"key"}, ScopeCandidates: [][]string{{"key"}}, Algorithm: verdict.FixedWindow, Confidence: 0.95,
		Limit: verdict.Exact(20), Burst: verdict.Exact(20),
		WindowS:  &verdict.Figure{Value: 5.1, Lo: 4.9, Hi: 5.2},
		RatePerS: &verdict.Figure{Value: 3.9, Lo: 3.8, Hi: 4.1},
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		change        func(*verdict.Limit)
		misses        string // what a word of the misses is; "": the statement is true
		family, scope Answer
		limit         Answer
		inside        int // of four figures
	}{
		{"true", func(*verdict.Limit) {}, "", Right, Right, Right, 4},
		{"another algorithm", func(l *verdict.Limit) { l.Algorithm = verdict.SlidingLog }, "algorithm sliding-log, true fixed-window", Wrong, Right, Right, 4},
		{"left open", func(l *verdict.Limit) {
			l.Algorithm, l.Equivalent = verdict.SlidingLog, []string{verdict.FixedWindow}
		}, "", Open, Right, Right, 4},
		{"left open without the truth", func(l *verdict.Limit) {
			l.Algorithm, l.Equivalent = verdict.SlidingLog, []string{verdict.SlidingCounter}
		}, "sliding-log or sliding-counter", Wrong, Right, Right, 4},
		{"the true one first", func(l *verdict.Limit) { l.Equivalent = []string{verdict.SlidingLog} }, "", Open, Right, Right, 4},
		{"unknown", func(l *verdict.Limit) { l.Algorithm = verdict.Unknown }, "", Unknown, Right, Right, 4},
		{"another scope", func(l *verdict.Limit) { l.Scope = []string{"ip"} }, "scope", Right, Wrong, Right, 4},
		{"a wider scope", func(l *verdict.Limit) { l.Scope = []string{} }, "scope", Right, Wrong, Right, 4},
		{"an open scope", func(l *verdict.Limit) {
			l.Scope, l.ScopeCandidates = nil, [][]string{{"ip"}, {"key"}}
		}, "", Right, Open, Right, 4},
		{"an open scope without the truth", func(l *verdict.Limit) {
			l.Scope, l.ScopeCandidates = nil, [][]string{{"ip"}, {"user"}}
		}, "scope", Right, Wrong, Right, 4},
		{"one off", func(l *verdict.Limit) { l.Limit = verdict.Exact(19) }, "limit 19", Right, Right, Wrong, 3},
		{"one off, as the interval allows", func(l *verdict.Limit) { l.Limit = &verdict.Figure{Value: 19, Lo: 19, Hi: 20} }, "", Right, Right, Wrong, 4},
		{"window above", func(l *verdict.Limit) { l.WindowS.Lo = 5.01 }, "window_s", Right, Right, Right, 3},
		{"rate below", func(l *verdict.Limit) { l.RatePerS.Hi = 3.99 }, "rate_per_s", Right, Right, Right, 3},
		{"a penalty that is none", func(l *verdict.Limit) { l.Rejection.PenaltyS = verdict.Exact(9) }, "penalty_s", Right, Right, Right, 4},
	} {
		l := window()
		c.change(&l)
		j := judge(truthOf(t, "fixed-window,limit=20,window=5s,by=key"), []verdict.Limit{l})
		if of := j.Layers[0]; of.FamilyIs != c.family || of.ScopeIs != c.scope || of.LimitIs != c.limit || of.Inside != c.inside {
			t.Errorf("%s: %+v", c.name, of)
		}
		s := j.Statements[0]
		if s.True != (c.misses == "") || !strings.Contains(strings.Join(s.Misses, "; "), c.misses) || s.Confidence != 0.95 {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
}

// Errors are relative, and a figure that is not stated counts for nothing.
func TestJudgeErrors(t *testing.T) {
	t.Parallel()
	l := window()
	l.RatePerS = nil
	j := judge(truthOf(t, "fixed-window,limit=20,window=5s,by=key"), []verdict.Limit{l}).Layers[0]
	if j.WindowError == nil || *j.WindowError < 0.0199 || *j.WindowError > 0.0201 || j.RateError != nil || j.Stated != 3 {
		t.Errorf("%+v", j)
	}
}

// A layer too many is false, be it a copy of the true one, and so is any limit of
// a server that has none.
func TestJudgeCountsLayers(t *testing.T) {
	t.Parallel()
	j := judge(truthOf(t, "fixed-window,limit=20,window=5s,by=key"), []verdict.Limit{window(), window()})
	if j.Layers[0].FamilyIs != Wrong || !j.Statements[0].True || j.Statements[1].True {
		t.Errorf("a copy: %+v", j)
	}
	j = judge(nil, []verdict.Limit{window()})
	if j.Layers[0].FamilyIs != Wrong || j.Statements[0].True {
		t.Errorf("no limit, one stated: %+v", j)
	}
	if j = judge(nil, nil); j.Layers[0].FamilyIs != Right || len(j.Statements) != 0 {
		t.Errorf("no limit, none stated: %+v", j)
	}
	if j = judge(truthOf(t, "token-bucket,rate=1,burst=5"), nil); j.Layers[0].FamilyIs != Unknown || len(j.Statements) != 0 {
		t.Errorf("a limit, none stated: %+v", j)
	}
}

// A queue has no limit but a burst, and its drain says how long it takes.
func TestJudgeQueue(t *testing.T) {
	t.Parallel()
	truth := truthOf(t, "leaky-queue,rate=10,depth=20")
	if size(&truth[0]) != truth[0].Burst || span(&truth[0]).Seconds() != float64(truth[0].Burst)/10 {
		t.Errorf("size %d, span %v", size(&truth[0]), span(&truth[0]))
	}
	l := verdict.Limit{Scope: []string{"ip"}, Algorithm: verdict.LeakyQueue, Burst: verdict.Exact(float64(truth[0].Burst)), RatePerS: verdict.Exact(11)}
	j := judge(truth, []verdict.Limit{l})
	if j.Layers[0].LimitIs != Right || j.Statements[0].True || j.Layers[0].RateError == nil {
		t.Errorf("%+v", j)
	}
}

// Two layers are told apart by what is said of them, in whatever order; one that
// is not mentioned is unknown.
func TestJudgeLayers(t *testing.T) {
	t.Parallel()
	truths := truthOf(t, "fixed-window,limit=20,window=5s,by=key", "sliding-log,limit=60,window=1m,by=ip")
	inner := window()
	outer := verdict.Limit{
		Scope: []string{"ip"}, Algorithm: verdict.FixedWindow, Confidence: 0.9,
		Limit: verdict.Exact(60), WindowS: &verdict.Figure{Value: 57, Lo: 55, Hi: 65},
	}
	for _, limits := range [][]verdict.Limit{{inner, outer}, {outer, inner}} {
		j := judge(truths, limits)
		a, b := j.Layers[0], j.Layers[1]
		if a.FamilyIs != Right || a.LimitIs != Right || b.FamilyIs != Wrong || b.ScopeIs != Right || b.LimitIs != Right ||
			b.WindowError == nil || len(j.Statements) != 2 || j.Statements[0].True == j.Statements[1].True {
			t.Errorf("%+v", j)
		}
	}
	j := judge(truths, []verdict.Limit{inner})
	if j.Layers[0].ScopeIs != Right || j.Layers[1].ScopeIs != Unknown || !j.Statements[0].True {
		t.Errorf("the inner one alone: %+v", j)
	}
}
