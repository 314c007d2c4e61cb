package advise_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"apisonde/analyze/advise"
	"apisonde/analyze/verdict"
)

// subject is a limiter with random settings and what a verdict would say of it.
type subject struct {
	name    string
	limit   verdict.Limit
	limiter func(r *rand.Rand) limiter // a fresh one, at a random phase
}

// around is an interval that holds v, as a measurement leaves it.
func around(r *rand.Rand, v, relative float64) *verdict.Figure {
	lo, hi := v*(1-r.Float64()*relative), v*(1+r.Float64()*relative)
	return &verdict.Figure{Value: lo + r.Float64()*(hi-lo), Lo: lo, Hi: hi}
}

// whole is an interval around a count.
func whole(r *rand.Rand, n int) *verdict.Figure {
	return &verdict.Figure{Value: float64(n), Lo: float64(max(1, n-r.IntN(2))), Hi: float64(n + r.IntN(2))}
}

// subjects draws one limiter of every kind.
func subjects(r *rand.Rand) []subject {
	n := 1 + r.IntN(60)
	w := 0.5 + 20*r.Float64()
	phase := func(r *rand.Rand) float64 { return r.Float64() * w }
	windowed := func(alg string, alignment string) verdict.Limit {
		l := verdict.Limit{Scope: []string{"ip"}, Algorithm: alg, Limit: whole(r, n), WindowS: around(r, w, 0.01), Unit: "requests", Confidence: 0.99}
		l.Burst = l.Limit
		l.RatePerS = &verdict.Figure{Value: float64(n) / w, Lo: l.Limit.Lo / l.WindowS.Hi, Hi: l.Limit.Hi / l.WindowS.Lo}
		if alignment != "" {
			l.Alignment = &alignment
		}
		return l
	}
	refill := 0.5 + 40*r.Float64()
	bucketed := verdict.Limit{Scope: []string{"ip"}, Algorithm: verdict.TokenBucket, Limit: whole(r, n), RatePerS: around(r, refill, 0.01), Unit: "requests", Confidence: 0.99}
	bucketed.Burst = bucketed.Limit
	tick := bucketed
	aligned := verdict.AlignTick
	tick.Alignment = &aligned
	step := 1 + r.IntN(n)
	every := float64(step) / refill
	counter := func(r *rand.Rand) limiter { return &slidingCounter{limit: n, window: w, phase: phase(r)} }
	clock := func(r *rand.Rand) limiter {
		return &fixed{limit: n, window: w, phase: phase(r), countRejected: r.IntN(2) == 0}
	}
	log := func(r *rand.Rand) limiter { return &slidingLog{limit: n, window: w, countRejected: r.IntN(2) == 0} }
	either := windowed(verdict.SlidingLog, "")
	either.Equivalent = []string{verdict.SlidingCounter, verdict.TokenBucket}
	queue := bucketed
	queue.Algorithm, queue.Limit, queue.Undelayed = verdict.LeakyQueue, nil, verdict.Exact(1)
	rateOnly := windowed(verdict.FixedWindow, "")
	rateOnly.Limit, rateOnly.Burst, rateOnly.WindowS = nil, nil, nil
	noRate := windowed(verdict.FixedWindow, verdict.AlignClock)
	noRate.RatePerS = nil
	return []subject{
		{"clock window", windowed(verdict.FixedWindow, verdict.AlignClock), clock},
		{"window without a rate", noRate, clock},
		{"window of which only the rate is known", rateOnly, clock},
		{"window from the first request", windowed(verdict.FixedWindow, verdict.AlignFirstRequest), func(*rand.Rand) limiter { return &anchored{limit: n, window: w} }},
		{"window from the last request", windowed(verdict.FixedWindow, verdict.AlignLastRequest), func(*rand.Rand) limiter { return &anchored{limit: n, window: w, renewed: true} }},
		{"sliding log", windowed(verdict.SlidingLog, ""), log},
		{"sliding counter", windowed(verdict.SlidingCounter, ""), counter},
		{"log that may be a counter", either, counter},
		{"log that may be a bucket", either, func(*rand.Rand) limiter { return newBucket(float64(n)/w, n) }},
		{"not recognised", windowed(verdict.Unknown, ""), counter},
		{"bucket", bucketed, func(*rand.Rand) limiter { return newBucket(refill, n) }},
		{"bucket refilled in steps", tick, func(r *rand.Rand) limiter {
			return &ticking{size: n, step: step, every: every, phase: r.Float64() * every, tokens: n}
		}},
		{"leaky queue", queue, func(*rand.Rand) limiter { return newBucket(refill, n) }},
	}
}

// follow sends n requests as fast as the advice allows, with rests after which
// the whole burst goes out, and returns the instants of sending.
func follow(p verdict.Pace, n int, r *rand.Rand) []float64 {
	tokens, last, now := *p.Burst, 0.0, 0.0
	var sends []float64
	for range n {
		if r.IntN(40) == 0 {
			now += r.Float64() * 3 * *p.Burst / *p.RatePerS
		}
		tokens = min(*p.Burst, tokens+(now-last)**p.RatePerS)
		last = now
		if tokens < 1 {
			now += max((1-tokens) / *p.RatePerS, *p.MinSpacingS*(1-tokens))
			tokens, last = 1, now
		}
		tokens--
		sends = append(sends, now)
	}
	return sends
}

// arrive delays every request by up to spread: by chance, or so that as many as
// possible arrive at once at some instant.
func arrive(sends []float64, spread float64, r *rand.Rand) []float64 {
	at := make([]float64, len(sends))
	meet := r.Float64() * sends[len(sends)-1]
	style := r.IntN(3)
	for i, s := range sends {
		switch style {
		case 0:
			at[i] = s + r.Float64()*spread
		case 1:
			at[i] = s + float64(r.IntN(2))*spread
		default:
			at[i] = s + min(max(meet-s, 0), spread)
		}
	}
	slices.Sort(at)
	return at
}

// start is long after zero, so that a limiter's own beginning plays no part.
const start = 1000

func rejections(l limiter, at []float64) int {
	n := 0
	for _, t := range at {
		if !l.admit(start + t) {
			n++
		}
	}
	return n
}

func TestFollowingTheAdviceIsNeverRejected(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 1))
		for _, s := range subjects(r) {
			c := advise.Client{RTT: 5 * time.Millisecond, Spread: time.Duration(r.IntN(200)) * time.Millisecond}
			a := advise.For([]verdict.Limit{s.limit}, c)
			if a.Pace.RatePerS == nil {
				t.Fatalf("seed %d, %s: no rate is advised", seed, s.name)
			}
			for range 4 {
				at := arrive(follow(a.Pace, 300, r), c.Spread.Seconds(), r)
				if n := rejections(s.limiter(r), at); n > 0 {
					t.Errorf("seed %d, %s %+v: %d rejections at %v", seed, s.name, s.limit, n, *a.Pace.RatePerS)
				}
			}
		}
	}
}

func TestFollowingTheAdviceIsNeverRejectedByAnyOfSeveralLayers(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 2))
		one, other := subjects(r), subjects(r)
		a, b := one[r.IntN(len(one))], other[r.IntN(len(other))]
		c := advise.Client{Spread: time.Duration(r.IntN(100)) * time.Millisecond}
		got := advise.For([]verdict.Limit{a.limit, b.limit}, c)
		at := arrive(follow(got.Pace, 300, r), c.Spread.Seconds(), r)
		if n := rejections(all{a.limiter(r), b.limiter(r)}, at); n > 0 {
			t.Errorf("seed %d, %s behind %s: %d rejections", seed, a.name, b.name, n)
		}
	}
}

// A twentieth faster than advised, something refuses: the advice is not
// needlessly slow where it is known exactly how fast one may go.
func TestFasterThanTheAdviceIsRejected(t *testing.T) {
	t.Parallel()
	refused := map[string]int{}
	const rounds = 40
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 3))
		n, w := 20+r.IntN(40), 2+10*r.Float64()
		for _, s := range []subject{
			{"clock window", verdict.Limit{Algorithm: verdict.FixedWindow}, func(r *rand.Rand) limiter { return &fixed{limit: n, window: w, phase: r.Float64() * w} }},
			{"sliding log", verdict.Limit{Algorithm: verdict.SlidingLog}, func(*rand.Rand) limiter { return &slidingLog{limit: n, window: w} }},
			{"bucket", verdict.Limit{Algorithm: verdict.TokenBucket}, func(*rand.Rand) limiter { return newBucket(float64(n)/w, n) }},
		} {
			s.limit.Limit, s.limit.Burst, s.limit.RatePerS = verdict.Exact(float64(n)), verdict.Exact(float64(n)), verdict.Exact(float64(n)/w)
			if s.limit.Algorithm != verdict.TokenBucket {
				s.limit.WindowS = verdict.Exact(w)
			}
			c := advise.Client{Spread: 50 * time.Millisecond}
			p := advise.For([]verdict.Limit{s.limit}, c).Pace
			for range 20 {
				at := arrive(hurried(*p.RatePerS*1.05, 30*n), c.Spread.Seconds(), r)
				if rejections(s.limiter(r), at) > 0 {
					refused[s.name]++
					break
				}
			}
		}
	}
	for _, name := range []string{"clock window", "sliding log", "bucket"} {
		if refused[name] < rounds {
			t.Errorf("%s: a twentieth more was refused in %d of %d rounds", name, refused[name], rounds)
		}
	}
}

// hurried sends n requests evenly.
func hurried(rate float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(i) / rate
	}
	return out
}

// The shares of the capacity that a client in the dark about the phase can have,
// at a spread of 50 ms.
func TestAdviceUsesTheCapacity(t *testing.T) {
	t.Parallel()
	windowed := func(alg string, n, w float64) verdict.Limit {
		return verdict.Limit{Algorithm: alg, Limit: verdict.Exact(n), Burst: verdict.Exact(n), WindowS: verdict.Exact(w), RatePerS: verdict.Exact(n / w)}
	}
	bucketed := func(r, b float64) verdict.Limit {
		return verdict.Limit{Algorithm: verdict.TokenBucket, Limit: verdict.Exact(b), Burst: verdict.Exact(b), RatePerS: verdict.Exact(r)}
	}
	for _, tt := range []struct {
		name  string
		limit verdict.Limit
		least float64
	}{
		{"window of 100 per 10 s", windowed(verdict.FixedWindow, 100, 10), 0.984},
		{"window of 60 per 60 s", windowed(verdict.FixedWindow, 60, 60), 0.999},
		{"log of 100 per 10 s", windowed(verdict.SlidingLog, 100, 10), 0.99},
		{"counter of 100 per 10 s", windowed(verdict.SlidingCounter, 100, 10), 0.954},
		{"bucket of 20 at 10 per s", bucketed(10, 20), 0.999},
		{"bucket of 1 at 10 per s", bucketed(10, 1), 0.666},
		{"bucket of 2 at 10 per s", bucketed(10, 2), 0.999},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := advise.For([]verdict.Limit{tt.limit}, advise.Client{RTT: time.Millisecond, Spread: 50 * time.Millisecond})
			if got := *a.Expected.Efficiency; got < tt.least {
				t.Errorf("efficiency is %v, want at least %v", got, tt.least)
			}
			if got, want := *a.Expected.Efficiency, *a.Pace.RatePerS/tt.limit.RatePerS.Value; math.Abs(got-want) > 0.001 {
				t.Errorf("efficiency is %v, but the rate gives %v", got, want)
			}
		})
	}
}

// A client that retries as advised is let in again, from whatever moment of a
// full window, before its attempts are spent.
func TestBackoffReachesTheNextWindow(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 4))
		all := subjects(r)
		s := all[r.IntN(len(all))]
		a := advise.For([]verdict.Limit{s.limit}, advise.Client{RTT: 5 * time.Millisecond, Spread: 20 * time.Millisecond})
		l := s.limiter(r)
		now := start + r.Float64()*30
		for l.admit(now) { // exhaust it at once
		}
		wait, ok := a.Backoff.BaseS, false
		for range a.Backoff.MaxAttempts - 1 {
			now += wait * (1 + 0.1*r.Float64())
			if ok = l.admit(now); ok {
				break
			}
			wait = min(wait*a.Backoff.Factor, a.Backoff.CapS)
		}
		if !ok {
			t.Errorf("seed %d, %s: not admitted again after %v", seed, s.name, fmt.Sprintf("%+v", a.Backoff))
		}
	}
}
