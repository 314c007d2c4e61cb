package main

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"apisonde/probe"
	"apisonde/probe/journal"
	"apisonde/probe/plan"
	"apisonde/probe/send"
	"apisonde/probe/trace"
)

// chunk is how many requests of a long run make one step: a plan of a million
// would be measured as the sender's memory.
const chunk = 10_000

// script is a decider that sends what was asked for, whatever comes back.
type script struct {
	steps   func(now time.Duration) (plan.Step, bool)
	planned []time.Duration // by the order of sending, where keep is set
	keep    bool
}

func (s *script) Next(now time.Duration) (plan.Step, bool) { return s.steps(now) }

func (s *script) Observe(o trace.Observation) trace.Outcome {
	if s.keep && o.Step > 0 {
		for len(s.planned) < o.Seq-1 {
			s.planned = append(s.planned, 0)
		}
		s.planned[o.Seq-2] = o.Planned // the first is the canary
	}
	return trace.Admitted
}

// unread is a journal that is not read back when a run is over: what holds a
// whole trace then is the analysis, which is not measured here.
type unread struct{ probe.Journal }

func (unread) Trace() (trace.Trace, error) { return trace.Trace{}, nil }

// ours runs a task with this program's session, sender and journal.
func ours(t task, addr, dir string) (report, error) {
	u := &url.URL{Scheme: "http", Host: addr, Path: "/"}
	clock := probe.NewClock()
	s, err := send.New(send.Config{Request: send.Request{URL: u}, Version: "bench", Now: clock.Now})
	if err != nil {
		return report{}, err
	}
	defer s.Close()
	meta := trace.Meta{
		Tool: "bench", Target: trace.Target{Method: "GET", URL: send.Public(u)}, Started: clock.Started(),
		Roster:   trace.Roster{Vantages: []string{"here"}, Routes: []string{"/"}},
		Budget:   trace.Budget{MaxRequests: 1 << 30, MaxDuration: time.Hour, MaxInflight: 1 << 20},
		Loopback: true,
	}
	path := filepath.Join(dir, "bench.ndjson")
	w, err := journal.Create(path, meta)
	if err != nil {
		return report{}, err
	}
	defer os.Remove(path)
	d := &script{steps: steps(t), keep: t.Kind == kindRate}
	res := probe.NewSession(probe.Config{Meta: meta, Decider: d, Sender: s, Journal: unread{w}, Clock: clock}).Run(context.Background())
	r := report{Lead: 1}
	for _, at := range d.planned {
		r.Planned = append(r.Planned, int64(at))
	}
	return r, res.Err
}

// steps turns a task into steps.
func steps(t task) func(time.Duration) (plan.Step, bool) {
	left := t.N
	return func(now time.Duration) (plan.Step, bool) {
		if left <= 0 {
			return plan.Step{}, false
		}
		switch t.Kind {
		case kindRate:
			left = 0
			return plan.Step{Width: 256, Sends: sends(t.N, time.Second/time.Duration(t.Rate))}, true
		case kindBurst:
			left--
			return plan.Step{Width: burstSize, Start: now + rest, Sends: sends(burstSize, 0)}, true
		default:
			n := min(left, chunk)
			left -= n
			return plan.Step{Width: workers, Sends: sends(n, 0)}, true
		}
	}
}

func sends(n int, gap time.Duration) []plan.Send {
	out := make([]plan.Send, n)
	for i := range out {
		out[i] = plan.Send{At: time.Duration(i) * gap, Identity: trace.Identity{Vantage: "here"}, Route: "/"}
	}
	return out
}
