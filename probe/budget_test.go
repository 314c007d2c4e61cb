package probe_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"apisonde/probe"
	"apisonde/probe/guard"
	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// No ceiling is passed by one, whatever is asked, whatever goes wrong, and
// however often the run is killed, loses power and goes on. The long form draws
// 10,000 runs.
func TestBudgetUnderFaultsAndCrashes(t *testing.T) {
	t.Parallel()
	runs := 150
	if os.Getenv("APISONDE_LONG") != "" {
		runs = 10_000
	}
	crashes, sent, full := 0, 0, 0
	for seed := range runs {
		synctest.Test(t, func(t *testing.T) {
			w := newWild(t, uint64(seed))
			w.parts()
			crashes, sent = crashes+w.crashes, sent+len(w.calls)
			if len(w.calls) == w.meta.Budget.MaxRequests {
				full++
			}
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d runs, %d requests, %d crashes, %d runs to the last request of their budget", runs, sent, crashes, full)
	if crashes == 0 || full == 0 {
		t.Error("nothing was put to the test")
	}
}

// shared is a source for many goroutines.
type shared struct {
	mu  sync.Mutex
	src rand.Source
}

func (s *shared) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.src.Uint64()
}

// wild is a run of random steps against a random server, in parts.
type wild struct {
	*run
	rng     *rand.Rand
	crashes int
	killed  atomic.Bool
	synced  struct{ intents, outcomes int } // records that a loss of power spares
	lost    int                             // requests of earlier parts that are off the record
	end     *trace.End
}

func newWild(t *testing.T, seed uint64) *wild {
	rng := rand.New(&shared{src: rand.NewPCG(seed, 7)})
	roster := trace.Roster{Vantages: []string{"a", "b"}[:1+rng.IntN(2)], Keys: []trace.Key{{Name: "k1"}, {Name: "k2"}}, Routes: []string{"/"}}
	w := &wild{rng: rng}
	w.run = setup(t, roster, func(call) reply {
		r := reply{after: time.Duration(rng.IntN(400)) * ms}
		switch rng.IntN(16) {
		case 0, 1, 2, 3:
			r.status = 429
		case 4:
			r.status = 503
		case 5:
			r.fault = trace.FaultReset
		case 6:
			r.after, r.fault = 10*time.Second, trace.FaultTimeout
		case 7:
			r.panics = rng.IntN(20) == 0
		}
		return r
	})
	w.meta.Budget = plan.Budget{
		MaxRequests: 5 + rng.IntN(200), MaxDuration: time.Duration(5+rng.IntN(60)) * time.Second, MaxInflight: 1 + rng.IntN(64),
	}
	if rng.IntN(3) > 0 {
		w.meta.Budget.MaxRate = 1 + rng.IntN(40)
	}
	if rng.IntN(3) > 0 {
		w.meta.Budget.MaxRejections = 1 + rng.IntN(30)
	}
	w.refuse = func(trace.Identity) trace.Fault {
		if rng.IntN(30) == 0 {
			return trace.FaultConnect
		}
		return trace.FaultNone
	}
	w.dial = time.Duration(rng.IntN(50)) * ms
	return w
}

// Observe and Next make it its own Decider: one that asks anything.
func (w *wild) Observe(o trace.Observation) trace.Outcome {
	switch o.Status {
	case 200:
		return trace.Admitted
	case 429:
		return trace.Limited
	}
	return trace.Ignored
}

func (w *wild) Next(now time.Duration) (plan.Step, bool) {
	rng := w.rng
	if rng.IntN(40) == 0 {
		return plan.Step{}, false
	}
	step := plan.Step{Width: 1, Start: now + time.Duration(rng.IntN(2))*time.Duration(rng.IntN(3000))*ms}
	if rng.IntN(2) == 0 {
		step.Width = 1 + rng.IntN(64)
	}
	at := time.Duration(0)
	for range 1 + rng.IntN(60) {
		id := trace.Identity{Vantage: w.meta.Roster.Vantages[rng.IntN(len(w.meta.Roster.Vantages))], Key: []string{"k1", "k2"}[rng.IntN(2)]}
		step.Sends = append(step.Sends, plan.Send{At: at, Identity: id, Route: "/", NewConn: rng.IntN(10) == 0})
		at += time.Duration(rng.IntN(3)) * time.Duration(rng.IntN(50)) * ms
	}
	if rng.IntN(2) == 0 {
		step.StopAfterLimited = 1 + rng.IntN(5)
	}
	return step, true
}

// The journal of a machine that may go down: after that nothing is recorded.
var errDown = errors.New("the machine is down")

func (w *wild) Lease(upto int) error {
	if w.killed.Load() {
		return errDown
	}
	err := w.wire.Lease(upto)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.synced.intents, w.synced.outcomes = len(w.intents), len(w.outcomes)
	return err
}

func (w *wild) Intent(sent ...trace.Observation) error {
	if w.killed.Load() {
		return errDown
	}
	return w.wire.Intent(sent...)
}

func (w *wild) Outcome(o trace.Observation) error {
	if w.killed.Load() {
		return errDown
	}
	return w.wire.Outcome(o)
}

func (w *wild) Close(e trace.End) error {
	if w.killed.Load() {
		return errDown
	}
	w.end = &e
	return nil
}

// onDisk is what the disk holds.
func (w *wild) onDisk(begun []trace.Resumption) trace.Trace {
	t, _ := w.Trace()
	t.Resumptions, t.End, t.Lost = begun, w.end, w.lost
	if n := len(w.leases); w.end == nil && n > 0 {
		t.Lost += max(0, w.leases[n-1]-len(t.Observations))
	}
	return t
}

// parts runs part after part and checks what the server has seen.
func (w *wild) parts() {
	var begun []trace.Resumption
	for part := range 1 + w.rng.IntN(5) {
		cfg := probe.Config{Meta: w.meta, Decider: w, Sender: w.wire, Journal: w, Clock: w.clock, LearnBans: true}
		if w.rng.IntN(2) == 0 {
			cfg.Care = guard.DefaultCare(false)
		}
		if part > 0 {
			earlier := w.onDisk(begun)
			w.lost = earlier.Lost
			left := earlier.Left(w.clock.Now())
			if left.MaxRequests <= 0 || left.MaxDuration <= 0 {
				break
			}
			begun = append(begun, trace.Resumption{At: w.clock.Now()})
			cfg.Meta.Budget, cfg.Earlier, cfg.Begin = left, &earlier, w.clock.Now()
		}
		w.killed.Store(false)
		w.end, w.leases, w.idle = nil, nil, map[trace.Identity][]*line{}
		w.part(cfg)
		time.Sleep(time.Duration(w.rng.IntN(3)) * time.Duration(w.rng.IntN(4000)) * ms)
	}
	w.check()
}

// part runs one part, and may kill it.
func (w *wild) part(cfg probe.Config) {
	s := probe.NewSession(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	over := make(chan struct{})
	if w.rng.IntN(3) > 0 {
		at := time.Duration(w.rng.IntN(20_000)) * ms
		power := w.rng.IntN(2) == 0
		go func() {
			select {
			case <-over:
				return
			case <-time.After(at):
			}
			w.mu.Lock()
			w.killed.Store(true)
			w.crashes++
			if power {
				w.loseUnsynced()
			}
			w.mu.Unlock()
			s.Abort()
			cancel()
		}()
	}
	s.Run(ctx)
	close(over)
	synctest.Wait()
}

// loseUnsynced drops what was written since the latest lease. The caller holds
// the lock.
func (w *wild) loseUnsynced() {
	w.intents = w.intents[:w.synced.intents]
	w.outcomes = slices.DeleteFunc(w.outcomes[:w.synced.outcomes], func(o trace.Observation) bool { return o.Seq > len(w.intents) })
}

func (w *wild) check() {
	b := w.meta.Budget
	if len(w.calls) > b.MaxRequests {
		w.t.Errorf("%d requests reached the server, at most %d", len(w.calls), b.MaxRequests)
	}
	if w.most > b.MaxInflight {
		w.t.Errorf("%d in flight, at most %d", w.most, b.MaxInflight)
	}
	for i := range w.calls {
		if j := i + b.MaxRate; b.MaxRate > 0 && j < len(w.calls) && w.calls[j].at-w.calls[i].at < time.Second {
			w.t.Errorf("%d requests within %v, at most %d in a second", b.MaxRate+1, w.calls[j].at-w.calls[i].at, b.MaxRate)
		}
	}
	for id, n := range w.rejected {
		if b.MaxRejections > 0 && n > b.MaxRejections {
			w.t.Errorf("%s was rejected %d times, at most %d", id, n, b.MaxRejections)
		}
	}
}
