package infer

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// within says whether a figure states v: inside its interval and near it.
func within(f *verdict.Figure, v, tolerance float64) bool {
	return f != nil && math.Abs(f.Value-v) <= tolerance*v && f.Lo <= v*(1+1e-6) && f.Hi >= v*(1-1e-6)
}

func TestEngineFindsLimiters(t *testing.T) {
	for _, c := range []struct {
		spec      string
		scope     []string
		algorithm string
		limit     float64
		window    float64
		rate      float64
	}{
		{"fixed-window,limit=30,window=5s,by=key", []string{"key"}, verdict.FixedWindow, 30, 5, 6},
		{"fixed-window,limit=30,window=15s,by=user,align=first-request", []string{"user"}, verdict.FixedWindow, 30, 15, 2},
		{"fixed-window,limit=100,window=30s,by=global,align=first-request", []string{}, verdict.FixedWindow, 100, 30, 100. / 30},
		{"token-bucket,rate=10,burst=20,by=ip", []string{"ip"}, verdict.TokenBucket, 20, 0, 10},
		{"token-bucket,rate=5,burst=15,by=ip+key", []string{"ip", "key"}, verdict.TokenBucket, 15, 0, 5},
		{"token-bucket,rate=2,burst=12,by=ip+route", []string{"ip", "route"}, verdict.TokenBucket, 12, 0, 2},
		{"sliding-log,limit=20,window=10s,by=user", []string{"user"}, verdict.SlidingLog, 20, 10, 2},
		{"sliding-counter,limit=30,window=10s,by=ip", []string{"ip"}, verdict.SlidingCounter, 30, 10, 3},
		{"fixed-window,limit=4,window=10s,by=key,align=first-request", []string{"key"}, verdict.FixedWindow, 4, 10, 0.4},
	} {
		t.Run(c.spec, func(t *testing.T) {
			t.Parallel()
			tr, _, further := ask(t, world{specs: []string{c.spec}, roster: twoOfEach(), seed: 7, net: loopback}, time.Time{})
			j := Judge(tr)
			if j.Outcome != verdict.OutcomeLimited || len(j.Limits) != 1 {
				t.Fatalf("outcome %s with %d limits", j.Outcome, len(j.Limits))
			}
			l := j.Limits[0]
			if !slices.Equal(l.Scope, c.scope) || l.Scope == nil {
				t.Errorf("scope %v of candidates %v, want %v", l.Scope, l.ScopeCandidates, c.scope)
			}
			if l.Algorithm != c.algorithm {
				t.Errorf("algorithm %s %v, want %s", l.Algorithm, l.Equivalent, c.algorithm)
			}
			if !within(l.Limit, c.limit, 0) {
				t.Errorf("limit %v, want %v", l.Limit, c.limit)
			}
			if c.window > 0 && !within(l.WindowS, c.window, 0.03) {
				t.Errorf("window %v, want %v", l.WindowS, c.window)
			}
			if !within(l.RatePerS, c.rate, 0.05) {
				t.Errorf("rate %v, want %v", l.RatePerS, c.rate)
			}
			if l.Confidence < 0.8 {
				t.Errorf("confidence %v is timid", l.Confidence)
			}
			if own, most := j.Cost.Requests-further, max(7*(int(c.limit)+1), 110); own > most {
				t.Errorf("%d requests about this limit, more than %d", own, most)
			}
			if most := min(int(20*c.limit)+beyondChunk, max(120, 20*min(int(c.limit), 20))); further > most {
				t.Errorf("%d requests behind it, more than %d", further, most)
			}
		})
	}
}

// Where one request is admitted at a time, a window that it opens, a log and a bucket are
// one algorithm.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	spec := "sliding-log,limit=1,window=25s,by=ip,headers=none"
	tr, _ := assess(t, world{specs: []string{spec}, roster: twoOfEach(), seed: 7, net: loopback})
	l := Judge(tr).Limits[0]
	for _, want := range []string{verdict.FixedWindow, verdict.SlidingLog, verdict.TokenBucket} {
		if l.Algorithm != want && !slices.Contains(l.Equivalent, want) {
			t.Errorf("%s %v, without %s", l.Algorithm, l.Equivalent, want)
		}
	}
	if !within(l.Limit, 1, 0) || l.Confidence < 0.8 {
		t.Errorf("limit %v at %v", l.Limit, l.Confidence)
	}
}

func TestEngineFindsNoLimit(t *testing.T) {
	tr, _ := assess(t, world{specs: []string{"none"}, roster: twoOfEach(), seed: 1, net: loopback})
	j := Judge(tr)
	if j.Outcome != verdict.OutcomeNoLimit || len(j.Limits) != 0 {
		t.Fatalf("outcome %s with limits %v", j.Outcome, j.Limits)
	}
	if j.Cost.Requests > 1500 {
		t.Errorf("%d requests to find nothing", j.Cost.Requests)
	}
	if j.TestedUpTo.RequestsPerWindow < 500 || j.TestedUpTo.Concurrency < 32 || j.TestedUpTo.DurationS < 10 {
		t.Errorf("tested up to %+v", j.TestedUpTo)
	}
}

func TestOneIdentityLeavesScopeOpen(t *testing.T) {
	tr, _ := assess(t, world{specs: []string{"fixed-window,limit=20,window=5s,by=key,align=first-request"}, roster: oneOfEach(), seed: 3, net: loopback})
	l := Judge(tr).Limits[0]
	if l.Scope != nil {
		t.Errorf("scope %v stated from one identity", l.Scope)
	}
	for _, want := range [][]string{{}, {"ip"}, {"key"}, {"user"}, {"ip", "key"}} {
		if !slices.ContainsFunc(l.ScopeCandidates, func(c []string) bool { return slices.Equal(c, want) }) {
			t.Errorf("candidates %v lack %v", l.ScopeCandidates, want)
		}
	}
	if l.Algorithm != verdict.FixedWindow || !within(l.Limit, 20, 0) || !within(l.WindowS, 5, 0.03) {
		t.Errorf("%s %v per %v", l.Algorithm, l.Limit, l.WindowS)
	}
	say := strings.Join(Judge(tr).NotTested, "\n")
	for _, want := range []string{"second address", "second key", "second user", "second path"} {
		if !strings.Contains(say, want) {
			t.Errorf("not_tested does not say to add a %s:\n%s", want, say)
		}
	}
}

func TestOwnersTellUserFromKey(t *testing.T) {
	r := trace.Roster{
		Vantages: []string{"127.0.0.1"},
		Keys:     []trace.Key{{Name: "k1", Owner: "alice"}, {Name: "k2", Owner: "alice"}, {Name: "k3", Owner: "bob"}},
		Routes:   []string{"/"},
	}
	for by, want := range map[string]string{"user": "user", "key": "key"} {
		tr, _ := assess(t, world{specs: []string{"fixed-window,limit=20,window=5s,align=first-request,by=" + by}, roster: r, seed: 2, net: loopback})
		l := Judge(tr).Limits[0]
		for _, c := range l.ScopeCandidates {
			if !slices.Contains(c, want) {
				t.Errorf("by=%s leaves candidate %v", by, c)
			}
		}
		if len(l.ScopeCandidates) == 0 {
			t.Errorf("by=%s leaves no candidate", by)
		}
	}
}

func TestRoutesWithLimitsOfTheirOwn(t *testing.T) {
	tr, _ := assess(t, world{specs: []string{
		"token-bucket,rate=5,burst=6,by=ip,route=/a", "token-bucket,rate=10,burst=21,by=ip,route=/b",
	}, roster: twoOfEach(), seed: 5, net: loopback})
	j := Judge(tr)
	if len(j.Limits) != 2 {
		t.Fatalf("%d limits: %+v", len(j.Limits), j.Limits)
	}
	for i, want := range []struct {
		route string
		burst float64
		rate  float64
	}{{"/a", 6, 5}, {"/b", 21, 10}} {
		l := j.Limits[i]
		if !slices.Equal(l.Routes, []string{want.route}) || !slices.Equal(l.Scope, []string{"ip"}) || !within(l.Burst, want.burst, 0) || !within(l.RatePerS, want.rate, 0.05) {
			t.Errorf("limit %d: routes %v scope %v burst %v rate %v", i, l.Routes, l.Scope, l.Burst, l.RatePerS)
		}
	}
}

// The verdict is a function of the trace.
func TestJudgeIsRepeatable(t *testing.T) {
	tr, _ := assess(t, world{specs: []string{"sliding-counter,limit=12,window=4s,by=ip"}, roster: twoOfEach(), seed: 9, net: loopback})
	if d := cmp.Diff(Judge(tr), Judge(tr)); d != "" {
		t.Errorf("the same trace, another verdict:\n%s", d)
	}
}

// A run cut short anywhere says nothing false with confidence, and never panics.
func TestJudgeOfAnInterruptedRun(t *testing.T) {
	tr, _ := assess(t, world{specs: []string{"token-bucket,rate=4,burst=10,by=key"}, roster: twoOfEach(), seed: 4, net: loopback})
	whole := tr.Observations
	for n := 0; n <= len(whole); n += 5 {
		tr.Observations = whole[:n]
		for _, l := range Judge(tr).Limits {
			if l.Confidence < 0.9 {
				continue
			}
			if l.Algorithm != verdict.TokenBucket || !within(l.RatePerS, 4, 0.05) || l.Scope != nil && !slices.Equal(l.Scope, []string{"key"}) {
				t.Errorf("after %d requests: %s %v scope %v at %v", n, l.Algorithm, l.RatePerS, l.Scope, l.Confidence)
			}
		}
	}
}

// A budget is never planned beyond.
func TestEngineKeepsToItsBudget(t *testing.T) {
	for _, n := range []int{7, 20, 60} {
		b := trace.Budget{MaxRequests: n, MaxDuration: time.Minute, MaxInflight: 8}
		tr, _ := assess(t, world{specs: []string{"fixed-window,limit=10,window=2s"}, roster: oneOfEach(), budget: b, net: loopback})
		if len(tr.Observations) > n {
			t.Errorf("%d requests of %d", len(tr.Observations), n)
		}
		e := New(Config{Roster: oneOfEach(), Budget: b, Seed: 1})
		for _, o := range tr.Observations {
			e.Observe(o)
		}
		if step, ok := e.Next(0); ok && len(step.Sends) > n-len(tr.Observations) {
			t.Errorf("%d sends planned with %d left", len(step.Sends), n-len(tr.Observations))
		}
	}
}

// Requests that fail for other reasons are not evidence.
func TestStrayErrorsDoNotChangeTheVerdict(t *testing.T) {
	net := loopback
	net.Spurious = 0.01
	tr, _ := assess(t, world{specs: []string{"fixed-window,limit=25,window=4s,by=ip,align=first-request"}, roster: twoOfEach(), seed: 6, net: net})
	j := Judge(tr)
	l := j.Limits[0]
	if l.Confidence >= 0.9 && (!within(l.WindowS, 4, 0.03) || !slices.Equal(l.Scope, []string{"ip"})) {
		t.Errorf("confidently wrong: %+v", l)
	}
}

// Two keys may belong to one account or to two. Under a scope that has the key itself
// they have counters of their own either way.
func TestTwoKeysOfUnknownAccounts(t *testing.T) {
	r := trace.Roster{Vantages: []string{"a"}, Keys: []trace.Key{{Name: "k1"}, {Name: "k2"}}, Routes: []string{"/"}}
	other := r.Baseline()
	other.Key = "k2"
	key, user, ip := scopeOf(trace.DimKey), scopeOf(trace.DimUser), scopeOf(trace.DimIP)
	together := contrast{changes: key, id: other, route: "/", shared: 1}
	apart := contrast{changes: key, id: other, route: "/", own: 2}
	for _, c := range []struct {
		s               scope
		together, apart bool
	}{
		{ip, true, false},
		{key, false, true},
		{user, true, true},
		{ip | user, true, true},
		{ip | key | user, false, true},
	} {
		if got := together.consistent(c.s, r); got != c.together {
			t.Errorf("refused together, by %v: %v", c.s.names(), got)
		}
		if got := apart.consistent(c.s, r); got != c.apart {
			t.Errorf("let through, by %v: %v", c.s.names(), got)
		}
	}
}
