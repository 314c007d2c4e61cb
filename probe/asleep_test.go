package probe

import (
	"testing"
	"time"
)

// What is counted is never more than what the machine slept, whatever happens
// between two readings of its clocks.
func TestTimeAsleepCounts(t *testing.T) {
	t.Parallel()
	var a asleep
	const s = time.Second
	for i, c := range []struct{ least, most, total time.Duration }{
		{100 * s, 100 * s, 0},                          // before the first look
		{100 * s, 100 * s, 0},                          //
		{40 * s, 100 * s, 0},                           // a pause between the readings
		{100*s + 200*time.Millisecond, 101 * s, 0},     // too short to be told
		{105 * s, 105 * s, 5 * s},                      // asleep
		{105 * s, 109 * s, 5 * s},                      // a pause once more
		{106 * s, 106 * s, 6 * s},                      // asleep again
		{106*s + 249*time.Millisecond, 107 * s, 6 * s}, //
		{106*s + 260*time.Millisecond, 107 * s, 6260 * time.Millisecond},
	} {
		a.look(func() (time.Duration, time.Duration) { return c.least, c.most })
		if a.total() != c.total {
			t.Errorf("look %d: %v, want %v", i, a.total(), c.total)
		}
	}
}

// The clock shows the time asleep, so that what was due meanwhile is late.
func TestTheRealClockCountsTimeAsleep(t *testing.T) {
	t.Parallel()
	c := NewClock()
	slept := 10 * time.Second
	c.asleep.look(func() (time.Duration, time.Duration) { return slept, slept })
	before := c.Now()
	slept += time.Hour
	c.asleep.look(func() (time.Duration, time.Duration) { return slept, slept })
	if gone := c.Now() - before; gone < time.Hour || gone > time.Hour+time.Minute {
		t.Errorf("an hour asleep took %v", gone)
	}
	least, most := suspended()
	if least > most || least < 0 {
		t.Errorf("suspended between %v and %v", least, most)
	}
}
