package limit

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// origin lies on a boundary of every window used here, minutes included.
var origin = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// call is one row of a table: requests that arrive at an offset, and how many
// of them must be admitted.
type call struct {
	at    time.Duration
	n     int
	admit int
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func mustParse(t testing.TB, specs ...string) *Stack {
	t.Helper()
	s, err := Parse(specs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func run(t *testing.T, s *Stack, r Request, calls []call) {
	t.Helper()
	for i, c := range calls {
		got := 0
		for range c.n {
			d := s.Decide(origin.Add(c.at), r)
			if d.Admit {
				got++
			}
			d.Release()
		}
		if got != c.admit {
			t.Errorf("row %d: at %v %d of %d admitted, want %d", i, c.at, got, c.n, c.admit)
		}
	}
}

func TestCores(t *testing.T) {
	t.Parallel()
	const ns = time.Nanosecond
	for _, test := range []struct {
		spec  string
		calls []call
	}{
		{"none", []call{{0, 1000, 1000}}},

		{"token-bucket,rate=5,burst=3", []call{
			{0, 5, 3},
			{ms(200) - 2*ns, 1, 0}, {ms(200), 2, 1}, // the library has a slack of 1 ns
			{ms(600), 3, 2},
			{ms(10_000), 9, 3},
		}},
		{"token-bucket,rate=5,burst=3,count-rejected", []call{
			{0, 5, 3},                        // two in debt
			{ms(599), 1, 0},                  // and a third
			{ms(799), 1, 0}, {ms(999), 1, 0}, // asking too soon keeps it there
			{ms(1300), 3, 1},
		}},
		{"token-bucket,rate=0.1,burst=1", []call{{0, 2, 1}, {ms(9999), 1, 0}, {ms(10_000), 2, 1}}},

		{"fixed-window,limit=3,window=10s", []call{ // begins by the clock
			{ms(4000), 4, 3}, {ms(10_000) - ns, 1, 0}, {ms(10_000), 4, 3}, {ms(19_999), 1, 0}, {ms(45_000), 2, 2}, {ms(50_000), 4, 3},
		}},
		{"fixed-window,limit=3,window=10s,count-rejected", []call{
			{ms(4000), 9, 3}, {ms(10_000), 4, 3},
		}},
		{"fixed-window,limit=3,window=10s,align=first-request", []call{
			{ms(4000), 4, 3}, {ms(10_000), 1, 0}, {ms(14_000) - ns, 1, 0},
			{ms(14_500), 1, 1}, {ms(24_000), 2, 2}, {ms(24_500) - ns, 1, 0}, {ms(24_500), 4, 3},
		}},
		{"fixed-window,limit=3,window=10s,align=process-start", []call{ // which was at -3 s
			{ms(4000), 4, 3}, {ms(7000) - ns, 1, 0}, {ms(7000), 4, 3}, {ms(16_999), 1, 0}, {ms(17_000), 1, 1},
		}},
		{"fixed-window,limit=3,window=10s,align=last-request", []call{
			{0, 1, 1}, {ms(8000), 1, 1}, {ms(16_000), 2, 1}, {ms(26_000) - ns, 1, 0}, {ms(26_000), 4, 3},
		}},
		{"fixed-window,limit=2,window=10s,align=last-request,count-rejected", []call{
			{0, 2, 2}, {ms(9000), 1, 0}, {ms(18_000), 1, 0}, {ms(28_000) - ns, 1, 0}, {ms(38_000) - ns, 2, 2},
		}},

		{"sliding-log,limit=3,window=10s", []call{
			{0, 1, 1}, {ms(4000), 3, 2}, {ms(10_000) - ns, 1, 0}, {ms(10_000), 2, 1},
			{ms(14_000) - ns, 1, 0}, {ms(14_000), 3, 2}, {ms(60_000), 4, 3},
		}},
		{"sliding-log,limit=3,window=10s,count-rejected", []call{
			{0, 4, 3}, {ms(9000), 1, 0}, {ms(10_000), 3, 2},
			// The latest three, 10,000 thrice, are in the window until 20,000.
			{ms(20_000) - ns, 1, 0}, {ms(20_000), 3, 2},
		}},

		{"sliding-counter,limit=4,window=10s", []call{
			{ms(2000), 5, 4}, {ms(9_999), 1, 0},
			{ms(10_000), 1, 0},      // 4·1 + 0 is not below 4
			{ms(10_000) + ns, 2, 1}, // but 4·(1 − ε) is
			{ms(12_500), 1, 0}, {ms(12_500) + ns, 2, 1},
			{ms(20_000) + ns, 4, 3}, // 2·(1 − ε) + 2 is below 4
			{ms(45_000), 4, 4}, {ms(45_000), 1, 0},
		}},
		{"sliding-counter,limit=4,window=10s,count-rejected", []call{
			{ms(2000), 8, 4},                            // counts 8
			{ms(15_000), 1, 0}, {ms(15_000) + ns, 1, 0}, // 8·½ is 4; both count
			{ms(17_500), 1, 0}, {ms(17_500) + ns, 1, 0},
		}},
		{"sliding-counter,limit=4,window=10s,align=first-request", []call{
			{ms(2000), 5, 4}, {ms(12_000), 1, 0}, {ms(12_000) + ns, 2, 1},
			{ms(31_999), 4, 4},                                         // the second window: its predecessor's one weighs 1/10,000
			{ms(45_000), 1, 1}, {ms(54_999), 4, 3}, {ms(55_000), 1, 0}, // anchored again at 45 s
		}},
		{"sliding-counter,limit=4,window=10s,align=process-start", []call{ // -3 s
			{ms(2000), 5, 4}, {ms(7000), 1, 0}, {ms(7000) + ns, 2, 1},
		}},

		{"leaky-queue,rate=10,depth=2", []call{
			{0, 5, 3}, {ms(100) - ns, 1, 0}, {ms(100), 2, 1}, {ms(1000), 5, 3},
		}},

		{"leaky-queue,rate=10,depth=2,undelayed=4", []call{
			{0, 9, 6}, {ms(100) - ns, 1, 0}, {ms(100), 2, 1}, {ms(2000), 9, 6},
		}},

		{"slow-down,limit=2,window=10s,delay=1s,max-delay=2s,align=first-request,refuse-after=4", []call{
			{ms(4000), 9, 4}, {ms(14_000) - ns, 1, 0}, {ms(14_000), 9, 4},
		}},
		{"slow-down,limit=2,window=10s,delay=1s,max-delay=2s", []call{{ms(4000), 900, 900}}},

		{"token-bucket,rate=5,burst=2,penalty=3s", []call{
			{0, 3, 2}, {ms(2999), 5, 0}, {ms(3000), 3, 2}, {ms(5999), 1, 0},
		}},
		{"token-bucket,rate=5,burst=2,penalty=3s,penalty-extends", []call{
			{0, 3, 2}, {ms(2000), 1, 0}, {ms(4999), 1, 0}, {ms(7999), 1, 0 + 1},
		}},
		{"sliding-log,limit=2,window=1s,penalty=3s,count-rejected", []call{
			{0, 3, 2}, {ms(2500), 2, 0}, {ms(3000), 1, 0}, // free again, but the log is full
			{ms(5999), 1, 0},
		}},
		{"fixed-window,limit=2,window=1s,align=first-request,or=3/10s", []call{
			{0, 6, 5}, {ms(1000), 3, 2}, {ms(9000), 2, 2}, {ms(10_500), 6, 5}, // the second opened when it was needed
		}},
		{"fixed-window,limit=2,window=10s,penalty=1s,penalty-clears", []call{ // the block outlives the count
			{0, 3, 2}, {ms(500), 1, 0}, {ms(1000), 3, 2}, {ms(2000), 2, 2},
		}},
		{"sliding-log,limit=2,window=9s,penalty=3s,penalty-extends,penalty-clears,count-rejected", []call{
			{0, 3, 2}, {ms(2000), 1, 0}, {ms(5000), 2, 2}, {ms(13_999), 1, 0}, {ms(16_999), 1, 1},
		}},
		{"fixed-window,limit=2,window=10s,align=first-request,penalty=3s,penalty-expires", []call{
			{0, 2, 2}, {ms(2999), 1, 0}, {ms(5998), 1, 0}, {ms(8998), 2, 2}, {ms(11_998), 2, 2}, // forgotten by silence alone
		}},
		{"fixed-window,limit=2,window=10s,penalty=1s", []call{ // the window outlasts the block
			{0, 3, 2}, {ms(1000), 1, 0}, {ms(9_500), 1, 0}, {ms(10_000), 1, 0}, {ms(10_500), 1, 1},
		}},
	} {
		t.Run(test.spec, func(t *testing.T) {
			t.Parallel()
			s := mustParse(t, test.spec)
			s.Start(origin.Add(-3 * time.Second))
			run(t, s, Request{IP: "a"}, test.calls)
		})
	}
}

// A clock of whole seconds shows 2 s when 1.1 s have gone by since 0.9 s, so that a window
// of two is over after that.
func TestWholeSeconds(t *testing.T) {
	t.Parallel()
	run(t, mustParse(t, "fixed-window,limit=2,window=2s,align=first-request,whole-seconds"), Request{IP: "a"}, []call{
		{ms(900), 3, 2}, {ms(1999), 1, 0}, {ms(2000), 3, 2}, {ms(3999), 1, 0}, {ms(4000), 1, 1},
	})
}

func TestQueueDelays(t *testing.T) {
	t.Parallel()
	s := mustParse(t, "leaky-queue,rate=10,depth=3")
	for i, want := range []time.Duration{0, ms(100), ms(200), ms(300)} {
		if d := s.Decide(origin, Request{}); !d.Admit || d.Delay != want {
			t.Errorf("request %d: admitted %v after %v, want after %v", i, d.Admit, d.Delay, want)
		}
	}
	if d := s.Decide(origin.Add(ms(250)), Request{}); !d.Admit || d.Delay != ms(150) {
		t.Errorf("later: admitted %v after %v, want after 150ms", d.Admit, d.Delay)
	}
}

func delays(t *testing.T, spec string, at ...time.Duration) (out []time.Duration) {
	t.Helper()
	s := mustParse(t, spec)
	for _, off := range at {
		d := s.Decide(origin.Add(off), Request{})
		if !d.Admit {
			t.Fatalf("%s: refused at %v", spec, off)
		}
		out = append(out, d.Delay)
	}
	return out
}

func TestQueueHoldsWhatComesPastTheUndelayed(t *testing.T) {
	t.Parallel()
	got := delays(t, "leaky-queue,rate=10,depth=3,undelayed=2", 0, 0, 0, 0, ms(150), ms(1000))
	if want := []time.Duration{0, 0, ms(100), ms(200), ms(150), 0}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestSlowDownHoldsEachLongerUntilItsWindowEnds(t *testing.T) {
	t.Parallel()
	got := delays(t, "slow-down,limit=1,window=10s,delay=100ms,max-delay=250ms,align=first-request", ms(4000), ms(4000), ms(9000), ms(13_999), ms(14_000))
	if want := []time.Duration{0, ms(100), ms(200), ms(250), 0}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	s := mustParse(t, "concurrency,limit=2,by=user")
	decide := func(user string) Decision { return s.Decide(origin, Request{User: user}) }
	a, b := decide("u"), decide("u")
	if !a.Admit || !b.Admit || !a.Holds() {
		t.Fatalf("two at once: %+v, %+v", a, b)
	}
	if c := decide("u"); c.Admit || c.Holds() {
		t.Errorf("a third at once: %+v", c)
	}
	if other := decide("v"); !other.Admit {
		t.Error("another user's request was refused")
	}
	a.Release()
	a.Release() // does nothing
	if c := decide("u"); !c.Admit {
		t.Error("refused after one of two was released")
	}
	if c := decide("u"); c.Admit {
		t.Error("a second release gave a second slot back")
	}
}

// A counter's quota is a promise: so many are admitted at once, and the next
// one after exactly the wait.
func TestQuotaForetells(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{
		"token-bucket,rate=3,burst=7", "token-bucket,rate=7,burst=2,count-rejected",
		"fixed-window,limit=5,window=1s", "fixed-window,limit=5,window=1s,align=first-request", "fixed-window,limit=5,window=1s,align=last-request",
		"sliding-log,limit=5,window=1s", "sliding-log,limit=5,window=1s,count-rejected",
		"sliding-counter,limit=7,window=1s", "sliding-counter,limit=7,window=1s,count-rejected", "sliding-counter,limit=7,window=1s,align=first-request",
		"leaky-queue,rate=9,depth=4", "leaky-queue,rate=9,depth=4,undelayed=3",
		"token-bucket,rate=3,burst=7,penalty=700ms", "sliding-log,limit=5,window=1s,penalty=300ms",
		"sliding-counter,limit=5,window=1s,penalty=300ms,penalty-clears", "fixed-window,limit=2,window=1s,align=first-request,or=3/4s",
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			for seed := range 5 {
				var past []time.Duration
				var at time.Duration
				for i := range 60 {
					gap := (i*7919 + seed*104729) % 400 * 3 / 4
					if seed%2 == 1 {
						gap = gap / 100 * 125 // often meets an edge exactly
					}
					at += ms(gap)
					past = append(past, at)
					if what := foretold(t, spec, past); what != "" {
						t.Fatalf("seed %d, request %d: %s", seed, i+1, what)
					}
				}
			}
		})
	}
}

// foretold checks the quota after requests at past against what comes then.
func foretold(t *testing.T, spec string, past []time.Duration) string {
	now := origin.Add(past[len(past)-1])
	replay := func() (*Stack, Decision) {
		s, d := mustParse(t, spec), Decision{}
		for _, at := range past {
			d = s.Decide(origin.Add(at), Request{})
		}
		return s, d
	}
	s, d := replay()
	q := s.layers[0].quota(s.layers[0].tallies[label{}], s.latest)
	n := 0
	for s.Decide(now, Request{}).Admit {
		n++
	}
	s, _ = replay()
	after := s.Decide(now.Add(q.wait), Request{}).Admit
	s, _ = replay()
	const slack = 2 * time.Nanosecond // the token bucket's clock has one
	before := q.wait > slack && s.Decide(now.Add(q.wait-slack), Request{}).Admit

	switch {
	case !d.Admit && q.remaining > 0:
		return fmt.Sprintf("refused with %d remaining", q.remaining)
	case n != q.remaining:
		return fmt.Sprintf("%d admitted at once, %d were said to remain", n, q.remaining)
	case !after:
		return fmt.Sprintf("refused after the wait of %v", q.wait)
	case before:
		return fmt.Sprintf("admitted before the wait of %v", q.wait)
	}
	return ""
}
