// Package cli is the command line: flags become a configuration, rooms are joined,
// and what comes of it goes to the right stream under the right exit code.
package cli

import (
	"errors"
	"fmt"
	"os"
	"regexp"

	"github.com/urfave/cli/v2"
)

// Main runs the command line and returns its exit code. args are without the
// program's name. Only results are written to stdout.
func Main(args []string, stdin, stdout, stderr *os.File) int {
	std := &streams{in: stdin, out: stdout, err: stderr}
	err := run(std, args)
	if err == nil {
		return exitOK
	}
	if f, ok := errors.AsType[*failure](err); !ok || f.err != nil {
		fmt.Fprintf(stderr, "apisonde: %v\n", err)
	}
	return codeOf(err)
}

func run(std *streams, args []string) error {
	app := newApp(std)
	list, err := normalise(app, args)
	if err != nil {
		return err
	}
	list, origin, err := withSettings(app, list, os.LookupEnv)
	if err != nil {
		return err
	}
	return settled(app.Run(append([]string{app.Name}, list...)), origin)
}

func newApp(std *streams) *cli.App {
	app := &cli.App{
		Name:  "apisonde",
		Usage: "find out how an HTTP API limits its callers, and what a client should do about it",
		Description: "It sends as few requests as it can to learn whose requests a limiter counts " +
			"together, how many it admits in what time, and by which algorithm; then it says how " +
			"sure that is and what to set in a client. Nothing is sent before the plan was confirmed.",
		Reader:                    std.in,
		Writer:                    std.out,
		ErrWriter:                 std.err,
		HideVersion:               true,
		HideHelpCommand:           true,
		DisableSliceFlagSeparator: true,
		Action:                    func(c *cli.Context) error { return bare(c, std) },
		Commands:                  commands(std),
		OnUsageError:              usageError,
		CommandNotFound:           func(*cli.Context, string) {},
		ExitErrHandler:            func(*cli.Context, error) {}, // Main returns the code; cli would exit by itself
	}
	for _, c := range app.Commands {
		c.OnUsageError = usageError
		c.HideHelpCommand = true
		c.CustomHelpTemplate = literalTemplate(helpText(c))
	}
	app.CustomAppHelpTemplate = literalTemplate(appHelp(app))
	return app
}

// valueError is how package flag refuses a value, which it repeats.
var valueError = regexp.MustCompile(`^invalid (?:boolean )?value .* for (?:flag )?-([a-z-]+): `)

// usageError gives a flag's parse error the exit code of the contract, and takes
// the value out of it.
func usageError(_ *cli.Context, err error, _ bool) error {
	if m := valueError.FindStringSubmatch(err.Error()); m != nil {
		return usagef("--%s: its value cannot be read; numbers are plain and durations have a unit, as 90s", m[1])
	}
	return &failure{exitUsage, err}
}

// bare is apisonde without a command: on a terminal the setup screen, elsewhere a
// short help.
func bare(c *cli.Context, std *streams) error {
	if std.interactive() {
		r, err := readResult(c, std, verdictFormats)
		if err != nil {
			return err
		}
		return (&screen{std: std, c: c, result: r}).setUp()
	}
	c.App.Writer = std.err
	if err := cli.ShowAppHelp(c); err != nil {
		return err
	}
	return &failure{code: exitUsage}
}

func commands(std *streams) []*cli.Command {
	return []*cli.Command{
		demoCommand(std),
		probeCommand(std),
		planCommand(std),
		inspectCommand(std),
		tuiCommand(std),
		analyzeCommand(std),
		reportCommand(std),
		labCommand(std),
		selftestCommand(std),
		versionCommand(std),
	}
}
