package probe

// chunk is how many requests one lease allows that are sent one by one. A crash
// may cost the budget so many; making a lease durable takes up to about 20 ms.
const (
	chunk       = 32
	chunkSpared = 8 // where rejections are counted: a lost request may have been one
)

// lease makes sure that the journal durably allows the next n requests, before
// the time of any of them matters. No more than one chunk is kept in reserve.
func (s *Session) lease(n int) *halt {
	b := s.cfg.Meta.Budget
	spare := chunk
	if b.MaxRejections > 0 {
		spare = chunkSpared
	}
	free := s.leased - s.seq
	if free >= n && free <= max(n, spare) {
		return nil
	}
	upto := s.seq + max(n, spare)
	if b.MaxRequests > 0 {
		upto = max(s.seq, min(upto, b.MaxRequests))
	}
	if upto == s.leased {
		return nil
	}
	if err := s.cfg.Journal.Lease(upto); err != nil {
		return &halt{StopTrace, err}
	}
	s.leased = upto
	return nil
}
