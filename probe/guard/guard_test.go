package guard_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"apisonde/probe/guard"
	"apisonde/probe/plan"
	"apisonde/probe/trace"

	"github.com/google/go-cmp/cmp"
)

func id(n int) trace.Identity { return trace.Identity{Key: fmt.Sprint("k", n)} }

// server is what the other end counts, independently of the guard.
type server struct {
	mu       sync.Mutex
	arrivals []time.Duration
	inflight int
	most     int
	rejected map[trace.Identity]int
}

// Whoever asks, however many at once, no ceiling is passed by one, as the
// server counts it.
func TestNoCeilingIsPassedByOne(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { storm(t, seed) })
		})
	}
}

func storm(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	b := plan.Budget{
		MaxRequests: 1 + rng.IntN(300), MaxDuration: time.Duration(1+rng.IntN(8)) * time.Second,
		MaxRate: rng.IntN(40), MaxInflight: 1 + rng.IntN(30), MaxRejections: rng.IntN(12),
	}
	g := guard.New(b, guard.Care{})
	start := time.Now()
	now := func() time.Duration { return time.Since(start) }
	srv := &server{rejected: map[trace.Identity]int{}}
	last := time.Duration(0)
	var wg sync.WaitGroup
	for w := range 1 + rng.IntN(64) {
		mine := rand.New(rand.NewPCG(seed, uint64(w)+2))
		wg.Go(func() {
			me := id(mine.IntN(3))
			for {
				gr := g.Reserve(now(), me, "/")
				switch gr.Answer {
				case guard.Granted:
				case guard.WaitUntil:
					time.Sleep(gr.At - now())
					continue
				case guard.WaitDone:
					time.Sleep(time.Duration(1+mine.IntN(5)) * time.Millisecond)
					continue
				default:
					return
				}
				o := srv.serve(mine, now, me)
				srv.mu.Lock()
				last = max(last, o.Written)
				srv.mu.Unlock()
				outcome := trace.Admitted
				if o.Status == 503 {
					outcome = trace.Limited
				}
				g.Close(gr, o, outcome, guard.Claim{})
			}
		})
	}
	wg.Wait()
	if n := len(srv.arrivals); n > b.MaxRequests || n != g.Sent() || g.Inflight() != 0 {
		t.Errorf("%d requests of at most %d; the guard counts %d, %d in flight", n, b.MaxRequests, g.Sent(), g.Inflight())
	}
	if srv.most > b.MaxInflight {
		t.Errorf("%d in flight of at most %d", srv.most, b.MaxInflight)
	}
	for i, n := range srv.rejected {
		if b.MaxRejections > 0 && n > b.MaxRejections {
			t.Errorf("%s was rejected %d times of at most %d", i, n, b.MaxRejections)
		}
	}
	slices.Sort(srv.arrivals)
	for i := range srv.arrivals {
		if j := i + b.MaxRate; b.MaxRate > 0 && j < len(srv.arrivals) && srv.arrivals[j]-srv.arrivals[i] < time.Second {
			t.Fatalf("%d requests within %v, at most %d in a second", b.MaxRate+1, srv.arrivals[j]-srv.arrivals[i], b.MaxRate)
		}
	}
}

// serve lets a request leave a little late, arrive, wait and come back.
func (s *server) serve(rng *rand.Rand, now func() time.Duration, who trace.Identity) trace.Observation {
	ms := func(n int) time.Duration { return time.Duration(rng.IntN(n)) * time.Millisecond }
	s.mu.Lock()
	s.inflight++
	s.most = max(s.most, s.inflight)
	s.mu.Unlock()
	time.Sleep(ms(5))
	o := trace.Observation{Identity: who, Written: max(now(), 1), Status: 200}
	time.Sleep(ms(45))
	status := []int{200, 200, 200, 429, 503}[rng.IntN(5)]
	s.mu.Lock()
	s.arrivals = append(s.arrivals, now())
	if status != 200 {
		s.rejected[who]++
	}
	s.mu.Unlock()
	time.Sleep(ms(300))
	o.Status, o.FirstByte = status, now()
	s.mu.Lock()
	s.inflight--
	s.mu.Unlock()
	return o
}

func TestAnswersOfTheGuard(t *testing.T) {
	t.Parallel()
	b := plan.Budget{MaxRequests: 4, MaxDuration: time.Minute, MaxRate: 2, MaxInflight: 3, MaxRejections: 1}
	g := guard.New(b, guard.Care{})
	ask := func(at time.Duration, who int, want guard.Answer) guard.Grant {
		t.Helper()
		gr := g.Reserve(at, id(who), "/")
		if gr.Answer != want {
			t.Fatalf("at %v k%d: answer %d, want %d", at, who, gr.Answer, want)
		}
		return gr
	}
	a := ask(0, 1, guard.Granted)
	ask(0, 1, guard.WaitDone) // the one in flight may spend k1's only rejection
	c := ask(0, 2, guard.Granted)
	wait := ask(time.Millisecond, 3, guard.WaitUntil)
	if wait.At != time.Second+150*time.Millisecond {
		t.Errorf("nothing is known of those in flight: wait until %v", wait.At)
	}
	g.Close(a, trace.Observation{Written: 1, FirstByte: 4 * time.Millisecond, Status: 429}, trace.Ignored, guard.Claim{})
	if wait = ask(5*time.Millisecond, 3, guard.WaitUntil); wait.At != time.Second+4*time.Millisecond {
		t.Errorf("the first was out at 4ms: wait until %v", wait.At)
	}
	ask(wait.At, 1, guard.NotThis)
	if !g.Spent(id(1)) || g.Spent(id(2)) || g.Spent(id(9)) {
		t.Error("whose rejections are spent is wrong")
	}
	d := ask(wait.At, 3, guard.Granted)
	g.Close(c, trace.Observation{Written: 1, FirstByte: 9, Status: 200}, trace.Admitted, guard.Claim{})
	e := ask(5*time.Second, 3+1, guard.Granted)
	ask(5*time.Second, 2, guard.NoMore)
	ask(time.Minute, 2, guard.TimeOver)
	g.Close(d, trace.Observation{}, trace.Ignored, guard.Claim{})
	g.Close(e, trace.Observation{}, trace.Ignored, guard.Claim{})
	if g.Sent() != 4 || g.Inflight() != 0 {
		t.Errorf("sent %d, in flight %d", g.Sent(), g.Inflight())
	}
}

// A request may leave long after it was granted, where its connection had to be
// made anew. It counts in the second in which it left.
func TestARequestThatLeftLateCountsWhenItLeft(t *testing.T) {
	t.Parallel()
	g := guard.New(plan.Budget{MaxRate: 1}, guard.Care{})
	slow := g.Reserve(0, id(1), "/")
	if gr := g.Reserve(2*time.Second, id(1), "/"); gr.Answer != guard.Granted {
		t.Fatalf("answer %d", gr.Answer)
	}
	g.Close(slow, trace.Observation{Written: 3 * time.Second, FirstByte: 3*time.Second + 1, Status: 200}, trace.Admitted, guard.Claim{})
	if gr := g.Reserve(3500*time.Millisecond, id(1), "/"); gr.Answer != guard.WaitUntil || gr.At != 4*time.Second+1 {
		t.Errorf("answer %d, at %v; want to wait until 4s", gr.Answer, gr.At)
	}
}

func TestDefaultBudgets(t *testing.T) {
	t.Parallel()
	want := map[bool]plan.Budget{
		true:  {MaxRequests: 100_000, MaxDuration: 30 * time.Minute, MaxInflight: 256},
		false: {MaxRequests: 1000, MaxDuration: 15 * time.Minute, MaxRate: 20, MaxInflight: 20, MaxRejections: 25},
	}
	got := map[bool]plan.Budget{true: guard.DefaultBudget(true), false: guard.DefaultBudget(false)}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
