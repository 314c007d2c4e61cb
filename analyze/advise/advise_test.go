package advise_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisonde/analyze/advise"
	"apisonde/analyze/verdict"
)

func ptr[T any](v T) *T { return &v }

var client = advise.Client{RTT: 20 * time.Millisecond, Spread: 10 * time.Millisecond}

func window(n, w float64, scope ...string) verdict.Limit {
	return verdict.Limit{
		Scope: scope, Algorithm: verdict.FixedWindow, Unit: "requests", Confidence: 0.99,
		Limit: verdict.Exact(n), Burst: verdict.Exact(n), WindowS: verdict.Exact(w), RatePerS: verdict.Exact(n / w),
	}
}

func bucket(r, b float64, scope ...string) verdict.Limit {
	return verdict.Limit{
		Scope: scope, Algorithm: verdict.TokenBucket, Unit: "requests", Confidence: 0.99,
		Limit: verdict.Exact(b), Burst: verdict.Exact(b), RatePerS: verdict.Exact(r),
	}
}

func concurrent(n float64, scope ...string) verdict.Limit {
	return verdict.Limit{Scope: scope, Algorithm: verdict.Concurrency, Unit: "requests", Confidence: 0.9, Limit: verdict.Exact(n)}
}

func TestNothingIsAdvisedWithoutALimit(t *testing.T) {
	if a := advise.For(nil, client); a != nil {
		t.Errorf("got %+v, want nil", a)
	}
}

func TestAdviceForABucket(t *testing.T) {
	l := bucket(10, 21, "ip")
	l.RatePerS = &verdict.Figure{Value: 10, Lo: 9.98, Hi: 10.02}
	want := &verdict.Advice{
		Pace:     verdict.Pace{Per: []string{"ip"}, RatePerS: ptr(9.978), Burst: ptr(20.0), Concurrency: ptr(2), MinSpacingS: ptr(0.10023)},
		Backoff:  verdict.Backoff{BaseS: 0.101, Factor: 2, CapS: 2.12, MaxAttempts: 7, Jitter: "positive", HonorRetryAfter: true},
		Expected: verdict.Expected{Efficiency: ptr(0.997), RejectsPer1000: ptr(0.0)},
		Reasons: []verdict.Reason{
			{Setting: "pace.per", Because: "the counter's own key: each value has a counter of its own"},
			{Setting: "pace.rate_per_s", Because: "the token bucket: r less two clocks' drift, with the spread paid from the burst (B − rδ): r = 9.98 (the low end of 9.98 to 10.02 per second), B = 21 (exact), δ = 10 ms (the spread of the round trips)"},
			{Setting: "pace.min_spacing_s", Because: "1/rate: evenly spaced requests never meet in one window"},
			{Setting: "pace.burst", Because: "the token bucket: ⌊B − rδ⌋, what may be sent at once after a rest"},
			{Setting: "pace.concurrency", Because: "1 + rate · round trip (Little's law), with a slow round trip of 30 ms: more in flight gains nothing"},
			{Setting: "backoff.base_s", Because: "the token bucket: the longer of 1/r, when the next request is due, and a slow round trip"},
			{Setting: "backoff.factor", Because: "2: doubling reaches the longest useful wait in few attempts"},
			{Setting: "backoff.cap_s", Because: "the token bucket: waiting longer than it takes to recover gains nothing (W + δ)"},
			{Setting: "backoff.max_attempts", Because: "1 + ⌈log₂(2·cap/base + 1)⌉: all waits together last twice as long as the limit needs to recover"},
			{Setting: "backoff.jitter", Because: "add chance to a wait, never subtract: too early is refused, and all at once is refused too"},
			{Setting: "backoff.honor_retry_after", Because: "absent so far; obey it should it appear, and use the waits above until then"},
			{Setting: "expected.rejects_per_1000", Because: "none while the stated figures hold, whose confidence is 0.99, and nobody else spends from the same counter"},
			{Setting: "expected.efficiency", Because: "the advised rate over the least limit's rate of 10 per second"},
		},
	}
	if d := cmp.Diff(want, advise.For([]verdict.Limit{l}, client)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A window that still counts a request which is exactly one window old refuses
// the client that sends L per W to the letter.
func TestPaceIsStrictlyInsideTheWindow(t *testing.T) {
	p := advise.For([]verdict.Limit{window(10, 10, "key")}, advise.Client{}).Pace
	if *p.MinSpacingS <= 1 {
		t.Errorf("spacing is %v s, want more than 1 s", *p.MinSpacingS)
	}
	at := make([]float64, 100)
	for i := range at {
		at[i] = float64(i) * *p.MinSpacingS
	}
	if n := rejections(&slidingLog{limit: 10, window: 10}, at); n > 0 {
		t.Errorf("%d rejections", n)
	}
}

func TestPace(t *testing.T) {
	open := window(30, 5)
	open.Scope = nil
	unknownWindow := window(30, 5, "key")
	unknownWindow.WindowS, unknownWindow.RatePerS = nil, nil
	points := window(100, 10, "key")
	points.Unit = "points"
	lowLimit := window(30, 5, "key")
	lowLimit.Limit = &verdict.Figure{Value: 30, Lo: 28.2, Hi: 33}
	renewed := window(30, 5, "key")
	renewed.Alignment = ptr(verdict.AlignLastRequest)
	queue := bucket(50, 12, "ip")
	queue.Algorithm, queue.Limit, queue.Undelayed = verdict.LeakyQueue, nil, verdict.Exact(3)
	endless := queue
	endless.Burst, endless.Undelayed = nil, nil
	delaying := window(40, 2, "ip")
	delaying.Algorithm, delaying.RatePerS, delaying.Burst = verdict.LeakyQueue, nil, nil
	unknown := verdict.Limit{Scope: []string{"key"}, Algorithm: verdict.Unknown, Limit: verdict.Exact(9)}
	still := advise.Client{RTT: 20 * time.Millisecond}

	for _, tt := range []struct {
		name   string
		limits []verdict.Limit
		client advise.Client
		want   verdict.Pace
	}{
		{"a window: L/(W + δ), strictly", []verdict.Limit{window(30, 5, "key")}, still,
			verdict.Pace{Per: []string{"key"}, RatePerS: ptr(5.9988), Burst: ptr(1.0), Concurrency: ptr(2), MinSpacingS: ptr(0.16671)}},
		{"an open scope is paced for the whole client", []verdict.Limit{open}, still,
			verdict.Pace{RatePerS: ptr(5.9988), Burst: ptr(1.0), Concurrency: ptr(2), MinSpacingS: ptr(0.16671)}},
		{"an uncertain limit counts with its low end, whole", []verdict.Limit{lowLimit}, still,
			verdict.Pace{Per: []string{"key"}, RatePerS: ptr(5.5988), Burst: ptr(1.0), Concurrency: ptr(2), MinSpacingS: ptr(0.17861)}},
		{"no window, no rate", []verdict.Limit{unknownWindow}, still, verdict.Pace{Per: []string{"key"}}},
		{"only a size of unknown kind, no rate", []verdict.Limit{unknown}, still, verdict.Pace{Per: []string{"key"}}},
		{"points are not requests", []verdict.Limit{points}, still, verdict.Pace{Per: []string{"key"}}},
		{"a window that every request renews", []verdict.Limit{renewed}, still,
			verdict.Pace{Per: []string{"key"}, RatePerS: ptr(0.19996), Burst: ptr(1.0), Concurrency: ptr(2), MinSpacingS: ptr(5.0011)}},
		{"concurrency alone", []verdict.Limit{concurrent(5, "user")}, still,
			verdict.Pace{Per: []string{"user"}, Concurrency: ptr(5)}},
		{"concurrency below what the rate needs", []verdict.Limit{bucket(1000, 50, "ip"), concurrent(5, "ip")}, still,
			verdict.Pace{Per: []string{"ip"}, RatePerS: ptr(999.8), Burst: ptr(50.0), Concurrency: ptr(5), MinSpacingS: ptr(0.0010003)}},
		{"no round trip measured, no concurrency", []verdict.Limit{bucket(10, 20, "ip")}, advise.Client{},
			verdict.Pace{Per: []string{"ip"}, RatePerS: ptr(9.998), Burst: ptr(20.0), MinSpacingS: ptr(0.10003)}},
		{"two layers: the least rate and the least burst", []verdict.Limit{bucket(100, 5, "ip"), bucket(10, 20, "ip")}, still,
			verdict.Pace{Per: []string{"ip"}, RatePerS: ptr(9.998), Burst: ptr(5.0), Concurrency: ptr(2), MinSpacingS: ptr(0.10003)}},
		{"only what all layers tell apart is paced apart", []verdict.Limit{bucket(10, 5, "ip", "key"), bucket(100, 20, "ip")}, still,
			verdict.Pace{Per: []string{"ip"}, RatePerS: ptr(9.998), Burst: ptr(5.0), Concurrency: ptr(2), MinSpacingS: ptr(0.10003)}},
		{"layers with nothing in common", []verdict.Limit{bucket(10, 5, "key"), bucket(100, 20, "ip")}, still,
			verdict.Pace{Per: []string{}, RatePerS: ptr(9.998), Burst: ptr(5.0), Concurrency: ptr(2), MinSpacingS: ptr(0.10003)}},
		{"a counter for everybody", []verdict.Limit{bucket(10, 5, []string{}...), bucket(100, 20, "ip")}, still,
			verdict.Pace{Per: []string{}, RatePerS: ptr(9.998), Burst: ptr(5.0), Concurrency: ptr(2), MinSpacingS: ptr(0.10003)}},
		{"a queue: not more at once than goes undelayed", []verdict.Limit{queue}, still,
			verdict.Pace{Per: []string{"ip"}, RatePerS: ptr(49.99), Burst: ptr(3.0), Concurrency: ptr(2), MinSpacingS: ptr(0.020005)}},
		{"a queue that never refuses", []verdict.Limit{endless}, still,
			verdict.Pace{Per: []string{"ip"}, RatePerS: ptr(49.99), Burst: ptr(1.0), Concurrency: ptr(2), MinSpacingS: ptr(0.020005)}},
		{"a window that only delays", []verdict.Limit{delaying}, still,
			verdict.Pace{Per: []string{"ip"}, RatePerS: ptr(19.99), Burst: ptr(1.0), Concurrency: ptr(2), MinSpacingS: ptr(0.050026)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := advise.For(tt.limits, tt.client)
			if d := cmp.Diff(tt.want, got.Pace); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			promised := got.Pace.RatePerS != nil || got.Pace.Concurrency != nil
			if (got.Expected.RejectsPer1000 != nil) != promised {
				t.Errorf("rejects per 1000 are %v with pace %+v", got.Expected.RejectsPer1000, got.Pace)
			}
		})
	}
}

func TestAnUnknownLayerBesideAKnownOnePromisesNothing(t *testing.T) {
	a := advise.For([]verdict.Limit{bucket(10, 5, "ip"), {Scope: []string{"ip"}, Algorithm: verdict.Unknown}}, client)
	if a.Pace.RatePerS == nil || a.Expected.RejectsPer1000 != nil {
		t.Errorf("rate %v, rejects %v: want a rate and no promise", a.Pace.RatePerS, a.Expected.RejectsPer1000)
	}
	want := "layer 2, the limit of unknown kind: no rate can be advised, because neither its size nor its period is known; the rate below keeps to the other layers, which may not be enough"
	if got := because(a, "pace.rate_per_s"); !strings.Contains(got, want) {
		t.Errorf("reasons for the rate are %q, want %q among them", got, want)
	}
}

func TestBackoff(t *testing.T) {
	with := func(l verdict.Limit, change func(*verdict.Rejection)) verdict.Limit {
		change(&l.Rejection)
		return l
	}
	ra := func(v string, bias float64) func(*verdict.Rejection) {
		return func(r *verdict.Rejection) { r.RetryAfter = verdict.RetryAfter{Verdict: v, BiasS: &bias} }
	}
	unknown := window(30, 5, "key")
	unknown.WindowS, unknown.RatePerS = nil, nil
	log := window(30, 8, "key")
	log.Algorithm = verdict.SlidingLog

	for _, tt := range []struct {
		name   string
		limits []verdict.Limit
		want   verdict.Backoff
	}{
		{"a window: an eighth of it at first, all of it at last", []verdict.Limit{window(30, 8, "key")},
			verdict.Backoff{BaseS: 1, CapS: 8.01, MaxAttempts: 6, HonorRetryAfter: true}},
		{"layers: as soon as any may recover, as long as all may take", []verdict.Limit{window(30, 8, "key"), bucket(10, 5, "key")},
			verdict.Backoff{BaseS: 0.1, CapS: 8.01, MaxAttempts: 9, HonorRetryAfter: true}},
		{"an unknown window: customary waits", []verdict.Limit{unknown},
			verdict.Backoff{BaseS: 1, CapS: 60, MaxAttempts: 8, HonorRetryAfter: true}},
		{"rejections that count: the whole window at once", []verdict.Limit{with(log, func(r *verdict.Rejection) { r.CountsAgainstLimit = ptr(true) })},
			verdict.Backoff{BaseS: 8.01, CapS: 8.01, MaxAttempts: 3, HonorRetryAfter: true}},
		{"a penalty: all of it, from the high end", []verdict.Limit{with(window(30, 8, "key"), func(r *verdict.Rejection) { r.PenaltyS = &verdict.Figure{Value: 20, Lo: 19, Hi: 21} })},
			verdict.Backoff{BaseS: 21.1, CapS: 21.1, MaxAttempts: 3, HonorRetryAfter: true}},
		{"concurrency", []verdict.Limit{concurrent(4, "key")},
			verdict.Backoff{BaseS: 0.015, CapS: 1, MaxAttempts: 9, HonorRetryAfter: true}},
		{"an exact Retry-After", []verdict.Limit{with(window(30, 8, "key"), ra("exact", 0))},
			verdict.Backoff{BaseS: 1, CapS: 8.01, MaxAttempts: 6, HonorRetryAfter: true}},
		{"a late one", []verdict.Limit{with(window(30, 8, "key"), ra("late", 4))},
			verdict.Backoff{BaseS: 1, CapS: 8.01, MaxAttempts: 6, HonorRetryAfter: true}},
		{"an early one is obeyed with what it lacks", []verdict.Limit{with(window(30, 8, "key"), ra("early", -0.97))},
			verdict.Backoff{BaseS: 1, CapS: 8.01, MaxAttempts: 6, HonorRetryAfter: true, RetryAfterMarginS: 0.97}},
		{"an early one of unknown lack is taken for floored", []verdict.Limit{with(window(30, 8, "key"), func(r *verdict.Rejection) { r.RetryAfter.Verdict = "early" })},
			verdict.Backoff{BaseS: 1, CapS: 8.01, MaxAttempts: 6, HonorRetryAfter: true, RetryAfterMarginS: 1}},
		{"an inconsistent one is not used", []verdict.Limit{with(window(30, 8, "key"), ra("early", -0.97)), with(window(30, 8, "key"), ra("inconsistent", 0))},
			verdict.Backoff{BaseS: 1, CapS: 8.01, MaxAttempts: 6}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Factor, tt.want.Jitter = 2, "positive"
			if d := cmp.Diff(tt.want, advise.For(tt.limits, client).Backoff); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// Every setting that is given has a reason, and none is given twice.
func TestEverySettingHasAReason(t *testing.T) {
	a := advise.For([]verdict.Limit{bucket(10, 21, "ip"), window(30, 8, "ip"), concurrent(3, "ip")}, client)
	seen := map[string]int{}
	for _, r := range a.Reasons {
		seen[r.Setting]++
		if r.Because == "" {
			t.Errorf("%s has an empty reason", r.Setting)
		}
	}
	for _, s := range []string{
		"pace.per", "pace.rate_per_s", "pace.burst", "pace.concurrency", "pace.min_spacing_s",
		"backoff.base_s", "backoff.factor", "backoff.cap_s", "backoff.max_attempts", "backoff.jitter", "backoff.honor_retry_after",
		"expected.efficiency", "expected.rejects_per_1000",
	} {
		if seen[s] != 1 {
			t.Errorf("%s has %d reasons, want 1", s, seen[s])
		}
	}
}

func because(a *verdict.Advice, setting string) string {
	var all []string
	for _, r := range a.Reasons {
		if r.Setting == setting {
			all = append(all, r.Because)
		}
	}
	return strings.Join(all, "\n")
}
