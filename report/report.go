// Package report writes a verdict and the trace it came from for people, as
// markdown and as a short text for a terminal, and for programs, as JSON.
//
// Every figure is shown as it is known: with its interval where it is not a
// point, and as "not known" where nothing is stated. All text that did not
// originate here passes one of escape.go's functions, so that a server cannot
// put a link, a picture, HTML or a terminal sequence into a report.
package report

import (
	"encoding/json"
	"fmt"
	"io"

	"apisonde/analyze/verdict"
)

// Option changes how Text is written.
type Option func(*config)

type config struct {
	color bool
	ascii bool
	width int
}

// Color allows plain SGR sequences. Whether the reader wants colour (NO_COLOR,
// a terminal at all) is the caller's to decide.
func Color(on bool) Option { return func(c *config) { c.color = on } }

// ASCII keeps the pictures to 7-bit characters.
func ASCII(on bool) Option { return func(c *config) { c.ascii = on } }

// Width sets the columns of a line; less than 40 is taken as 40. The default is 80.
func Width(columns int) Option { return func(c *config) { c.width = max(columns, 40) } }

// JSON writes the verdict as one indented document with a final newline. Lists
// are never null, except where null has a meaning of its own.
func JSON(w io.Writer, v verdict.Verdict) error {
	b, err := json.MarshalIndent(listed(v), "", "  ")
	if err != nil {
		return fmt.Errorf("encode the verdict: %w", err)
	}
	if _, err := w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write the verdict: %w", err)
	}
	return nil
}

// listed replaces the nil lists of a verdict by empty ones. It copies what it
// changes.
func listed(v verdict.Verdict) verdict.Verdict {
	v.Limits = append([]verdict.Limit{}, v.Limits...)
	for i := range v.Limits {
		l := &v.Limits[i]
		l.ScopeCandidates = some(l.ScopeCandidates)
		l.Equivalent = some(l.Equivalent)
		l.Rejection.Statuses = some(l.Rejection.Statuses)
		l.Evidence = append([]verdict.Evidence{}, l.Evidence...)
		for j := range l.Evidence {
			l.Evidence[j].Observations = some(l.Evidence[j].Observations)
		}
	}
	v.Headers.Dialects = some(v.Headers.Dialects)
	v.Headers.Claims = append([]verdict.Claim{}, v.Headers.Claims...)
	for i := range v.Headers.Claims {
		v.Headers.Claims[i].Observations = some(v.Headers.Claims[i].Observations)
	}
	v.Headers.Conflicts = append([]verdict.Conflict{}, v.Headers.Conflicts...)
	for i := range v.Headers.Conflicts {
		v.Headers.Conflicts[i].Observations = some(v.Headers.Conflicts[i].Observations)
	}
	v.Costs = some(v.Costs)
	v.Warnings = some(v.Warnings)
	v.NotTested = some(v.NotTested)
	if v.Advice != nil {
		a := *v.Advice
		a.Reasons = some(a.Reasons)
		v.Advice = &a
	}
	return v
}

func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
