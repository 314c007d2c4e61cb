package report_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
	"apisonde/report"
)

// parsers read markdown as different renderers do: plain CommonMark, and with
// tables, bare links and the rest of what GitHub adds.
var parsers = map[string]goldmark.Markdown{
	"CommonMark": goldmark.New(),
	"GitHub":     goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote, extension.DefinitionList)),
}

func markdown(t *testing.T, v verdict.Verdict, tr trace.Trace) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.Markdown(&b, v, tr); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// walk visits every node of the report as parsed.
func walk(t *testing.T, m goldmark.Markdown, source []byte, visit func(ast.Node)) {
	t.Helper()
	err := ast.Walk(m.Parser().Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			visit(n)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// active are the kinds of node through which foreign text could act.
func active(n ast.Node) bool {
	switch n.Kind() {
	case ast.KindLink, ast.KindAutoLink, ast.KindImage, ast.KindRawHTML, ast.KindHTMLBlock, ast.KindCodeBlock,
		ast.KindEmphasis, east.KindStrikethrough, east.KindTaskCheckBox, east.KindFootnoteLink:
		return true
	}
	return false
}

func TestForeignTextDoesNothing(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures() {
		source := markdown(t, f.verdict, f.trace)
		for name, m := range parsers {
			for _, n := range actors(t, m, source) {
				t.Errorf("%s, read as %s: a %s", f.name, name, n.Kind())
			}
		}
	}
}

// actors are the active nodes other than the report's own emphasis.
func actors(t *testing.T, m goldmark.Markdown, source []byte) []ast.Node {
	var out []ast.Node
	walk(t, m, source, func(n ast.Node) {
		if e, ok := n.(*ast.Emphasis); ok && e.Level == 2 {
			return // bold is what the report itself uses; foreign text has its stars escaped
		}
		if active(n) {
			out = append(out, n)
		}
	})
	return out
}

// The report has the same shape whatever the text: foreign text opens no
// heading, no list, no quotation, no block, and no cell.
func TestForeignTextChangesNoStructure(t *testing.T) {
	t.Parallel()
	bad := hostile()
	tame := hostile()
	tame.verdict = tamed(tame.verdict)
	tame.trace.Damage = []string{"y"}
	for name, m := range parsers {
		got, want := shape(t, m, markdown(t, bad.verdict, bad.trace)), shape(t, m, markdown(t, tame.verdict, tame.trace))
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("read as %s (-want +got):\n%s", name, d)
		}
	}
}

// shape lists the blocks of a document.
func shape(t *testing.T, m goldmark.Markdown, source []byte) []string {
	var out []string
	walk(t, m, source, func(n ast.Node) {
		if n.Type() == ast.TypeBlock {
			out = append(out, n.Kind().String())
		}
	})
	return out
}

// tamed replaces every text that the hostile fixture took from outside.
func tamed(v verdict.Verdict) verdict.Verdict {
	plain := func(list []string) []string {
		out := make([]string, len(list))
		for i := range list {
			out[i] = "x"
		}
		return out
	}
	v.Warnings, v.NotTested, v.Headers.Dialects = plain(v.Warnings), plain(v.NotTested), plain(v.Headers.Dialects)
	v.StopReason = ptr("x")
	v.Tool.Version = "x"
	for i := range v.Headers.Claims {
		c, k := &v.Headers.Claims[i], &v.Headers.Conflicts[i]
		c.Header, c.Says, k.Header, k.Claim, k.Measurement, v.Costs[i].Route = "x", "x", "x", "x", "x", "x"
	}
	l := v.Limits[0]
	l.Evidence = append([]verdict.Evidence{}, l.Evidence...)
	for i := range l.Evidence {
		l.Evidence[i].Claim = "x"
	}
	l.ScopeCandidates, l.Algorithm, l.Equivalent, l.Alignment = [][]string{{"x"}, {"key"}}, "x", []string{"x"}, ptr("x")
	l.Routes, l.Unit, l.Anonymous, l.Rejection.RetryAfter.Verdict, l.Settle = []string{"x", "y"}, "x", ptr("x"), "x", "x"
	v.Limits = []verdict.Limit{l}
	return v
}

func TestTablesAreRectangular(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures() {
		source := markdown(t, f.verdict, f.trace)
		tables := 0
		walk(t, parsers["GitHub"], source, func(n ast.Node) {
			table, ok := n.(*east.Table)
			if !ok {
				return
			}
			tables++
			for row := table.FirstChild(); row != nil; row = row.NextSibling() {
				if row.ChildCount() != len(table.Alignments) {
					t.Errorf("%s: a row has %d cells, want %d", f.name, row.ChildCount(), len(table.Alignments))
				}
			}
		})
		// A row with a cell too many is cut by the parser, so count the bars too.
		for line := range strings.SplitSeq(string(source), "\n") {
			if strings.HasPrefix(line, "|") && !strings.HasSuffix(line, "|") {
				t.Errorf("%s: a row that does not end in a bar: %s", f.name, line)
			}
		}
		if tables == 0 {
			t.Errorf("%s: no table at all", f.name)
		}
	}
}

func TestAnIncompleteRunSaysSo(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures() {
		said := bytes.Contains(markdown(t, f.verdict, f.trace), []byte("INCOMPLETE"))
		if said != (f.trace.End == nil) {
			t.Errorf("%s: INCOMPLETE is said: %v", f.name, said)
		}
	}
}

// foreign is a report with s wherever text from outside goes.
func foreign(t *testing.T, s string) []byte {
	f := noLimit()
	v, tr := f.verdict, f.trace
	v.Target.URL = s
	v.Warnings, v.NotTested = []string{s}, []string{"a " + s + " b"}
	v.Headers.Claims = []verdict.Claim{{Header: s, Says: s}, {Header: s + s, Says: s + " " + s}}
	v.Limits = []verdict.Limit{{Routes: []string{s}, Evidence: []verdict.Evidence{{Claim: s}}, Algorithm: s, Settle: s}}
	tr.Observations = tr.Observations[:1]
	tr.Observations[0].Identity.Key, tr.Observations[0].Route = s, s
	return markdown(t, v, tr)
}

// inert checks that a report with s in it is what it is with a harmless word.
func inert(t *testing.T, s string) {
	t.Helper()
	source := foreign(t, s)
	if !utf8.Valid(source) || bytes.ContainsAny(source, "\x00\x1b\r\t") {
		t.Errorf("not plain text: %q", source)
	}
	for name, m := range parsers {
		for _, n := range actors(t, m, source) {
			t.Errorf("%q, read as %s: a %s", s, name, n.Kind())
		}
		if strings.TrimSpace(s) == "" {
			continue // an item without text has no text block
		}
		if d := cmp.Diff(shape(t, m, foreign(t, "x")), shape(t, m, source)); d != "" {
			t.Errorf("%q, read as %s (-want +got):\n%s", s, name, d)
		}
	}
}

// Markdown's own characters in every order are likelier to break out than
// random bytes.
func TestShuffledMarkdownDoesNothing(t *testing.T) {
	t.Parallel()
	pieces := strings.Split("` `` ``` \\ [ ]( ) < > <b> </b> <!-- --> | * ** _ ~ ~~ ! !( # @ : :// http://x.y www.x.y m@x.y $ & &lt; = - + 1. 1) --- ^ { } \" ' \n a é \u202e \t", " ")
	pieces = append(pieces, " ", " ", " ", " ")
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var b strings.Builder
		for range 1 + r.IntN(12) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		inert(t, b.String())
	}
}

// FuzzForeignText puts any text where servers' text goes.
func FuzzForeignText(f *testing.F) {
	for _, e := range hostile().verdict.Limits[0].Evidence {
		f.Add(e.Claim)
	}
	f.Add("a` b ``` c")
	f.Add("\\`<x@y.z>\\")
	f.Add("http:\\\\//x www\u200b.x \xff")
	f.Fuzz(inert)
}
