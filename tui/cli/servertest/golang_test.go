package servertest

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-chi/httprate"
	"github.com/throttled/throttled/v2"
	gcra "github.com/throttled/throttled/v2/store/memstore"
	"github.com/ulule/limiter/v3"
	"github.com/ulule/limiter/v3/drivers/middleware/stdlib"
	"github.com/ulule/limiter/v3/drivers/store/memory"
	"golang.org/x/time/rate"

	"apisonde/analyze/verdict"
)

// middleware puts a limiter before a handler.
type middleware = func(http.Handler) http.Handler

// counting is a server that counts what arrives, before any limiter.
type counting struct {
	*httptest.Server
	requests atomic.Int64
}

// serve starts a server on loopback behind limit; it ends with the test.
func serve(t *testing.T, limit middleware) *counting {
	t.Helper()
	limited := limit(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "fine\n") // a caller that went away is its own loss
	}))
	c := &counting{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.requests.Add(1)
		limited.ServeHTTP(w, r)
	}))
	t.Cleanup(c.Close)
	return c
}

// count is how many requests arrived so far.
func (c *counting) count() int { return int(c.requests.Load()) }

func byKey(r *http.Request) string  { return r.Header.Get("X-Api-Key") }
func byUser(r *http.Request) string { return r.Header.Get("X-User") }

func byAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func everybody(*http.Request) string { return "" }

// xtime limits each caller that whose names with golang.org/x/time/rate.
func xtime(whose func(*http.Request) string, perSecond rate.Limit, burst int) middleware {
	var mu sync.Mutex
	limiters := map[string]*rate.Limiter{}
	allow := func(caller string) bool {
		mu.Lock()
		defer mu.Unlock()
		l := limiters[caller]
		if l == nil {
			l = rate.NewLimiter(perSecond, burst)
			limiters[caller] = l
		}
		return l.Allow()
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !allow(whose(r)) {
				http.Error(w, "slow down", http.StatusTooManyRequests)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// ulule limits each caller with github.com/ulule/limiter and its store in memory.
func ulule(whose func(*http.Request) string, limit int64, window time.Duration) middleware {
	l := limiter.New(memory.NewStore(), limiter.Rate{Period: window, Limit: limit})
	return stdlib.NewMiddleware(l, stdlib.WithKeyGetter(whose)).Handler
}

// throttle limits each caller with the GCRA of github.com/throttled/throttled,
// which admits one more than burst at once.
func throttle(t *testing.T, whose func(*http.Request) string, perSecond, burst int) middleware {
	t.Helper()
	store, err := gcra.NewCtx(100)
	if err != nil {
		t.Fatal(err)
	}
	l, err := throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{MaxRate: throttled.PerSec(perSecond), MaxBurst: burst})
	if err != nil {
		t.Fatal(err)
	}
	h := throttled.HTTPRateLimiterCtx{RateLimiter: l, VaryBy: &throttled.VaryBy{Custom: whose}}
	return h.RateLimit
}

// chi limits each caller with github.com/go-chi/httprate.
func chi(whose func(*http.Request) string, limit int, window time.Duration) middleware {
	return httprate.LimitBy(limit, window, func(r *http.Request) (string, error) { return whose(r), nil })
}

func unlimited(next http.Handler) http.Handler { return next }

func TestGoLibraries(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		limit middleware
		truth truth
		open  bool // whether the algorithm may be left open
	}{ // those that take longest first, that none is left to run alone
		{
			"ulule/limiter by key", ulule(byKey, 12, 3*time.Second),
			truth{scope: []string{"key"}, algorithm: verdict.FixedWindow, limit: 12, windowS: 3}, false,
		},
		{
			"go-chi/httprate by address", chi(byAddress, 15, 4*time.Second),
			truth{scope: []string{"ip"}, algorithm: verdict.SlidingCounter, limit: 15, windowS: 4}, true,
		},
		{
			"golang.org/x/time/rate by key", xtime(byKey, 8, 16),
			truth{scope: []string{"key"}, algorithm: verdict.TokenBucket, limit: 16, ratePerS: 8}, false,
		},
		{
			"golang.org/x/time/rate by user", xtime(byUser, 6, 9),
			truth{scope: []string{"user"}, algorithm: verdict.TokenBucket, limit: 9, ratePerS: 6}, false,
		},
		{
			"golang.org/x/time/rate for everybody", xtime(everybody, 10, 25),
			truth{scope: []string{}, algorithm: verdict.TokenBucket, limit: 25, ratePerS: 10}, false,
		},
		{
			"throttled by address", throttle(t, byAddress, 5, 11),
			truth{scope: []string{"ip"}, algorithm: verdict.TokenBucket, limit: 12, ratePerS: 5}, false,
		},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, tt.limit)
			a := assess(t, s.URL, show(i+1), everyone())
			a.sameCount(t, s.count())
			if tt.open {
				tt.truth.checkOpenly(t, a)
			} else {
				tt.truth.check(t, a)
			}
		})
	}
}

func TestNoLimiter(t *testing.T) {
	t.Parallel()
	s := serve(t, unlimited)
	a := assess(t, s.URL, "21", everyone())
	a.sameCount(t, s.count())
	checkUnlimited(t, a)
}
