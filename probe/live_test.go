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
	steps  []plan.Step
	seen   []trace.Observation
	billed bool // a 429 speaks of a spent plan
}

func (s *script) Observe(o trace.Observation) trace.Outcome {
	s.seen = append(s.seen, o)
	switch {
	case o.Fault != "":
		return trace.Ignored
	case o.Status == 429 && s.billed:
		return trace.Refused
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

// credential are the keys of every live run.
var credential = map[string]string{"k1": "first-credential-8dK2", "k2": "second-credential-Zq71"}

// live runs a script against a server over real sockets, and returns the path
// of its journal.
func live(tb testing.TB, base string, budget plan.Budget, steps ...plan.Step) (probe.Result, string) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "run.ndjson")
	res, err := assess(context.Background(), base, path, budget, steps...)
	if err != nil {
		tb.Fatal(err)
	}
	return res, path
}

func assess(ctx context.Context, base, path string, budget plan.Budget, steps ...plan.Step) (probe.Result, error) {
	u, err := url.Parse(base + "/")
	if err != nil {
		return probe.Result{}, err
	}
	clock := probe.NewClock()
	s, err := send.New(send.Config{
		Request: send.Request{URL: u},
		Keys:    map[string]secret.Value{"k1": secret.New(credential["k1"]), "k2": secret.New(credential["k2"])},
		Version: "test", Now: clock.Now, RequestTimeout: 500 * time.Millisecond,
	})
	if err != nil {
		return probe.Result{}, err
	}
	defer s.Close()
	meta := trace.Meta{
		Tool: "test", Target: trace.Target{Method: "GET", URL: send.Public(u)}, Started: clock.Started(),
		Roster: trace.Roster{Vantages: []string{"here"}, Keys: []trace.Key{{Name: "k1"}, {Name: "k2"}}, Routes: []string{"/"}},
		Budget: budget, Loopback: true,
	}
	w, err := journal.Create(path, meta)
	if err != nil {
		return probe.Result{}, err
	}
	return probe.NewSession(probe.Config{
		Meta: meta, Decider: &script{steps: steps}, Sender: s, Journal: w, Clock: clock,
	}).Run(ctx), nil
}

func serve(tb testing.TB, h http.HandlerFunc) string {
	srv := httptest.NewServer(h)
	tb.Cleanup(srv.Close)
	return srv.URL
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
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := served.Add(1)
		w.Header().Set("X-RateLimit-Remaining", "7")
		if n%10 == 0 {
			w.WriteHeader(429)
		}
	})
	res, path := live(t, base, guard.DefaultBudget(true),
		plan.Step{Sends: sends(40, "k1", 0), Width: 1},
		plan.Step{Sends: append(sends(30, "k1", 0), sends(30, "k2", 0)...), Width: 60},
		plan.Step{Sends: sends(20, "k2", 0), Width: 8},
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
	base := serve(b, func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-RateLimit-Remaining", "7") })
	budget := guard.DefaultBudget(true)
	budget.MaxRequests = b.N + 10
	res, _ := live(b, base, budget, plan.Step{Sends: sends(b.N, "k1", 0), Width: 1})
	if res.Err != nil || len(res.Trace.Observations) != b.N+2 {
		b.Fatal(res.Reason, res.Err, len(res.Trace.Observations))
	}
}

func BenchmarkBurst(b *testing.B) {
	base := serve(b, func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-RateLimit-Remaining", "7") })
	budget := guard.DefaultBudget(true)
	budget.MaxRequests = b.N + 10
	res, _ := live(b, base, budget, plan.Step{Sends: sends(b.N, "k1", 0), Width: 64})
	if res.Err != nil || len(res.Trace.Observations) != b.N+2 {
		b.Fatal(res.Reason, res.Err, len(res.Trace.Observations))
	}
}
