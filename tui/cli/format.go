package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// format is a form that results are printed in.
type format string

const (
	formatPlain    format = "plain"
	formatJSON     format = "json"
	formatNDJSON   format = "ndjson"
	formatMarkdown format = "markdown"
	formatQuiet    format = "quiet"
)

// The formats of each command, the default first.
var (
	planFormats    = []format{formatPlain, formatJSON}
	verdictFormats = []format{formatPlain, formatJSON, formatNDJSON, formatMarkdown, formatQuiet}
	reportFormats  = []format{formatMarkdown, formatPlain, formatJSON, formatNDJSON, formatQuiet}
)

func listFormats(formats []format) string {
	var out []string
	for _, f := range formats {
		out = append(out, string(f))
	}
	return strings.Join(out, ", ")
}

func outputFlag(formats []format) []cli.Flag {
	return []cli.Flag{&cli.StringFlag{Name: "output", Category: resultGroup, Usage: "`FORMAT` of what is printed: " + listFormats(formats), DefaultText: string(formats[0])}}
}

// readFormat reads --output.
func readFormat(c *cli.Context, formats []format) (format, error) {
	if !c.IsSet("output") {
		return formats[0], nil
	}
	f := format(c.String("output"))
	if !slices.Contains(formats, f) {
		return "", usagef("--output is one of %s", listFormats(formats))
	}
	return f, nil
}
