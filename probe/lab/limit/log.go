package limit

import (
	"sort"
	"time"
)

// log is a sliding log: fewer than limit charges in the window that ends now,
// its older edge left out. Only the latest limit charges matter, so it keeps no
// more, in a ring that grows with use.
type log struct {
	limit  int
	length time.Duration

	ring   []instant
	oldest int // place of the oldest charge once the ring is full
}

// at returns the i-th oldest charge kept.
func (l *log) at(i int) instant { return l.ring[(l.oldest+i)%len(l.ring)] }

func (l *log) take(at instant) (bool, time.Duration) {
	if len(l.ring) == l.limit && l.at(0) > at.add(-l.length) {
		return false, 0
	}
	l.count(at)
	return true, 0
}

func (l *log) count(at instant) {
	if len(l.ring) < l.limit {
		l.ring = append(l.ring, at)
		return
	}
	l.ring[l.oldest] = at
	l.oldest = (l.oldest + 1) % l.limit
}

func (l *log) quota(at instant) quota {
	n, edge := len(l.ring), at.add(-l.length)
	if n == 0 {
		return quota{remaining: l.limit}
	}
	inside := n - sort.Search(n, func(i int) bool { return l.at(i) > edge })
	q := quota{remaining: l.limit - inside}
	if inside > 0 {
		q.reset = l.at(n - 1).sub(edge)
	}
	if q.remaining == 0 {
		q.wait = l.at(0).sub(edge)
	}
	return q
}
