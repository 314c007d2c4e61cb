package limit

import (
	"fmt"
	"strconv"
	"time"
)

// writer writes one layer's headers.
type writer struct {
	dialect    string
	retryAfter string
	limit      int
	limitText  string
	name       string // of the policy
	policy     string // RateLimit-Policy
}

// policyName names the policy of layer i out of n.
// policyHeader declares policies.
const policyHeader = "RateLimit-Policy"

func policyName(i, n int) string {
	if n == 1 {
		return "default"
	}
	return "layer" + strconv.Itoa(i+1)
}

func newWriter(c *config, name string) writer {
	limit := c.headline()
	w := writer{dialect: c.headers, retryAfter: c.retryAfter, limit: limit, name: name}
	if c.headers == headersLying {
		limit *= 2
	}
	w.limitText = strconv.Itoa(limit)
	w.policy = fmt.Sprintf("%q;q=%d", name, limit)
	if period := c.period(); period > 0 && period%time.Second == 0 {
		w.policy += ";w=" + strconv.Itoa(int(period/time.Second))
	}
	return w
}

// headline is the limit that headers claim: what is admitted at once from rest.
func (c *config) headline() int {
	switch c.kind {
	case tokenBucket:
		return c.burst
	case leakyQueue:
		return c.depth + c.undelayed
	}
	return c.limit + c.orLimit
}

// period is the window in which the headline comes back from nothing; 0 where
// there is none.
func (c *config) period() time.Duration {
	switch c.kind {
	case tokenBucket, leakyQueue:
		return seconds(float64(c.headline()) / c.rate).Round(time.Microsecond)
	}
	return c.window
}

// admission is the headers of an answer to an admitted request.
func (w *writer) admission(at instant, q quota) [][2]string {
	if w.dialect == headersNone {
		return nil
	}
	return w.state(make([][2]string, 0, 4), at, q)
}

// refusal is the headers of a refusal.
func (w *writer) refusal(at instant, q quota) [][2]string {
	if w.dialect == headersNone && w.retryAfter == retryNone {
		return nil
	}
	hs := w.state(make([][2]string, 0, 5), at, q)
	if q.wait < 0 || w.retryAfter == retryNone {
		return hs
	}
	var s int64
	switch w.retryAfter {
	case retryExact:
		s = ceil(q.wait)
	case retryFloor:
		s = int64(q.wait / time.Second)
	case retryLong:
		s = ceil(2 * q.wait)
	}
	return append(hs, [2]string{"Retry-After", strconv.FormatInt(s, 10)})
}

func (w *writer) state(hs [][2]string, at instant, q quota) [][2]string {
	switch w.dialect {
	case headersIETF:
		state := `"` + w.name + `";r=` + strconv.Itoa(q.remaining)
		if q.reset >= 0 {
			state += ";t=" + strconv.FormatInt(ceil(q.reset), 10)
		}
		return append(hs, [2]string{policyHeader, w.policy}, [2]string{"RateLimit", state})
	case headersLegacy:
		return w.classic(hs, strconv.Itoa(q.remaining), q.reset, "")
	case headersLying:
		return w.classic(hs, w.limitText, q.reset, "")
	case headersGitHub:
		used := strconv.Itoa(max(0, w.limit-q.remaining))
		reset := q.reset
		if reset >= 0 {
			reset += time.Duration(at)
		}
		return w.classic(hs, strconv.Itoa(q.remaining), reset, used)
	}
	return hs
}

// classic writes the X-RateLimit family; a negative reset and an empty used are
// left out.
func (w *writer) classic(hs [][2]string, remaining string, reset time.Duration, used string) [][2]string {
	hs = append(hs,
		[2]string{"X-RateLimit-Limit", w.limitText},
		[2]string{"X-RateLimit-Remaining", remaining})
	if used != "" {
		hs = append(hs, [2]string{"X-RateLimit-Used", used})
	}
	if reset >= 0 {
		hs = append(hs, [2]string{"X-RateLimit-Reset", strconv.FormatInt(ceil(reset), 10)})
	}
	return hs
}

// ceil is d in whole seconds, rounded up.
func ceil(d time.Duration) int64 {
	return int64((d + time.Second - 1) / time.Second)
}
