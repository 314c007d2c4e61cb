package limit

import (
	"testing"
	"time"
)

// A bucket that is filled in steps admits what the ticks brought, however long ago.
func TestSteppedBucket(t *testing.T) {
	t.Parallel()
	r := Request{IP: "i", Route: "/"}
	for spec, calls := range map[string][]call{
		// Two tokens at every second from the first request on.
		"token-bucket,rate=2,burst=5,tick=1s": {
			{0, 7, 5}, {ms(999), 1, 0}, {ms(1000), 3, 2}, {ms(1999), 1, 0}, {ms(3100), 9, 4}, {time.Minute, 9, 5},
		},
		// At every two seconds of the clock, on one of which this begins.
		"token-bucket,rate=0.5,burst=2,tick=2s,align=clock": {
			{ms(500), 3, 2}, {ms(1999), 1, 0}, {ms(2000), 2, 1}, {ms(3999), 1, 0}, {ms(4000), 2, 1},
		},
		// What is refused is owed.
		"token-bucket,rate=1,burst=2,tick=1s,count-rejected": {
			{0, 4, 2}, {ms(1500), 0, 0}, {ms(2500), 1, 0}, {ms(4500), 2, 1},
		},
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			run(t, mustParse(t, spec), r, calls)
		})
	}
}

// Headers say when the next token comes, and when the bucket is full.
func TestSteppedBucketSaysWhen(t *testing.T) {
	t.Parallel()
	s := &stepped{burst: 5, each: 2, tick: time.Second, grid: newGrid(alignFirst, 0)}
	for range 5 {
		s.take(0)
	}
	if got, want := s.quota(instant(ms(300))), (quota{remaining: 0, reset: ms(2700), wait: ms(700)}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, want := s.quota(instant(ms(1300))), (quota{remaining: 2, reset: ms(1700)}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
