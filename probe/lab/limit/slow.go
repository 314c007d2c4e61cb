package limit

import "time"

// slower is a window that holds answers back instead of refusing: past after
// requests each is held delay longer than the one before, at most most; where the
// window has a limit, requests past it are refused.
type slower struct {
	window
	after       int
	delay, most time.Duration
}

func (s *slower) take(at instant) (bool, time.Duration) {
	if admit, _ := s.window.take(at); !admit {
		return false, 0
	}
	late := max(0, s.used-s.after)
	return true, min(time.Duration(late)*s.delay, s.most)
}

// quota tells what is left before answers are held back.
func (s *slower) quota(at instant) quota {
	refused := s.window.quota(at)
	look := s.window
	look.limit = s.after
	q := look.quota(at)
	q.wait = refused.wait
	return q
}
