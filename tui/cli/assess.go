package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/adrg/xdg"
	"github.com/urfave/cli/v2"

	"apisonde/analyze"
	"apisonde/analyze/header"
	"apisonde/analyze/infer"
	"apisonde/analyze/verdict"
	"apisonde/probe"
	"apisonde/probe/journal"
	"apisonde/probe/plan"
	"apisonde/probe/send"
	"apisonde/probe/trace"
)

// assessment is one run from plan to verdict. start opens its journal; run sends.
type assessment struct {
	plan    plan.Plan
	request send.Config // its clock is the assessment's
	seed    uint64
	rules   header.Rules
	path    string // of the journal; "" before start names one by default
	survey  bool   // one request for each value, whatever comes of it

	clock  *probe.WallClock
	sender *send.Sender
	engine *infer.Engine

	mu      sync.Mutex
	session *probe.Session // set by start
}

// newAssessment checks everything that can be checked without sending. Its errors
// are usage errors.
func newAssessment(cfg *config, c *cli.Context) (*assessment, error) {
	a := &assessment{plan: cfg.plan, request: cfg.send, rules: cfg.rules, seed: c.Uint64("seed"), path: c.String("trace")}
	if !c.IsSet("seed") {
		a.seed = uint64(rand.Uint32()) // short enough to be typed again
	}
	if c.IsSet("trace") {
		if _, err := os.Lstat(a.path); a.path == "" || err == nil {
			return nil, usagef("--trace: %q exists already or is no name; name a new file. Nothing was sent", a.path)
		}
	}
	a.request.Now = func() time.Duration { return a.clock.Now() }
	sender, err := send.New(a.request)
	if err != nil {
		return nil, &failure{exitUsage, err}
	}
	a.sender = sender
	return a, nil
}

// start begins the run's clock and opens its journal. wrap may put another journal
// around the one on disk; nil puts none.
func (a *assessment) start(wrap func(probe.Journal) probe.Journal) error {
	a.clock = probe.NewClock()
	meta := trace.Meta{
		Tool: version, Target: a.plan.Target, Started: a.clock.Started().UTC(), Seed: a.seed,
		Roster: a.plan.Roster, Budget: a.plan.Budget, Loopback: a.plan.Loopback, LimitedWhen: a.rules.Texts(),
	}
	w, err := a.create(meta)
	switch {
	case errors.Is(err, fs.ErrExist):
		return &failure{exitUsage, err}
	case err != nil:
		return &failure{exitTrace, err}
	}
	var j probe.Journal = w
	if wrap != nil {
		j = wrap(j)
	}
	a.engine = infer.New(infer.Config{Roster: meta.Roster, Budget: meta.Budget, Seed: meta.Seed, Rules: a.rules})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.session = probe.NewSession(probe.Config{Meta: meta, Decider: a.engine, Sender: a.sender, Journal: j, Clock: a.clock, Survey: a.survey})
	return nil
}

// abort ends at once what a cancelled run would wait for. It may be called from
// any goroutine, before a start too.
func (a *assessment) abort() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.session != nil {
		a.session.Abort()
	}
}

// create opens the journal where --trace says, or under the state folder. Two runs
// may begin within one second, so a default name that is taken gets a number.
func (a *assessment) create(meta trace.Meta) (*journal.Writer, error) {
	if a.path != "" {
		return journal.Create(a.path, meta)
	}
	base := filepath.Join(xdg.StateHome, "apisonde", hostName(a.request.Request.URL.Host)+"-"+meta.Started.Format("20060102T150405Z"))
	for n := 1; ; n++ {
		a.path = base + ".ndjson"
		if n > 1 {
			a.path = fmt.Sprintf("%s-%d.ndjson", base, n)
		}
		w, err := journal.Create(a.path, meta)
		if n < 100 && errors.Is(err, fs.ErrExist) {
			continue
		}
		return w, err
	}
}

// hostName is a host and port as part of a file name.
func hostName(host string) string {
	if h, port, err := net.SplitHostPort(host); err == nil {
		host = h + "-" + port
	}
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, strings.Trim(host, "[]"))
}

// ended is a run that is over, with its trace as the journal holds it.
type ended struct {
	probe.Result
	Trace trace.Trace
}

// send sends until there is nothing left to ask or something ends the run, and
// reads the trace back. A cancelled ctx ends it in order.
func (a *assessment) send(ctx context.Context) ended {
	defer a.sender.Close()
	res := a.session.Run(ctx)
	t, err := journal.Open(a.path)
	if err != nil {
		t = trace.Trace{Meta: res.Meta, End: &res.End}
		res.Err = errors.Join(res.Err, err)
		if res.Reason != probe.StopInterrupted {
			res.Reason = probe.StopTrace
		}
	}
	return ended{res, t}
}

// run sends and states what was learnt.
func (a *assessment) run(ctx context.Context) (ended, verdict.Verdict) {
	res := a.send(ctx)
	v, err := drawn(res.Trace, analyze.Conclude)
	res.Err = errors.Join(res.Err, err)
	return res, v
}

// drawn draws the verdict from a trace. A fault in the reasoning must cost neither
// the terminal, which a screen may be using, nor the word that the trace is kept:
// it comes back as an error beside a verdict that states nothing.
func drawn(t trace.Trace, conclude func(trace.Trace, verdict.Tool) verdict.Verdict) (v verdict.Verdict, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error while drawing the verdict: %v; the trace is whole", p)
			v = verdict.Verdict{
				Schema: verdict.Schema, Tool: tool(), Target: verdict.Target(t.Meta.Target), StartedAt: t.Meta.Started, FinishedAt: t.Meta.Started,
				Outcome: verdict.OutcomeStopped, Cost: verdict.Cost{Requests: len(t.Observations), Ignored: len(t.Observations)},
				Warnings: []string{err.Error()},
			}
		}
	}()
	return conclude(t, tool()), nil
}

// conclude tells what came of a run and returns the exit code, which code may only
// raise.
func (a *assessment) conclude(std *streams, r result, res ended, v verdict.Verdict, code int) error {
	for _, n := range res.Notes {
		fmt.Fprintf(std.err, "note: %s\n", n)
	}
	if res.Err != nil {
		fmt.Fprintf(std.err, "apisonde: %v\n", res.Err)
	}
	code = worst(code, runCode(res.Result), r.finish(std, v, res.Trace))
	fmt.Fprintf(std.err, "trace: %s\n", a.path)
	if code != exitOK {
		return &failure{code: code}
	}
	return nil
}
