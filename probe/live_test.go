package probe_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"apisonde/probe"
	"apisonde/probe/guard"
	"apisonde/probe/journal"
	"apisonde/probe/plan"
	"apisonde/probe/secret"
	"apisonde/probe/send"
	"apisonde/probe/trace"

	"github.com/google/go-cmp/cmp"
)

// script is a Decider that knows its steps in advance.
type script struct {
	steps []plan.Step
	seen  []trace.Observation
}

func (s *script) Observe(o trace.Observation) trace.Outcome {
	s.seen = append(s.seen, o)
	switch {
	case o.Fault != "":
		return trace.Ignored
	case o.Status == 429, o.Status == 420:
		return trace.Limited
	case o.Status < 400:
		return trace.Admitted
	}
	return trace.Refused
}

func (s *script) Next(time.Duration) (plan.Step, bool) {
	if len(s.steps) == 0 {
		return plan.Step{}, false
	}
	st := s.steps[0]
	s.steps = s.steps[1:]
	return st, true
}

// live runs a script against a handler over real sockets.
func live(tb testing.TB, h http.Handler, budget plan.Budget, steps ...plan.Step) (probe.Result, string) {
	tb.Helper()
	srv := httptest.NewServer(h)
	tb.Cleanup(srv.Close)
	u, _ := url.Parse(srv.URL + "/")
	clock := probe.NewClock()
	s, err := send.New(send.Config{
		Request: send.Request{URL: u},
		Keys:    map[string]secret.Value{"k1": secret.New("first-credential"), "k2": secret.New("second-credential")},
		Version: "test", Now: clock.Now,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	meta := trace.Meta{
		Tool: "test", Target: trace.Target{Method: "GET", URL: send.Public(u)}, Started: clock.Started(),
		Roster: trace.Roster{Vantages: []string{"here"}, Keys: []trace.Key{{Name: "k1"}, {Name: "k2"}}, Routes: []string{"/"}},
		Budget: budget, Loopback: true,
	}
	path := filepath.Join(tb.TempDir(), "run.ndjson")
	w, err := journal.Create(path, meta)
	if err != nil {
		tb.Fatal(err)
	}
	return probe.NewSession(probe.Config{
		Meta: meta, Decider: &script{steps: steps}, Sender: s, Journal: w, Clock: clock,
	}).Run(context.Background()), path
}

func sends(n int, key string, every time.Duration) []plan.Send {
	out := make([]plan.Send, n)
	for i := range out {
		out[i] = plan.Send{At: time.Duration(i) * every, Identity: trace.Identity{Vantage: "here", Key: key}, Route: "/"}
	}
	return out
}

func TestWholeRunOnTheWireEqualsItsJournal(t *testing.T) {
	t.Parallel()
	var served atomic.Int64
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := served.Add(1)
		w.Header().Set("X-RateLimit-Remaining", "7")
		if n%10 == 0 {
			w.WriteHeader(429)
		}
	})
	res, path := live(t, h, guard.DefaultBudget(true),
		plan.Step{Sends: sends(40, "k1", 0), Width: 1},
		plan.Step{Sends: append(sends(30, "k1", 0), sends(30, "k2", 0)...), Width: 60},
		plan.Step{Sends: sends(20, "k2", 2*time.Millisecond), Width: 8},
	)
	if res.Err != nil || res.Reason != probe.StopNone {
		t.Fatalf("ended with %q, %v", res.Reason, res.Err)
	}
	if got, want := len(res.Trace.Observations), int(served.Load()); got != want || want != 122 {
		t.Errorf("the trace has %d requests, the server counted %d, want 122", got, want)
	}
	back, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(res.Trace, back); d != "" {
		t.Errorf("the journal differs from the run (-run +journal):\n%s", d)
	}
	for _, o := range back.Observations {
		if o.Fault != "" || o.Written == 0 || o.FirstByte < o.Written || o.Done < o.FirstByte {
			t.Errorf("impossible timing: %+v", o)
		}
	}
}

func BenchmarkSequence(b *testing.B) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-RateLimit-Remaining", "7") })
	budget := guard.DefaultBudget(true)
	budget.MaxRequests = b.N + 10
	res, _ := live(b, h, budget, plan.Step{Sends: sends(b.N, "k1", 0), Width: 1})
	if res.Err != nil || len(res.Trace.Observations) != b.N+2 {
		b.Fatal(res.Reason, res.Err, len(res.Trace.Observations))
	}
}

func BenchmarkBurst(b *testing.B) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-RateLimit-Remaining", "7") })
	budget := guard.DefaultBudget(true)
	budget.MaxRequests = b.N + 10
	res, _ := live(b, h, budget, plan.Step{Sends: sends(b.N, "k1", 0), Width: 64})
	if res.Err != nil || len(res.Trace.Observations) != b.N+2 {
		b.Fatal(res.Reason, res.Err, len(res.Trace.Observations))
	}
}
