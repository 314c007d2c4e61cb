// Package selftest measures the inference: it draws limiters of the practice
// server at random, assesses each in virtual time as a live run would, and holds
// the verdict against what is true. The limiters share no code with the models
// that the inference reasons with.
package selftest

import (
	"context"
	"runtime"
)

// Config is what a self-test consists of.
type Config struct {
	Trials    int      // at least 1
	Seed      uint64   // of the first trial; each further one has the next
	Family    string   // one of Families; "": all of them in turn
	Disturb   []string // of Disturbances
	Workers   int      // trials at once; 0: one a processor. Changes no result
	ShowWrong bool     // list every trial that is not wholly right
	// Done is called after each trial, in the goroutine of Run; may be nil.
	Done func()
}

// Run runs the trials and returns those that were over before ctx was, in the
// order of their seeds. It does not wait for a trial in progress then. A trial
// depends on nothing but its family, its seed and the disturbances.
func Run(ctx context.Context, cfg Config) ([]Trial, error) { return run(ctx, cfg, try) }

// tried is what became of one trial.
type tried struct {
	i     int
	trial Trial
	whole bool // it ran to its end
	err   error
}

func run(ctx context.Context, cfg Config, try func(context.Context, string, uint64, []string) (Trial, bool, error)) ([]Trial, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if cfg.Workers <= 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	next, done := make(chan int), make(chan tried)
	for range min(cfg.Workers, cfg.Trials) {
		go func() {
			for i := range next {
				x := tried{i: i}
				family, seed := cfg.trial(i)
				x.trial, x.whole, x.err = try(ctx, family, seed, cfg.Disturb)
				select {
				case done <- x:
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	go func() {
		defer close(next)
		for i := range cfg.Trials {
			select {
			case next <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	trials := make([]*Trial, cfg.Trials)
	for range cfg.Trials {
		select {
		case <-ctx.Done():
			return whole(trials), nil
		case x := <-done:
			if x.err != nil {
				return whole(trials), x.err
			}
			if x.whole {
				trials[x.i] = &x.trial
				if cfg.Done != nil {
					cfg.Done()
				}
			}
		}
	}
	return whole(trials), nil
}

// trial says which trial the one with that index is.
func (cfg *Config) trial(i int) (family string, seed uint64) {
	if family = cfg.Family; family == "" {
		family = families[i%len(families)].name
	}
	return family, cfg.Seed + uint64(i)
}

// whole leaves out the trials that were not run.
func whole(trials []*Trial) []Trial {
	var out []Trial
	for _, t := range trials {
		if t != nil {
			out = append(out, *t)
		}
	}
	return out
}
