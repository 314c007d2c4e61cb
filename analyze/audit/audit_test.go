package audit_test

import (
	"testing"
	"time"

	"apisonde/analyze/verdict"
	"apisonde/probe/sim"
)

var lan = sim.Net{RTT: 400 * time.Microsecond, Jitter: 200 * time.Microsecond, Think: 30 * time.Millisecond}

// about says whether a conflict about one of the headers was found.
func about(v verdict.Verdict, headers ...string) bool {
	for _, c := range v.Headers.Conflicts {
		for _, h := range headers {
			if c.Header == h {
				return true
			}
		}
	}
	return false
}

func TestPracticeServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		spec       string
		limit      bool // X-RateLimit-Limit lies
		remaining  bool // X-RateLimit-Remaining lies
		retryAfter string
		source     string
	}{
		{"fixed-window,limit=30,window=5s,by=key,headers=ietf", false, false, "exact", "measured+advertised"},
		{"sliding-log,limit=20,window=5s,by=user,headers=github", false, false, "exact", "measured"},
		{"token-bucket,rate=10,burst=20,by=ip,headers=legacy", false, false, "exact", "measured"},
		{"fixed-window,limit=30,window=5s,by=key,headers=lying", true, true, "exact", "measured"},
		{"token-bucket,rate=10,burst=20,headers=lying,retry-after=floor", true, true, "early", "measured"},
		{"fixed-window,limit=30,window=5s,align=first-request,headers=ietf,retry-after=floor", false, false, "early", "measured"},
		{"fixed-window,limit=30,window=5s,align=first-request,headers=none,retry-after=long", false, false, "late", "measured"},
		{"leaky-queue,rate=10,depth=10,headers=lying", false, true, "exact", "measured"},
		{"leaky-queue,rate=10,depth=10,headers=ietf", false, false, "exact", "measured"},
		{"sliding-counter,limit=20,window=5s,headers=lying", true, true, "exact", "measured"},
	} {
		t.Run(c.spec, func(t *testing.T) {
			t.Parallel()
			_, v := probe(t, 3, lan, c.spec)
			if len(v.Limits) != 1 {
				t.Fatalf("%d limits, want 1", len(v.Limits))
			}
			l := v.Limits[0]
			if got := about(v, "X-RateLimit-Limit"); got != c.limit {
				t.Errorf("conflict about the limit: %v, want %v: %+v", got, c.limit, v.Headers.Conflicts)
			}
			if got := about(v, "X-RateLimit-Remaining"); got != c.remaining {
				t.Errorf("conflict about the remaining count: %v, want %v: %+v", got, c.remaining, v.Headers.Conflicts)
			}
			wrong := c.retryAfter == "early" || c.retryAfter == "late"
			if got := about(v, "Retry-After"); got != wrong {
				t.Errorf("conflict about Retry-After: %v, want %v: %+v", got, wrong, v.Headers.Conflicts)
			}
			if about(v, "RateLimit", "RateLimit-Policy", "X-RateLimit-Reset") {
				t.Errorf("conflict about an honest header: %+v", v.Headers.Conflicts)
			}
			if got := l.Rejection.RetryAfter; got.Verdict != c.retryAfter {
				t.Errorf("Retry-After is %+v, want %s", got, c.retryAfter)
			}
			if l.Source != c.source {
				t.Errorf("source is %s, want %s", l.Source, c.source)
			}
		})
	}
}
