package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"apisonde/analyze/verdict"
)

// version is that of the program, as traces and verdicts carry it.
const version = "0.1.0"

func tool() verdict.Tool { return verdict.Tool{Name: "apisonde", Version: version} }

func versionCommand(std *streams) *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version",
		Action: func(*cli.Context) error {
			_, err := fmt.Fprintf(std.out, "apisonde %s\n", version)
			return err
		},
	}
}
