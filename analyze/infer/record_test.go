package infer

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisonde/analyze/header"
	"apisonde/analyze/model"
	"apisonde/probe/trace"
)

// Some say with another status that a limit was passed.
func TestClassifyReadsWhatAnAnswerSays(t *testing.T) {
	o := trace.Observation{Status: 403, Headers: []trace.Header{{Name: "X-RateLimit-Limit", Value: "60"}, {Name: "X-RateLimit-Remaining", Value: "0"}}}
	if got := classify(o, false, nil); got != trace.Limited {
		t.Errorf("403 with nothing left: %v", got)
	}
	o.Headers[1].Value = "12"
	if got := classify(o, false, nil); got != trace.Refused {
		t.Errorf("403 with requests left: %v", got)
	}
}

// A plan that is spent is no rejection of a caller who was never let through.
func TestClassifyTellsBillingFromQuota(t *testing.T) {
	o := trace.Observation{Status: 429, Body: trace.Body{Text: `{"error":{"code":"insufficient_quota"}}`}}
	if got := classify(o, false, nil); got != trace.Refused {
		t.Errorf("a spent plan from the first request on: %v", got)
	}
	if got := classify(o, true, nil); got != trace.Limited {
		t.Errorf("a spent plan after admissions: %v", got)
	}
	o.Headers = []trace.Header{{Name: "Retry-After", Value: "5"}}
	if got := classify(o, false, nil); got != trace.Limited {
		t.Errorf("with a wait: %v", got)
	}
}

// Only a rule makes a dropped connection a rejection, and only of a caller who was
// let through before.
func TestClassifyDropped(t *testing.T) {
	rules, err := header.ParseRules([]string{"status=409", "dropped"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o      trace.Observation
		before bool
		rules  header.Rules
		want   trace.Outcome
	}{
		{trace.Observation{Fault: trace.FaultReset}, true, rules, trace.Limited},
		{trace.Observation{Fault: trace.FaultReset}, true, nil, trace.Ignored},
		{trace.Observation{Fault: trace.FaultReset}, false, rules, trace.Ignored},
		{trace.Observation{Fault: trace.FaultReset, Status: 200}, true, rules, trace.Ignored},
		{trace.Observation{Fault: trace.FaultTimeout}, true, rules, trace.Ignored},
		{trace.Observation{Status: 200}, true, rules, trace.Admitted},
	} {
		if got := classify(c.o, c.before, c.rules); got != c.want {
			t.Errorf("%+v after admissions %v: %v, want %v", c.o, c.before, got, c.want)
		}
	}
}

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		fault  trace.Fault
		before bool
		want   trace.Outcome
	}{
		{"ok", 200, "", false, trace.Admitted},
		{"not modified", 304, "", false, trace.Admitted},
		{"no such page", 404, "", false, trace.Admitted},
		{"too many", 429, "", false, trace.Limited},
		{"teapot of an exchange", 418, "", false, trace.Limited},
		{"unavailable after admissions", 503, "", true, trace.Limited},
		{"unavailable from the first", 503, "", false, trace.Ignored},
		{"forbidden after admissions", 403, "", true, trace.Limited},
		{"forbidden from the first", 403, "", false, trace.Refused},
		{"bad key", 401, "", true, trace.Refused},
		{"crash", 500, "", true, trace.Ignored},
		{"reset after a status", 200, trace.FaultReset, true, trace.Ignored},
	} {
		if got := classify(trace.Observation{Status: c.status, Fault: c.fault}, c.before, nil); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// at makes a sample of the baseline of oneOfEach or another caller.
func at(seconds float64, id trace.Identity, route string, o trace.Outcome) sample {
	return sample{sent: seconds, rtt: 0.0004, id: id, route: route, outcome: o}
}

func TestEventsSplitRunsByOutcome(t *testing.T) {
	id := trace.Identity{Vantage: "a"}
	xs := []sample{
		at(0, id, "/", trace.Admitted), at(0.001, id, "/", trace.Admitted), at(0.002, id, "/", trace.Admitted),
		at(0.003, id, "/", trace.Limited), at(0.004, id, "/", trace.Limited),
		at(0.5, id, "/", trace.Ignored),
		at(1, id, "/", trace.Limited),
	}
	var got [][2]int
	for _, e := range events(xs, measureTiming(xs)) {
		got = append(got, [2]int{e.Admitted, e.Limited})
	}
	// The first admission stands alone, since it may have opened a window.
	if d := cmp.Diff([][2]int{{1, 0}, {2, 0}, {0, 2}, {0, 1}}, got); d != "" {
		t.Error(d)
	}
}

func TestEventsJoinWhatOverlapped(t *testing.T) {
	id := trace.Identity{Vantage: "a"}
	xs := []sample{
		{sent: 0, rtt: 0.05, id: id, outcome: trace.Admitted}, {sent: 0.001, rtt: 0.04, id: id, outcome: trace.Limited},
		{sent: 0.002, rtt: 0.06, id: id, outcome: trace.Admitted},
	}
	got := events(xs, measureTiming(xs))
	if len(got) != 1 || got[0].Admitted != 2 || got[0].Limited != 1 {
		t.Errorf("overlapping requests have no order, got %+v", got)
	}
}

// What was planned as one burst and left in two is two events, at the instants at
// which it did leave.
func TestEventsFollowWhatWasSentNotWhatWasPlanned(t *testing.T) {
	t.Parallel()
	r := newRecord(oneOfEach())
	for i, ms := range []time.Duration{0, 1, 2, 300, 301} {
		sent := ms * time.Millisecond
		r.observe(trace.Observation{
			Seq: i + 1, Step: 1, Identity: oneOfEach().Baseline(), Route: "/", Status: 429,
			Written: sent, FirstByte: sent + 5*time.Millisecond, Done: sent + 5*time.Millisecond, Late: ms >= 300,
		})
	}
	got := events(r.samples, measureTiming(r.samples))
	if len(got) != 2 || got[0].Limited != 3 || got[1].Limited != 2 || got[1].S != 0.3 {
		t.Errorf("%+v, want three at 0 s and two at 0.3 s", got)
	}
}

// A round trip's excess over the shortest one is all that blurs an instant.
func TestTimingCountsExcessOnly(t *testing.T) {
	id := trace.Identity{}
	var xs []sample
	for i := range 20 {
		xs = append(xs, sample{sent: float64(i), rtt: 0.1, id: id, outcome: trace.Admitted})
	}
	xs = append(xs, sample{sent: 30, rtt: 0.13, id: id, outcome: trace.Admitted})
	tm := measureTiming(xs)
	if w := tm.latest(xs[0]) - xs[0].sent; w > 0.01 {
		t.Errorf("a usual round trip leaves %v s open", w)
	}
	if w := tm.latest(xs[20]) - xs[20].sent; w < 0.03 {
		t.Errorf("a slow round trip leaves only %v s open", w)
	}
}

func sandwichRecord() (*record, trace.Identity, trace.Identity) {
	r := newRecord(twoOfEach())
	base := r.base()
	other := base
	other.Key = "k2"
	for i := range 5 {
		r.keep(at(float64(i)/1000, base, "/", trace.Admitted))
	}
	r.keep(at(0.006, base, "/", trace.Limited))
	return r, base, other
}

func TestContrastNeedsControls(t *testing.T) {
	r, base, other := sandwichRecord()
	r.keep(at(0.007, other, "/", trace.Admitted))
	if cs := r.contrasts(); cs[0].own != 0 {
		t.Error("an admission without a control after it counts")
	}
	r.keep(at(0.008, base, "/", trace.Limited))
	if cs := r.contrasts(); cs[0].own != 1 || cs[0].shared != 0 {
		t.Errorf("a sandwiched admission: %+v", cs[0])
	}
}

func TestContrastLeaksAreVoid(t *testing.T) {
	r, base, other := sandwichRecord()
	r.keep(at(0.007, other, "/", trace.Admitted))
	r.keep(at(0.008, base, "/", trace.Admitted)) // a token had come
	if cs := r.contrasts(); cs[0].own != 0 || cs[0].unclear != 1 {
		t.Errorf("an admission next to an admitted control: %+v", cs[0])
	}
}

// A caller whose own counter may be exhausted says nothing by being refused.
func TestRefusalOfASpentCallerIsNotSharing(t *testing.T) {
	r, base, other := sandwichRecord()
	for i := range 5 {
		r.keep(at(0.007+float64(i)/1000, other, "/", trace.Admitted))
	}
	r.keep(at(0.02, base, "/", trace.Limited))
	r.keep(at(0.021, other, "/", trace.Limited))
	if cs := r.contrasts(); cs[0].shared != 0 {
		t.Errorf("%+v", cs[0])
	}
	r, _, other = sandwichRecord()
	r.keep(at(0.021, other, "/", trace.Limited))
	if cs := r.contrasts(); cs[0].shared != 1 {
		t.Errorf("a rested caller's refusal: %+v", cs[0])
	}
}

func TestCandidatesFollowTheContrasts(t *testing.T) {
	r, base, other := sandwichRecord()
	for range 2 {
		r.keep(at(0.007, other, "/", trace.Admitted))
		r.keep(at(0.008, base, "/", trace.Limited))
	}
	for _, v := range []struct {
		id    trace.Identity
		route string
	}{
		{trace.Identity{Vantage: "127.0.0.2", Key: "k1", User: "u1"}, "/"},
		{trace.Identity{Vantage: "127.0.0.1", Key: "k1", User: "u2"}, "/"},
		{base, "/a"},
	} {
		r.keep(at(0.009, v.id, v.route, trace.Limited))
	}
	cs := r.candidates(r.contrasts())
	if len(cs) != 1 || cs[0] != scopeOf(trace.DimKey) {
		t.Errorf("candidates %v", cs)
	}
	if got := partition(cs, r.tested()); got != scopeOf(trace.DimKey) {
		t.Errorf("partition %v", got.names())
	}
}

// What explained a record splits it, as long as the contrasts leave that.
func TestLikelyScopesComeFirst(t *testing.T) {
	r := newRecord(twoOfEach())
	key, user := scopeOf(trace.DimKey), scopeOf(trace.DimUser)
	for _, c := range []struct{ likely, left, want []scope }{
		{nil, []scope{key, user, 0}, []scope{0}},
		{[]scope{user}, []scope{key, user, 0}, []scope{user}},
		{[]scope{user}, []scope{key, key | user}, []scope{key}},
	} {
		r.likely = c.likely
		if got := r.choose(c.left); got != c.want[0] {
			t.Errorf("of %v, with %v likely: %v", c.left, c.likely, got)
		}
	}
}

func TestCanaryRefusedLeavesItsValueOut(t *testing.T) {
	r := newRecord(twoOfEach())
	id := r.base()
	id.Key = "k2"
	r.observe(trace.Observation{Seq: 1, Identity: r.base(), Route: "/", Status: 200, FirstByte: time.Millisecond})
	r.observe(trace.Observation{Seq: 2, Identity: id, Route: "/", Status: 401, FirstByte: time.Millisecond})
	if n := r.roster.Count(trace.DimKey); n != 1 {
		t.Errorf("%d keys left", n)
	}
}

func TestBankNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for i := range model.Bank {
		if n := model.Bank[i].Name; seen[n] {
			t.Errorf("two variants are called %q", n)
		} else {
			seen[n] = true
		}
	}
}

func TestUnavailableToKnownPartsIsARejection(t *testing.T) {
	a, b := trace.Identity{Vantage: "a", Key: "k1"}, trace.Identity{Vantage: "b", Key: "k2"}
	r := newRecord(trace.Roster{Vantages: []string{"a", "b"}, Keys: []trace.Key{{Name: "k1"}, {Name: "k2"}}, Routes: []string{"/"}})
	at := func(id trace.Identity, status int) trace.Outcome {
		return r.observe(trace.Observation{Step: 1, Identity: id, Route: "/", Status: status})
	}
	at(a, 200)
	if got := at(b, 503); got != trace.Ignored {
		t.Errorf("503 to a caller of whom nothing is known: %v", got)
	}
	at(trace.Identity{Vantage: "b", Key: "k1"}, 200)
	at(trace.Identity{Vantage: "a", Key: "k2"}, 200)
	if got := at(b, 503); got != trace.Limited {
		t.Errorf("503 to a caller whose address and key were let through: %v", got)
	}
	if got := at(b, 403); got != trace.Refused {
		t.Errorf("403 may be about the key at this address: %v", got)
	}
}
