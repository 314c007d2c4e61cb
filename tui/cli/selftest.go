package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"apisonde/tui/selftest"
)

var selftestFormats = []format{formatPlain, formatJSON}

func selftestCommand(std *streams) *cli.Command {
	const group = "Trials"
	kinds, what := selftest.Disturbances()
	for i := range what {
		what[i] = kinds[i] + " (" + what[i] + ")"
	}
	return &cli.Command{
		Name:  "selftest",
		Usage: "measure the inference over random limiters, in virtual time; sends nothing",
		Description: "Each trial draws a limiter, assesses it as a live run would and holds the verdict " +
			"against the truth. It says how often the answers are right, what they cost, and " +
			"whether confidence means what it says.",
		Flags: join([]cli.Flag{
			&cli.IntFlag{Name: "trials", Base: 10, Category: group, Usage: "`N` limiters to draw", Value: 200, DefaultText: "200"},
			&cli.Uint64Flag{Name: "seed", Base: 10, Category: group, Usage: "`N` of the first trial; each further one has the next number", Value: 1, DefaultText: "1"},
			&cli.StringFlag{Name: "family", Category: group, Usage: "`NAME` of one kind of limiter: " + strings.Join(selftest.Families(), ", "), DefaultText: "all of them in turn"},
			&cli.StringSliceFlag{Name: "disturb", Category: group, Usage: "`KIND` of disturbance: " + strings.Join(what, ", ") + "; repeatable", DefaultText: "none"},
			&cli.IntFlag{Name: "jobs", Base: 10, Category: group, Usage: "`N` trials at once; changes no figure", DefaultText: "one a processor"},
			&cli.BoolFlag{Name: "show-wrong", Category: group, Usage: "list every trial that is not wholly right, with the command that repeats it"},
		}, outputFlag(selftestFormats)),
		Action: func(c *cli.Context) error {
			form, err := readFormat(c, selftestFormats)
			if err != nil {
				return err
			}
			cfg, err := readSelftest(c)
			if err != nil {
				return err
			}
			return examine(c.Context, std, cfg, form)
		},
	}
}

const (
	// mostTrials is what a computer is done with in about a day, and remembers
	// without effort; beyond it a typing error is likelier than a wish.
	mostTrials = 100_000
	// mostJobs is more than any computer has processors for.
	mostJobs = 1024
)

func readSelftest(c *cli.Context) (selftest.Config, error) {
	cfg := selftest.Config{Trials: c.Int("trials"), Seed: c.Uint64("seed"), Family: c.String("family"), ShowWrong: c.Bool("show-wrong")}
	if cfg.Trials < 1 || cfg.Trials > mostTrials {
		return cfg, usagef("--trials is a number from 1 to %d", mostTrials)
	}
	if c.IsSet("family") && !slices.Contains(selftest.Families(), cfg.Family) {
		return cfg, usagef("--family is one of %s", strings.Join(selftest.Families(), ", "))
	}
	if cfg.Workers = c.Int("jobs"); c.IsSet("jobs") && (cfg.Workers < 1 || cfg.Workers > mostJobs) {
		return cfg, usagef("--jobs is a number from 1 to %d", mostJobs)
	}
	kinds, _ := selftest.Disturbances()
	for _, kind := range c.StringSlice("disturb") {
		if !slices.Contains(kinds, kind) {
			return cfg, usagef("--disturb is one of %s", strings.Join(kinds, ", "))
		}
		if !slices.Contains(cfg.Disturb, kind) {
			cfg.Disturb = append(cfg.Disturb, kind)
		}
	}
	return cfg, nil
}

// examine runs the trials and prints what they show; a signal ends it with those
// that are done.
func examine(ctx context.Context, std *streams, cfg selftest.Config, form format) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	signals := watchSignals(stop, stop)
	defer signals.close()
	start, told, done := time.Now(), time.Now(), 0
	cfg.Done = func() {
		if done++; time.Since(told) >= progressEvery {
			told = time.Now()
			fmt.Fprintf(std.err, "%4.0fs  %d of %d trials done\n", time.Since(start).Seconds(), done, cfg.Trials)
		}
	}
	trials, err := selftest.Run(ctx, cfg)
	if err != nil {
		return runtimef("%w", err)
	}
	report := selftest.Summarise(cfg, trials)
	if form == formatJSON {
		e := json.NewEncoder(std.out)
		e.SetIndent("", "  ")
		err = e.Encode(report)
	} else {
		err = selftest.Text(std.out, report)
	}
	if err != nil {
		return runtimef("the figures cannot be printed: %w", err)
	}
	if code := signals.code(); code != exitOK {
		return &failure{code: code}
	}
	return nil
}
