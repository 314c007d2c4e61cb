package limit

import "time"

// stepped is a token bucket, full at first, that is filled in steps: so many whole tokens
// at every tick. A refused request that counts puts it into debt.
type stepped struct {
	burst, each int
	tick        time.Duration
	grid        grid

	begun bool
	lacks int     // tokens
	last  instant // tick that came in
}

// roll lets in the tokens of the ticks since the last one.
func (s *stepped) roll(at instant) {
	if !s.begun {
		s.begun = true
		if !s.grid.fixed() { // ticks are counted from the first request on
			s.grid.origin = at
		}
		s.last = at.floor(s.grid.origin, s.tick)
	}
	ticks := int64(at.sub(s.last) / s.tick)
	s.last = s.last.add(time.Duration(ticks) * s.tick)
	if come := ticks * int64(s.each); come < int64(s.lacks) {
		s.lacks -= int(come)
	} else {
		s.lacks = 0
	}
}

func (s *stepped) take(at instant) (bool, time.Duration) {
	s.roll(at)
	if s.lacks >= s.burst {
		return false, 0
	}
	s.lacks++
	return true, 0
}

func (s *stepped) count(at instant) {
	s.roll(at)
	s.lacks++
}

func (s *stepped) quota(at instant) quota {
	s.roll(at)
	q := quota{remaining: max(0, s.burst-s.lacks), reset: s.until(at, s.lacks)}
	if q.remaining == 0 {
		q.wait = s.until(at, s.lacks-s.burst+1)
	}
	return q
}

// until is how long it takes for so many tokens to come in.
func (s *stepped) until(at instant, tokens int) time.Duration {
	if tokens <= 0 {
		return 0
	}
	ticks := (tokens + s.each - 1) / s.each
	return s.last.add(time.Duration(ticks) * s.tick).sub(at)
}
