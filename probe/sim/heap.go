package sim

import "time"

// kind orders events of one instant.
type kind uint8

const (
	release kind = iota // the server is done with a request
	arrive              // a request reaches the server
	closed              // the client has the answer, or gave up
)

// event is something that happens to a request.
type event struct {
	at    time.Duration
	kind  kind
	lost  bool // arrive: the answer will not come back
	index int  // of the request among the observations
}

func (e event) before(f event) bool {
	if e.at != f.at {
		return e.at < f.at
	}
	if e.kind != f.kind {
		return e.kind < f.kind
	}
	return e.index < f.index
}

// heap is a binary heap of events, the earliest first. It is written out
// because container/heap boxes every event.
type heap []event

func (h heap) len() int     { return len(h) }
func (h heap) first() event { return h[0] }

func (h *heap) push(e event) {
	s := append(*h, e)
	i := len(s) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !s[i].before(s[up]) {
			break
		}
		s[i], s[up] = s[up], s[i]
		i = up
	}
	*h = s
}

func (h *heap) pop() event {
	s := *h
	e := s[0]
	last := len(s) - 1
	s[0] = s[last]
	s = s[:last]
	for i := 0; ; {
		least := i
		for _, down := range [2]int{2*i + 1, 2*i + 2} {
			if down < last && s[down].before(s[least]) {
				least = down
			}
		}
		if least == i {
			break
		}
		s[i], s[least] = s[least], s[i]
		i = least
	}
	*h = s
	return e
}
