package limit

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// bucket is a token bucket, full at first. A refused request that counts is a
// reservation nobody uses: the bucket goes into debt for it, without bound.
type bucket struct {
	rate    float64
	burst   int
	limiter *rate.Limiter
}

func newBucket(perSecond float64, burst int) *bucket {
	return &bucket{rate: perSecond, burst: burst, limiter: rate.NewLimiter(rate.Limit(perSecond), burst)}
}

// clock is at as the library takes it.
func clock(at instant) time.Time { return time.Unix(0, int64(at)) }

func (b *bucket) take(at instant) (bool, time.Duration) {
	return b.limiter.AllowN(clock(at), 1), 0
}

func (b *bucket) count(at instant) { b.limiter.ReserveN(clock(at), 1) }

func (b *bucket) quota(at instant) quota {
	tokens := b.limiter.TokensAt(clock(at))
	q := quota{
		// The library admits a request that lacks less than a nanosecond's refill.
		remaining: max(0, int(math.Floor(tokens+b.rate*1e-9))),
		reset:     seconds((float64(b.burst) - tokens) / b.rate),
	}
	if q.remaining == 0 {
		q.wait = seconds((1 - tokens) / b.rate)
	}
	return q
}

// seconds is s as a duration, rounded to whole nanoseconds and cut to what fits.
func seconds(s float64) time.Duration {
	const most = float64(math.MaxInt64 / 2)
	return time.Duration(math.Round(min(s*float64(time.Second), most)))
}
