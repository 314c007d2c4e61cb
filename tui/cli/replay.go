package cli

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"apisonde/analyze"
	"apisonde/probe/journal"
)

func analyzeCommand(std *streams) *cli.Command {
	return replayCommand(std, "analyze", "draw the verdict from a recorded trace; sends nothing", verdictFormats)
}

func reportCommand(std *streams) *cli.Command {
	return replayCommand(std, "report", "write the report of a recorded trace, as markdown; sends nothing", reportFormats)
}

// replayCommand reasons over a trace on disk as a live run did over its own.
func replayCommand(std *streams, name, usage string, formats []format) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage, ArgsUsage: "TRACE",
		Flags: resultFlags(formats),
		Action: func(c *cli.Context) error {
			r, err := readResult(c, std, formats)
			if err != nil {
				return err
			}
			path := c.Args().First()
			if path == "" {
				return usagef("no trace to read; write apisonde %s TRACE", name)
			}
			if _, err := os.Stat(path); err != nil {
				return usagef("the trace cannot be opened: %w", err)
			}
			t, err := journal.Open(path)
			if err != nil {
				return runtimef("%w", err)
			}
			v, err := drawn(t, analyze.Conclude)
			if err != nil {
				return runtimef("%w", err)
			}
			if r.format == formatNDJSON {
				for _, o := range t.Observations {
					if _, err := std.out.Write(observationLine(o)); err != nil {
						return runtimef("the observations cannot be printed: %w", err)
					}
				}
			}
			for _, d := range t.Damage {
				fmt.Fprintf(std.err, "note: %s\n", d)
			}
			if code := r.finish(std, v, t); code != exitOK {
				return &failure{code: code}
			}
			return nil
		},
	}
}
