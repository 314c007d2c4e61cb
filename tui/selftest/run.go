// Package selftest measures the inference: it draws limiters of the practice
// server at random, assesses each in virtual time as a live run would, and holds
// the verdict against what is true. The limiters share no code with the models
// that the inference reasons with.
package selftest

import (
	"context"
	"runtime"
	"sync"
)

// Config is what a self-test consists of.
type Config struct {
	Trials  int      // at least 1
	Seed    uint64   // of the first trial; each further one has the next
	Family  string   // one of Families; "": all of them in turn
	Disturb []string // of Disturbances
	Workers int      // trials at once; 0: one a processor. Changes no result
	// Done is called after each trial, by one goroutine at a time; may be nil.
	Done func()
}

// Run runs the trials and returns those that were over before ctx was, in the
// order of their seeds. A trial depends on nothing but its family, its seed and
// the disturbances.
func Run(ctx context.Context, cfg Config) ([]Trial, error) {
	if cfg.Workers <= 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	names := Families()
	if cfg.Family != "" {
		names = []string{cfg.Family}
	}
	trials := make([]*Trial, cfg.Trials)
	var (
		all   sync.WaitGroup
		mu    sync.Mutex // guards first and calls of Done
		first error
	)
	next := make(chan int)
	for range min(cfg.Workers, cfg.Trials) {
		all.Go(func() {
			for i := range next {
				t, whole, err := try(ctx, names[i%len(names)], cfg.Seed+uint64(i), cfg.Disturb)
				mu.Lock()
				if err != nil && first == nil {
					first = err
				}
				if whole {
					trials[i] = &t
					if cfg.Done != nil {
						cfg.Done()
					}
				}
				mu.Unlock()
			}
		})
	}
	for i := range trials {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	all.Wait()
	var out []Trial
	for _, t := range trials {
		if t != nil {
			out = append(out, *t)
		}
	}
	return out, first
}
