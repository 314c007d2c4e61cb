package faulttest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// most is the number of the last case.
const most = 114

// Every case is run here, or the page names the test that runs it, or says why it
// is not run.
func TestEveryCaseIsAccountedFor(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..")
	page := string(must(os.ReadFile(filepath.Join(root, "docs", "reliability.md"))))
	here := map[int]bool{}
	for _, f := range matrix() {
		here[f.no] = true
	}
	elsewhere, absent := rows(t, page, "## How it is tested"), rows(t, page, "## Cases that are not run")
	for no := 1; no <= most; no++ {
		_, there := elsewhere[no]
		_, not := absent[no]
		switch {
		case !here[no] && !there && !not:
			t.Errorf("case %d is nowhere", no)
		case not && (here[no] || there):
			t.Errorf("case %d is run, and the page says that it is not", no)
		}
	}
	tests := functions(t, root)
	for no, row := range elsewhere {
		names := regexp.MustCompile(`Test\w+`).FindAllString(row, -1)
		if len(names) == 0 {
			t.Errorf("the page names no test for case %d", no)
		}
		for _, name := range names {
			if !slices.Contains(tests, name) {
				t.Errorf("case %d: there is no %s", no, name)
			}
		}
	}
}

// row is a line of a table that begins with the number of a case.
var row = regexp.MustCompile(`(?m)^\| (\d+) \|(.*)$`)

// rows are those below a heading of the page.
func rows(t *testing.T, page, heading string) map[int]string {
	t.Helper()
	_, part, found := strings.Cut(page, heading+"\n")
	if !found {
		t.Fatalf("the page has no heading %q", heading)
	}
	part, _, _ = strings.Cut(part, "\n## ")
	out := map[int]string{}
	for _, m := range row.FindAllStringSubmatch(part, -1) {
		out[must(strconv.Atoi(m[1]))] = m[2]
	}
	if len(out) == 0 {
		t.Fatalf("nothing stands under %q", heading)
	}
	return out
}

// functions are the names of all tests of the module.
func functions(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(b, -1) {
			out = append(out, string(m[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
