package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
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
	"apisonde/probe/guard"
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
	care    guard.Care
	learn   bool // bans do not stop the run

	part  *journal.Part // of the run that this one goes on with, nil for none
	total trace.Budget  // with part: of all parts together

	lock *guard.Lock // held while the run lasts

	clock  *probe.WallClock
	sender *send.Sender
	egress *send.Sender // asks where requests arrive from; nil: not asked
	engine *infer.Engine

	mu      sync.Mutex
	session *probe.Session // set by start
}

// newAssessment checks everything that can be checked without sending. Its errors
// are usage errors.
func newAssessment(cfg *config, c *cli.Context) (*assessment, error) {
	a := &assessment{
		plan: cfg.plan, request: cfg.send, rules: cfg.rules, seed: c.Uint64("seed"), path: c.String("trace"),
		care: cfg.care, learn: cfg.learnBans,
	}
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
	if cfg.check == nil {
		return a, nil
	}
	if a.egress, err = send.New(askEgress(cfg.check, a.request)); err != nil {
		return nil, &failure{exitUsage, fmt.Errorf("--egress-check: %w", err)}
	}
	return a, nil
}

// askEgress is a request to another server, through the vantages of c and without
// anything that only the target may see.
func askEgress(to *url.URL, c send.Config) send.Config {
	out := send.Config{
		Request: send.Request{URL: to}, Vantages: c.Vantages, SSHKeys: c.SSHKeys, Version: c.Version, Now: c.Now, Egress: true,
	}
	if c.TLS != nil {
		out.TLS = &tls.Config{RootCAs: c.TLS.RootCAs}
	}
	return out
}

// resolve looks the host up, so that a wrong name costs nothing.
func (a *assessment) resolve(ctx context.Context) error {
	err := a.sender.Resolve(ctx)
	switch {
	case errors.Is(err, send.ErrBarred):
		return usagef("%w; nothing was sent", err)
	case err != nil:
		return runtimef("%w; nothing was sent", err)
	}
	return nil
}

// start locks the target, begins the run's clock and opens its journal. wrap may
// put another journal around the one on disk; nil puts none.
func (a *assessment) start(wrap func(probe.Journal) probe.Journal) error {
	var err error
	if a.lock, err = guard.LockTarget(filepath.Join(stateFolder(), "locks"), a.request.Request.URL); err != nil {
		a.release()
		return busy(err)
	}
	cfg, j, err := a.open()
	if err != nil {
		a.lock.Release()
		return err
	}
	if wrap != nil {
		j = wrap(j)
	}
	a.engine = infer.New(infer.Config{Roster: cfg.Meta.Roster, Budget: cfg.Meta.Budget, Seed: cfg.Meta.Seed, Rules: a.rules})
	cfg.Decider, cfg.Sender, cfg.Journal, cfg.Clock, cfg.Survey = a.engine, a.sender, j, a.clock, a.survey
	if !a.plan.Loopback {
		cfg.Care, cfg.LearnBans, cfg.Claims = a.care, a.learn, claimsSince(cfg.Meta.Started)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.egress != nil {
		cfg.Egress = a.egress
	}
	a.session = probe.NewSession(cfg)
	return nil
}

// open begins the clock and the journal, of a new run or of one that goes on.
func (a *assessment) open() (probe.Config, probe.Journal, error) {
	if a.part != nil {
		return a.resume()
	}
	a.clock = probe.NewClock()
	meta := trace.Meta{
		Tool: version, Target: a.plan.Target, Started: a.clock.Started().UTC(), Seed: a.seed,
		Roster: a.plan.Roster, Budget: a.plan.Budget, Loopback: a.plan.Loopback, LimitedWhen: a.rules.Texts(),
		EgressCheck: a.plan.EgressCheck,
	}
	if a.request.HTTP2 {
		meta.HTTP = "2"
	}
	w, err := a.create(meta)
	switch {
	case errors.Is(err, fs.ErrExist):
		return probe.Config{}, nil, &failure{exitUsage, err}
	case err != nil:
		return probe.Config{}, nil, &failure{exitTrace, err}
	}
	return probe.Config{Meta: meta}, w, nil
}

// stateFolder is where traces and locks are kept.
func stateFolder() string { return filepath.Join(xdg.StateHome, "apisonde") }

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
	base := filepath.Join(stateFolder(), hostName(a.request.Request.URL.Host)+"-"+meta.Started.Format("20060102T150405Z"))
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

// run sends until the engine has nothing left to ask or something ends the run,
// and states what was learnt. A cancelled ctx ends it in order.
func (a *assessment) run(ctx context.Context) (probe.Result, verdict.Verdict) {
	res := a.send(ctx)
	v, err := drawn(res.Trace, analyze.Conclude)
	res.Err = errors.Join(res.Err, err)
	if res.Reason == probe.StopTrace {
		reason := string(probe.StopTrace) // which a trace that cannot be written does not say itself
		v.StopReason = &reason
	}
	return res, v
}

// send sends, and lets go of the connections and of the target then.
func (a *assessment) send(ctx context.Context) probe.Result {
	defer a.release()
	defer a.close()
	return a.session.Run(ctx)
}

// close ends the connections of a run.
func (a *assessment) close() {
	if a.egress != nil {
		a.egress.Close()
	}
	a.sender.Close()
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
func (a *assessment) conclude(std *streams, r result, res probe.Result, v verdict.Verdict, code int) error {
	for _, n := range slices.Concat(res.Notes, a.sender.Notes(), unusedProxies()) {
		fmt.Fprintf(std.err, "note: %s\n", n)
	}
	if res.Err != nil {
		fmt.Fprintf(std.err, "apisonde: %v\n", res.Err)
	}
	code = worst(code, runCode(res), r.finish(std, v, res.Trace))
	fmt.Fprintf(std.err, "trace: %s\n", a.path)
	if code != exitOK {
		return &failure{code: code}
	}
	return nil
}
