package faulttest

import (
	"bytes"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// harmless sees that nothing in a report acts when it is read as markdown. Other
// outputs are read so too: people paste them.
func harmless(t *testing.T, source []byte) {
	t.Helper()
	if !bytes.HasPrefix(source, []byte("# ")) {
		return // no report
	}
	for name, m := range map[string]goldmark.Markdown{
		"CommonMark": goldmark.New(), "GitHub": goldmark.New(goldmark.WithExtensions(extension.GFM)),
	} {
		err := ast.Walk(m.Parser().Parse(text.NewReader(source)), func(n ast.Node, _ bool) (ast.WalkStatus, error) {
			switch n.Kind() {
			case ast.KindLink, ast.KindAutoLink, ast.KindImage, ast.KindRawHTML, ast.KindHTMLBlock:
				t.Errorf("read as %s, the report holds a %s", name, n.Kind())
			}
			return ast.WalkContinue, nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}
