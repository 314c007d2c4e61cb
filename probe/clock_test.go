package probe_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"apisonde/probe"
)

func TestTheRealClockIsNeverEarlyAndSeldomLate(t *testing.T) {
	c := probe.NewClock()
	var late []time.Duration
	for i := range 40 {
		at := c.Now() + time.Duration(i)*120*time.Microsecond
		if err := c.Until(context.Background(), at, true); err != nil {
			t.Fatal(err)
		}
		over := c.Now() - at
		if over < 0 {
			t.Fatalf("woke %v early", -over)
		}
		late = append(late, over)
	}
	// Whatever else runs on this machine holds the processor at times; a
	// quarter of the waits must be exact all the same.
	if slices.Sort(late); late[len(late)/4] > time.Millisecond {
		t.Errorf("three waits of four ended more than %v late", late[len(late)/4])
	}
	if time.Since(c.Started()) < c.Now()-time.Millisecond {
		t.Error("the origin is not when the clock was made")
	}
}

func TestTheRealClockStopsWithItsContext(t *testing.T) {
	t.Parallel()
	c := probe.NewClock()
	for _, precise := range []bool{false, true} {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
		start := c.Now()
		if err := c.Until(ctx, start+time.Hour, precise); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if err := c.Until(ctx, 0, precise); err == nil {
			t.Error("an instant past is reached in a context that has ended")
		}
		cancel()
	}
	if err := c.Until(context.Background(), c.Now()-time.Second, true); err != nil {
		t.Errorf("an instant past: %v", err)
	}
}
