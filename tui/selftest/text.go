package selftest

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Text writes a report for people.
func Text(w io.Writer, r Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d random limiters assessed in virtual time, seed %d", r.Trials, r.Planned, r.Seed)
	if len(r.Disturb) > 0 {
		fmt.Fprintf(&b, ", disturbed by %s", strings.Join(r.Disturb, ", "))
	}
	b.WriteString(".\n")
	groups := append(append(append([]Group{}, r.Families...), r.All), r.Layers...)
	b.WriteString("\nAnswers (right / open with the truth among them / unknown / wrong)\n")
	table(&b, "family\ttrials\talgorithm\tscope\tlimit exact\tstatements true", groups, func(g Group) string {
		return fmt.Sprintf("%s\t%d\t%s\t%s\t%s\t%d of %d", g.Name, g.Trials, g.FamilyIs, g.ScopeIs, g.LimitIs, g.TrueOnes, g.Statements)
	})
	if r.Both != nil {
		fmt.Fprintf(&b, "  of the pairs of layers, %s have both scopes and both limits right\n", percent(*r.Both))
	}
	b.WriteString("\nScopes (as above)\n")
	table(&b, "scope\ttrials\tscope\tstatements true", r.Scopes, func(g Group) string {
		return fmt.Sprintf("%s\t%d\t%s\t%d of %d", g.Name, g.Trials, g.ScopeIs, g.TrueOnes, g.Statements)
	})
	b.WriteString("\nFigures (relative error, median / 90th percentile)\n")
	table(&b, "family\twindow\trate\ttruth inside the interval", groups, func(g Group) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s", g.Name, g.WindowError.show(percent), g.RateError.show(percent), show(g.Inside, percent))
	})
	b.WriteString("\nCost (median / 90th percentile)\n")
	table(&b, "family\trequests/(L+1)\trejections\tduration/W", groups, func(g Group) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s", g.Name, g.Requests.show(tenths), g.Rejections.show(units), g.Wall.show(tenths))
	})
	fmt.Fprintf(&b, "\nConfidence (Brier score %s)\n", show(r.Brier, thousandths))
	table(&b, "stated\tstatements\tmean\ttrue", r.Calibration, func(bin Bin) string {
		return fmt.Sprintf("%.2f to %.2f\t%d\t%s\t%s", bin.Lo, bin.Hi, bin.Statements, show(bin.Confidence, thousandths), show(bin.True, thousandths))
	})
	fmt.Fprintf(&b, "  of the true statements, %s are made at %.2f and more\n", show(r.Firm, percent), confident)
	fmt.Fprintf(&b, "\nConfidently wrong (confidence of %.2f and more): %d\n", confident, len(r.Wrong))
	for _, m := range r.Wrong {
		fmt.Fprintf(&b, "  %s\n    %.3f: %s\n    again: %s\n", m.Spec, m.Confidence, strings.Join(m.Misses, "; "), again(r, m.Family, m.Seed))
	}
	if len(r.Flawed) > 0 {
		fmt.Fprintf(&b, "\nNot wholly right: %d\n", len(r.Flawed))
	}
	for _, f := range r.Flawed {
		fmt.Fprintf(&b, "  %s\n    %s\n    again: %s\n", f.Spec, strings.Join(f.Flaws, "\n    "), again(r, f.Family, f.Seed))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// again is the command that repeats one trial alone.
func again(r Report, family string, seed uint64) string {
	c := fmt.Sprintf("apisonde selftest --trials 1 --family %s --seed %d", family, seed)
	for _, d := range r.Disturb {
		c += " --disturb " + d
	}
	return c
}

func table[T any](b *strings.Builder, head string, rows []T, row func(T) string) {
	var cells strings.Builder
	t := tabwriter.NewWriter(&cells, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "  %s\n", head)
	for _, r := range rows {
		fmt.Fprintf(t, "  %s\n", row(r))
	}
	t.Flush() // into memory, which does not fail
	b.WriteString(cells.String())
}

func (a Answers) String() string {
	return fmt.Sprintf("%d/%d/%d/%d", a.Right, a.Open, a.Unknown, a.Wrong)
}

func (s Spread) show(form func(float64) string) string {
	if s.Median == nil {
		return "-"
	}
	return form(*s.Median) + " / " + form(*s.P90)
}

func show(x *float64, form func(float64) string) string {
	if x == nil {
		return "-"
	}
	return form(*x)
}

func percent(x float64) string     { return fmt.Sprintf("%.2f %%", 100*x) }
func tenths(x float64) string      { return fmt.Sprintf("%.1f", x) }
func units(x float64) string       { return fmt.Sprintf("%.0f", x) }
func thousandths(x float64) string { return fmt.Sprintf("%.3f", x) }
