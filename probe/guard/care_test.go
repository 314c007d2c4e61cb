package guard_test

import (
	"strings"
	"testing"
	"time"

	"apisonde/probe/guard"
	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// Inside a wait that the server stated no more than two requests leave, whatever
// these are told; a further refusal after it allows two more.
func TestTwoProbesInsideAStatedWait(t *testing.T) {
	t.Parallel()
	const s = time.Second
	g := guard.New(plan.Budget{MaxDuration: time.Hour}, guard.DefaultCare(false))
	ask := func(at time.Duration, key int, want guard.Answer) guard.Grant {
		t.Helper()
		gr := g.Reserve(at, id(key), "/")
		if gr.Answer != want {
			t.Fatalf("at %v k%d: answer %d, want %d", at, key, gr.Answer, want)
		}
		return gr
	}
	end := func(gr guard.Grant, left time.Duration, status int, wait time.Duration) {
		outcome := trace.Limited
		if status == 200 {
			outcome = trace.Admitted
		}
		g.Close(gr, trace.Observation{Written: left, FirstByte: left + 1, Status: status}, outcome, guard.Claim{Wait: wait})
	}
	early := ask(0, 1, guard.Granted) // answered when the wait has begun
	end(ask(1*s, 1, guard.Granted), 1*s, 429, 60*s)
	end(early, 1, 429, 30*s)
	end(ask(2*s, 1, guard.Granted), 2*s, 429, 70*s) // states a longer wait
	ask(2*s, 2, guard.Granted)                      // another caller
	late := ask(3*s, 1, guard.Granted)
	if gr := ask(4*s, 1, guard.Hold); gr.At != 72*s+1 {
		t.Errorf("hold until %v, want 72 s", gr.At)
	}
	end(late, 3*s, 429, 0)
	ask(72*s, 1, guard.Hold)
	end(ask(73*s, 1, guard.Granted), 73*s, 429, 10*s)
	end(ask(74*s, 1, guard.Granted), 74*s, 429, 9*s)
	// Let through early: that exhaustion is over.
	end(ask(75*s, 1, guard.Granted), 75*s, 200, 0)
	end(ask(76*s, 1, guard.Granted), 76*s, 429, 2*time.Hour)
	ask(77*s, 1, guard.Granted)
	ask(78*s, 1, guard.Granted)
	ask(79*s, 1, guard.NotThis) // the run will not see the end of that wait
	if gr := guard.New(plan.Budget{}, guard.DefaultCare(true)).Reserve(0, id(1), "/"); gr.Answer != guard.Granted {
		t.Error("loopback is spared")
	}
}

// Of a quota with a long window a share is left, to the request; of a short one
// nothing.
func TestAShareOfALongQuotaIsLeft(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		leave         float64
		window, reset time.Duration
		spent         int // of 50
	}{
		"an hour":               {0.2, time.Hour, 0, 40},
		"an hour, reset stated": {0.2, 0, 50 * time.Minute, 40},
		"a rounded share":       {0.25, time.Hour, time.Hour, 37},
		"five minutes":          {0.2, 5 * time.Minute, time.Minute, 60},
		"nothing is to be left": {0, time.Hour, time.Hour, 60},
	} {
		g := guard.New(plan.Budget{}, guard.Care{Leave: tc.leave})
		spent := 0
		var flying []guard.Grant
		answer := func() {
			spent++
			g.Close(flying[0], trace.Observation{Written: 1, FirstByte: time.Second, Status: 200}, trace.Admitted, guard.Claim{
				Quotas: []guard.Quota{{Limit: 50, Remaining: float64(max(0, 50-spent)), Window: tc.window, Reset: tc.reset}},
			})
			flying = flying[1:]
		}
		for range 60 {
			// The first answer is awaited; then up to three fly at once.
			if len(flying) == 3 || len(flying) == 1 && spent == 0 {
				answer()
			}
			gr := g.Reserve(time.Minute, id(1), "/")
			if gr.Answer != guard.Granted {
				break
			}
			flying = append(flying, gr)
		}
		for len(flying) > 0 {
			answer()
		}
		if spent != tc.spent {
			t.Errorf("%s: %d of 50 were spent, want %d", name, spent, tc.spent)
		}
		if notes := strings.Join(g.Notes(), "\n"); strings.Contains(notes, "left alone") != (tc.spent < 50) {
			t.Errorf("%s: notes %q", name, notes)
		}
		if gr := g.Reserve(2*time.Hour, id(1), "/"); gr.Answer != guard.Granted {
			t.Errorf("%s: nothing may be sent in the next window", name)
		}
	}
}
