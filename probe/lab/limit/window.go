package limit

import "time"

// The alignments of windows.
const (
	alignClock   = "clock"
	alignFirst   = "first-request"
	alignProcess = "process-start"
	alignLast    = "last-request"
)

// grid says where windows begin: on multiples of their length from origin, or
// where requests put them.
type grid struct {
	align  string
	origin instant
}

func newGrid(align string, epoch instant) grid {
	g := grid{align: align}
	if align == alignProcess {
		g.origin = epoch
	}
	return g
}

// fixed tells the alignments that requests have no influence on.
func (g grid) fixed() bool { return g.align == alignClock || g.align == alignProcess }

// window is a fixed window: limit requests until its end, then a new one.
type window struct {
	limit  int
	length time.Duration
	grid   grid

	used int
	end  instant // of the window that used belongs to
}

// roll begins a new window where the last one is over.
func (w *window) roll(at instant) {
	if at < w.end {
		return
	}
	w.used = 0
	if w.grid.fixed() {
		w.end = at.floor(w.grid.origin, w.length).add(w.length)
		return
	}
	w.end = at.add(w.length)
}

func (w *window) take(at instant) (bool, time.Duration) {
	w.roll(at)
	if w.used >= w.limit {
		return false, 0
	}
	w.charge(at)
	return true, 0
}

func (w *window) count(at instant) {
	w.roll(at)
	w.charge(at)
}

func (w *window) charge(at instant) {
	w.used++
	if w.grid.align == alignLast {
		w.end = at.add(w.length)
	}
}

// quota looks without touching: a look, as at a blocked request, opens no window.
func (w *window) quota(at instant) quota {
	look := *w
	w = &look
	w.roll(at)
	q := quota{remaining: max(0, w.limit-w.used), reset: w.end.sub(at)}
	if q.remaining == 0 {
		q.wait = q.reset
	}
	return q
}

// either is two windows of which either admits: the second takes what the first
// refuses.
type either struct{ first, second window }

func (e *either) take(at instant) (bool, time.Duration) {
	if admit, hold := e.first.take(at); admit {
		return true, hold
	}
	return e.second.take(at)
}

func (e *either) count(at instant) { e.first.count(at) }

func (e *either) quota(at instant) quota {
	a, b := e.first.quota(at), e.second.quota(at)
	return quota{remaining: a.remaining + b.remaining, reset: max(a.reset, b.reset), wait: min(a.wait, b.wait)}
}
