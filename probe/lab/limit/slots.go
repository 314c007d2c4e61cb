package limit

import "time"

// slots is a limit on requests in flight. A slot is held from the decision to
// the release, which the server calls once the answer is out.
type slots struct {
	limit int
	busy  int
}

func (s *slots) take(instant) (bool, time.Duration) {
	if s.busy >= s.limit {
		return false, 0
	}
	s.busy++
	return true, 0
}

// count does nothing: a refused request is not in flight.
func (s *slots) count(instant) {}

func (s *slots) release() { s.busy-- }

// quota knows how many slots are free, and not when the next one will be.
func (s *slots) quota(instant) quota {
	q := quota{remaining: s.limit - s.busy, reset: -1}
	if q.remaining == 0 {
		q.wait = -1
	}
	return q
}
