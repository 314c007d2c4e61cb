package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/natefinch/atomic"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
	"apisonde/report"
)

// result says how a verdict comes out, as --output, --report, --expect and --color
// ask.
type result struct {
	format format
	report string // path, "" for none
	expect *expectation
	color  bool
	width  int
}

// readResult reads the flags of a command that ends in a verdict, before anything
// is sent.
func readResult(c *cli.Context, std *streams, formats []format) (result, error) {
	r := result{report: c.String("report"), width: 80}
	var err error
	if r.format, err = readFormat(c, formats); err != nil {
		return r, err
	}
	if c.IsSet("expect") {
		e, err := parseExpectation(c.String("expect"))
		if err != nil {
			return r, err
		}
		r.expect = &e
	}
	if c.IsSet("report") {
		if info, err := os.Stat(filepath.Dir(r.report)); r.report == "" || err != nil || !info.IsDir() {
			return r, usagef("--report: the folder of %q does not exist", r.report)
		}
	}
	switch when := c.String("color"); when {
	case "", "auto":
		r.color = std.outTerminal() && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	case "always":
		r.color = true
	case "never":
	default:
		return r, usagef("--color is auto, always or never")
	}
	if w, _, err := term.GetSize(int(std.out.Fd())); err == nil && w > 0 {
		r.width = min(w, 100) // longer lines are hard to read
	}
	return r, nil
}

// print writes the verdict to standard output.
func (r result) print(w io.Writer, v verdict.Verdict, t trace.Trace) error {
	switch r.format {
	case formatJSON:
		return report.JSON(w, v)
	case formatNDJSON:
		line, err := verdictLine(v)
		if err == nil {
			_, err = w.Write(line)
		}
		return err
	case formatMarkdown:
		return report.Markdown(w, v, t)
	case formatQuiet:
		return nil
	}
	return report.Text(w, v, t, report.Color(r.color), report.Width(r.width))
}

// save writes the markdown report, whole or not at all.
func (r result) save(v verdict.Verdict, t trace.Trace) error {
	if r.report == "" {
		return nil
	}
	return saveReport(r.report, v, t)
}

func saveReport(path string, v verdict.Verdict, t trace.Trace) error {
	var b bytes.Buffer
	if err := report.Markdown(&b, v, t); err != nil {
		return err
	}
	if err := atomic.WriteFile(path, &b); err != nil {
		return fmt.Errorf("the report cannot be written: %w", err)
	}
	return nil
}

// finish prints and saves the verdict and returns the exit code of what it found;
// every failure is told on standard error.
func (r result) finish(std *streams, v verdict.Verdict, t trace.Trace) int {
	code := verdictCode(v)
	if err := r.print(std.out, v, t); err != nil {
		fmt.Fprintf(std.err, "apisonde: the verdict cannot be printed: %v\n", err)
		code = worst(code, exitRuntime)
	}
	if err := r.save(v, t); err != nil {
		fmt.Fprintf(std.err, "apisonde: %v\n", err)
		code = worst(code, exitRuntime)
	} else if r.report != "" {
		fmt.Fprintf(std.err, "report: %s\n", r.report)
	}
	if r.expect == nil {
		return code
	}
	for _, d := range r.expect.differences(v) {
		fmt.Fprintf(std.err, "apisonde: %s\n", d)
		code = worst(code, exitExpectation)
	}
	return code
}
