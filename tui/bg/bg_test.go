package bg

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	self = `"apisonde/tui/bg"`
	tea  = `"github.com/charmbracelet/bubbletea"`
)

func TestSortsBeforeBubbleTea(t *testing.T) {
	t.Parallel()
	if self >= tea {
		t.Fatalf("%s is initialised after %s: the terminal is asked for its colour at start-up", self, tea)
	}
}

// Bubbles import Bubble Tea themselves, so a file that imports only them counts.
func TestEveryImporterOfBubbleTeaImportsThisToo(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	importers := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		var needs, has bool
		for _, i := range f.Imports {
			needs = needs || i.Path.Value == tea || strings.HasPrefix(i.Path.Value, `"github.com/charmbracelet/bubbles/`)
			has = has || i.Path.Value == self
		}
		if needs {
			importers++
			if !has {
				t.Errorf("%s imports Bubble Tea and not %s", path, self)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if importers == 0 {
		t.Fatal("no file imports Bubble Tea: this test looks in the wrong place")
	}
}
