package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"apisonde/analyze/header"
	"apisonde/probe"
	"apisonde/probe/guard"
	"apisonde/probe/journal"
	"apisonde/probe/trace"
	"apisonde/tui"
)

// coolDown is how long a target is left alone that looked like banning.
const coolDown = 15 * time.Minute

func resumeFlag() cli.Flag {
	return &cli.StringFlag{Name: "resume", Category: "Record", Usage: "`TRACE` goes on with an earlier run, whose requests count against the ceilings; URL, routes, ceilings and seed are the trace's unless given, keys and addresses are given again"}
}

// reopen reads the trace that --resume names, nil where it names none, and lays
// what it knows under the form. Nothing of the trace is changed.
func reopen(c *cli.Context, f *tui.Form) (*journal.Part, error) {
	if !c.IsSet("resume") {
		return nil, nil
	}
	for _, flag := range []string{"trace", "seed"} {
		if c.IsSet(flag) {
			return nil, usagef("--%s: a resumed run keeps the trace and the seed that it has; leave it out", flag)
		}
	}
	path := c.String("resume")
	if _, err := os.Stat(path); err != nil {
		return nil, usagef("--resume: the trace cannot be opened: %w", err)
	}
	part, err := journal.Reopen(path)
	if err != nil {
		return nil, usagef("--resume: %w. Nothing was sent", err)
	}
	if f.URL == "" && !c.IsSet("from-curl") {
		f.URL = part.Trace.Meta.Target.URL
	}
	if len(f.Routes) == 0 {
		f.Routes = part.Trace.Meta.Roster.Routes[1:]
	}
	return part, nil
}

// goOn fits what the flags say to the trace that is resumed, and refuses what is
// another assessment than the trace's.
func goOn(c *cli.Context, cfg *config, t trace.Trace) (trace.Budget, error) {
	var none trace.Budget
	if err := sameRun(cfg, t.Meta); err != nil {
		return none, err
	}
	if !c.IsSet("limited-when") {
		rules, err := header.ParseRules(t.Meta.LimitedWhen)
		if err != nil {
			return none, usagef("--resume: the trace's rules: %w", err)
		}
		cfg.rules, cfg.send.KeepBodies = rules, rules.ReadBody()
	} else if !slices.Equal(cfg.rules.Texts(), t.Meta.LimitedWhen) {
		return none, usagef("--resume: the trace was made with other rules of --limited-when; leave the flag out to keep them")
	}
	if e := t.End; e != nil && e.Reason == string(probe.StopBan) && !cfg.learnBans {
		if wait := coolDown - time.Since(e.Ended); wait > 0 {
			return none, usagef("--resume: the run ended because the server looked like banning; let it rest for %s more, or say --learn bans. Nothing was sent", wait.Round(time.Second))
		}
	}
	budget, err := readBudget(c, t.Meta.Budget)
	if err != nil {
		return none, err
	}
	t.Meta.Budget = budget
	left := t.Left(0)
	switch {
	case left.MaxRequests <= 0:
		return none, usagef("--resume: all %d requests of the run are spent%s; --max-requests allows more in all. Nothing was sent", budget.MaxRequests, perhaps(t))
	case left.MaxDuration <= 0 && t.Active() >= budget.MaxDuration:
		return none, usagef("--resume: the %s of the run are over; --max-duration allows more in all. Nothing was sent", budget.MaxDuration)
	}
	cfg.plan.Budget = budget
	cfg.plan.Budget.MaxRequests = left.MaxRequests - len(t.Observations)
	cfg.plan.Budget.MaxDuration = budget.MaxDuration - t.Active()
	return budget, nil
}

func perhaps(t trace.Trace) string {
	if t.Lost == 0 {
		return ""
	}
	return fmt.Sprintf(", as far as is known (a crash kept up to %d from the record)", t.Lost)
}

// sameRun refuses a trace of another target or of other callers.
func sameRun(cfg *config, m trace.Meta) error {
	if cfg.plan.Target != m.Target {
		return usagef("--resume: the trace is of %s %s, not of %s %s. Nothing was sent", m.Target.Method, m.Target.URL, cfg.plan.Target.Method, cfg.plan.Target.URL)
	}
	have, want := cfg.plan.Roster, m.Roster
	keys := func(list []trace.Key) []string {
		var out []string
		for _, k := range list {
			out = append(out, strings.TrimSuffix(k.Name+"@"+k.Owner, "@"))
		}
		return out
	}
	for _, d := range []struct {
		flag       string
		have, want []string
	}{
		{"ip", have.Vantages, want.Vantages}, {"key", keys(have.Keys), keys(want.Keys)},
		{"user", have.Users, want.Users}, {"ip forwarded", have.Forwarded, want.Forwarded}, {"route", have.Routes, want.Routes},
	} {
		if !slices.Equal(d.have, d.want) {
			return usagef("--resume: the trace was made with other values of --%s: %s, not %s; give the same under the same names, in the same order. Nothing was sent",
				d.flag, orNone(d.want), orNone(d.have))
		}
	}
	return nil
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// resume opens the journal of a further part, and sets the clock and the budget
// of the part.
func (a *assessment) resume() (probe.Config, probe.Journal, error) {
	t := a.part.Trace
	r := t.Resume(version, time.Now(), a.total)
	a.clock = probe.ResumeClock(r.At)
	w, err := a.part.Resume(r)
	if err != nil {
		return probe.Config{}, nil, &failure{exitTrace, err}
	}
	t.Meta.Budget = a.total
	meta := t.Meta
	meta.Budget = t.Left(r.At)
	return probe.Config{Meta: meta, Earlier: &t, Begin: r.At}, w, nil
}

// release lets go of what start would have used.
func (a *assessment) release() {
	if a.part != nil {
		a.part.Release()
	}
	if a.lock != nil {
		a.lock.Release()
	}
}

// busy gives a lock's refusal its exit code.
func busy(err error) error {
	if errors.Is(err, guard.ErrBusy) {
		return usagef("%w. Nothing was sent", err)
	}
	return runtimef("%w. Nothing was sent", err)
}
