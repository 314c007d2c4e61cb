package selftest

import (
	"context"
	"errors"
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
	cfg := Config{Trials: 4, Seed: 7, Family: "concurrency", Workers: 3, Disturb: []string{"loss"}}
	many := run(cfg)
	cfg.Workers = 1
	if diff := cmp.Diff(many, run(cfg)); diff != "" {
		t.Errorf("with one worker:\n%s", diff)
	}
	cfg.Trials, cfg.Seed = 1, many[3].Seed
	if diff := cmp.Diff(many[3:], run(cfg)); diff != "" {
		t.Errorf("the last one alone:\n%s", diff)
	}
}

// A trial is told by its family and seed, however many stand before it.
func TestTrials(t *testing.T) {
	t.Parallel()
	all := Config{Seed: 5}
	one := Config{Seed: 5, Family: "none"}
	for i, want := range Families() {
		if family, seed := all.trial(i + len(families)); family != want || seed != uint64(5+i+len(families)) {
			t.Errorf("trial %d is %s, seed %d; want %s", i+len(families), family, seed, want)
		}
		if family, seed := one.trial(i); family != "none" || seed != uint64(5+i) {
			t.Errorf("trial %d of one family is %s, seed %d", i, family, seed)
		}
	}
}

// A run that is stopped keeps what is done, and does not wait for the rest.
func TestRunStops(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	busy := make(chan struct{})
	defer close(busy)
	slow := func(_ context.Context, family string, seed uint64, _ []string) (Trial, bool, error) {
		if seed == 3 { // in the midst of a computation that looks at no context
			stop()
			<-busy
		}
		return Trial{Family: family, Seed: seed}, true, nil
	}
	trials, err := run(ctx, Config{Trials: 100, Seed: 1, Workers: 1, Family: "none"}, slow)
	if err != nil || len(trials) != 2 {
		t.Errorf("%d trials, %v", len(trials), err)
	}
}

// A trial in which the engine was cut off is none.
func TestTryStops(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, whole, err := try(ctx, "none", 1, nil); whole || err != nil {
		t.Errorf("whole %v, %v", whole, err)
	}
}

// The first trial that cannot be made ends the run.
func TestRunFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	_, err := run(t.Context(), Config{Trials: 100, Workers: 2}, func(context.Context, string, uint64, []string) (Trial, bool, error) {
		return Trial{}, false, broken
	})
	if !errors.Is(err, broken) {
		t.Error(err)
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
		"token-bucket,rate=1.5,burst=5,by=ip":                           "token-bucket,rate=3.000,burst=10,by=ip",
		"fixed-window,limit=9,window=2s":                                "fixed-window,limit=18,window=2s",
		"leaky-queue,rate=1,depth=3":                                    "leaky-queue,rate=2.000,depth=6",
		"token-bucket,align=clock,tick=1.500s,rate=2.000000000,burst=5": "token-bucket,align=clock,tick=0.750000s,rate=4.000000000,burst=10",
	} {
		if got := scaled(spec, 2); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
