package cli

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// listed is what go list says of a package.
type listed struct {
	ImportPath string
	Imports    []string // of its own files, tests left out
	Deps       []string // all that it is linked with
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "apisonde/...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

// within tells whether path is one of the trees or below one.
func within(path string, trees ...string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool {
		return path == tree || strings.HasPrefix(path, tree+"/")
	})
}

// The rooms import each other in one direction only; docs/architecture.md says why.
func TestDirectionsOfImport(t *testing.T) {
	t.Parallel()
	list := packages(t)
	if len(list) < 20 {
		t.Fatalf("go list found %d packages", len(list))
	}
	for _, p := range list {
		for _, dep := range p.Deps {
			if why := forbiddenDep(p.ImportPath, dep); why != "" {
				t.Errorf("%s is linked with %s: %s", p.ImportPath, dep, why)
			}
		}
		for _, imp := range p.Imports {
			if why := forbiddenImport(p.ImportPath, imp); why != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, imp, why)
			}
		}
	}
}

// forbiddenDep says why a package may not be linked with another, "" if it may.
func forbiddenDep(pkg, dep string) string {
	switch {
	case within(pkg, "apisonde/probe/trace", "apisonde/probe/plan", "apisonde/analyze", "apisonde/probe/lab/limit") &&
		within(dep, "net", "os/exec") && !within(dep, "net/netip", "net/url"):
		return "values and reasoning touch no network"
	case within(pkg, "apisonde/analyze") && within(dep, "apisonde/probe/journal"):
		return "reasoning reads no files"
	case within(pkg, "apisonde/probe") && within(dep, "apisonde/analyze"):
		return "probing does not know what answers mean"
	case within(pkg, "apisonde/probe", "apisonde/analyze", "apisonde/report") && within(dep, "apisonde/tui", "github.com/charmbracelet/bubbletea", "github.com/charmbracelet/lipgloss", "github.com/urfave/cli"):
		return "only tui draws on a terminal"
	}
	return ""
}

// forbiddenImport says why a package may not import another itself, "" if it may.
func forbiddenImport(pkg, imp string) string {
	own := within(imp, "apisonde")
	switch {
	case within(pkg, "apisonde/probe/trace", "apisonde/probe/plan") && strings.Contains(strings.Split(imp, "/")[0], "."):
		return "values need nothing but the standard library"
	case within(pkg, "apisonde/probe/trace") && own,
		within(pkg, "apisonde/probe/plan") && own && imp != "apisonde/probe/trace":
		return "values are leaves"
	case within(pkg, "apisonde/analyze") && own && !within(imp, "apisonde/analyze", "apisonde/probe/trace", "apisonde/probe/plan"):
		return "reasoning works on values alone"
	case within(pkg, "apisonde/report") && own && !within(imp, "apisonde/report", "apisonde/analyze/verdict", "apisonde/analyze/advise", "apisonde/analyze/header", "apisonde/probe/trace"):
		return "a report shows values alone"
	case within(pkg, "apisonde/probe/lab/limit") && own:
		return "what the inference is tested on shares nothing with what it reasons with"
	case within(pkg, "apisonde/probe/rogue") && own, within(imp, "apisonde/probe/rogue") && own:
		return "what breaks the rules serves tests alone, and counts for itself"
	case within(imp, "apisonde/probe/needs"):
		return "what tests need is nothing to the program"
	case within(imp, "apisonde/tui/cli") && pkg != "apisonde":
		return "the command line joins everything and serves nobody"
	case within(imp, "github.com/urfave/cli") && pkg != "apisonde/tui/cli":
		return "flags are the command line's business"
	case pkg == "apisonde" && imp != "apisonde/tui/cli" && imp != "os":
		return "main only starts the command line"
	}
	return ""
}

// The rules refuse what they are there for.
func TestForbidden(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{"apisonde/analyze/infer", "net/http"}, {"apisonde/analyze", "net"}, {"apisonde/probe/trace", "os/exec"},
		{"apisonde/analyze", "apisonde/probe/journal"}, {"apisonde/probe/sim", "apisonde/analyze/infer"},
		{"apisonde/report/chart", "github.com/charmbracelet/lipgloss"}, {"apisonde/probe", "apisonde/tui/look"},
	} {
		if forbiddenDep(c[0], c[1]) == "" {
			t.Errorf("%s may be linked with %s", c[0], c[1])
		}
	}
	for _, c := range [][2]string{
		{"apisonde/probe/trace", "github.com/google/go-cmp/cmp"}, {"apisonde/probe/trace", "apisonde/probe/plan"},
		{"apisonde/analyze/model", "apisonde/probe/lab/limit"}, {"apisonde/report", "apisonde/analyze/infer"},
		{"apisonde/probe/lab/limit", "apisonde/probe/trace"}, {"apisonde/tui", "apisonde/tui/cli"},
		{"apisonde/probe/rogue", "apisonde/probe/trace"}, {"apisonde/probe/send", "apisonde/probe/rogue"},
		{"apisonde/probe/send", "apisonde/probe/needs"},
		{"apisonde/tui", "github.com/urfave/cli/v2"}, {"apisonde", "apisonde/probe"},
	} {
		if forbiddenImport(c[0], c[1]) == "" {
			t.Errorf("%s may import %s", c[0], c[1])
		}
	}
}
