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
			stack, err := limit.Parse([]string{draw(family, seed)})
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
