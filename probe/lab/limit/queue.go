package limit

import "time"

// queue is a leaky bucket used as a queue: requests leave it one each interval,
// up to depth wait for their turn, and whoever finds no place is refused. Of those
// that meet it empty, the first so many undelayed ones wait for nothing.
type queue struct {
	interval  time.Duration
	depth     int
	undelayed int

	next instant // the first instant at which nothing of the past counts any more
}

// interval is the time between two requests that leave a queue of that rate.
func interval(perSecond float64) time.Duration {
	return time.Duration(float64(time.Second)/perSecond + 0.5)
}

func (q *queue) take(at instant) (bool, time.Duration) {
	next := max(q.next, at)
	hold := max(0, next.sub(at)-time.Duration(q.undelayed-1)*q.interval)
	if hold > time.Duration(q.depth)*q.interval {
		return false, 0
	}
	q.next = next.add(q.interval)
	return true, hold
}

// count does nothing: a request that has no place in the queue takes none.
func (q *queue) count(instant) {}

func (q *queue) quota(at instant) quota {
	busy := max(0, q.next.sub(at)) // until the queue is empty
	waiting := int((busy + q.interval - 1) / q.interval)
	return quota{
		remaining: max(0, q.depth+q.undelayed-waiting),
		reset:     busy,
		wait:      max(0, busy-time.Duration(q.depth+q.undelayed-1)*q.interval),
	}
}
