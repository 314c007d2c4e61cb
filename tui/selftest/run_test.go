package selftest

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"apisonde/probe/lab/limit"
)

// Every limiter drawn is one that the practice server takes.
func TestDraw(t *testing.T) {
	t.Parallel()
	for _, family := range Families() {
		for seed := range uint64(50) {
			stack, err := limit.Parse(draw(family, seed))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := len(stack.Truth()) == 0, family == "none"; got != want {
				t.Errorf("%s limits nothing: %v", draw(family, seed), got)
			}
		}
	}
}

// How many trials run at once changes nothing, and each can be run alone.
func TestRunRepeatsItself(t *testing.T) {
	t.Parallel()
	run := func(cfg Config) []Trial {
		trials, err := Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if len(trials) != cfg.Trials {
			t.Fatalf("%d trials of %d", len(trials), cfg.Trials)
		}
		return trials
	}
	many := run(Config{Trials: 4, Seed: 7, Workers: 3, Disturb: []string{"loss"}})
	if diff := cmp.Diff(many, run(Config{Trials: 4, Seed: 7, Workers: 1, Disturb: []string{"loss"}})); diff != "" {
		t.Errorf("with one worker:\n%s", diff)
	}
	last := many[3]
	if diff := cmp.Diff(many[3:], run(Config{Trials: 1, Seed: last.Seed, Family: last.Family, Disturb: []string{"loss"}})); diff != "" {
		t.Errorf("the last one alone:\n%s", diff)
	}
}

// A run that is stopped keeps what is done and nothing else.
func TestRunStops(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	trials, err := Run(ctx, Config{Trials: 100, Seed: 1, Workers: 1, Family: "none", Done: stop})
	if err != nil || len(trials) != 1 {
		t.Errorf("%d trials, %v", len(trials), err)
	}
}

// Every disturbance is possible with every family, and says in which way it
// disturbs where that is drawn for the trial.
func TestWorlds(t *testing.T) {
	t.Parallel()
	kinds, _ := Disturbances()
	for _, family := range Families() {
		for seed := range uint64(20) {
			for _, kind := range append(kinds, "") {
				w, err := newWorld(family, seed, []string{kind})
				if err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				policies := 1
				if (kind == "nodes" || kind == "change" || kind == "restart") && family != "none" {
					policies = 2
				}
				if len(w.truths) != policies {
					t.Errorf("%s, %s: %d policies", w.describe(), kind, len(w.truths))
				}
			}
			if _, err := newWorld(family, seed, kinds); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestScaled(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		"token-bucket,rate=1.5,burst=5,by=ip": "token-bucket,rate=3.000,burst=10,by=ip",
		"fixed-window,limit=9,window=2s":      "fixed-window,limit=18,window=2s",
		"leaky-queue,rate=1,depth=3":          "leaky-queue,rate=2.000,depth=6",
	} {
		if got := scaled(spec, 2); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
