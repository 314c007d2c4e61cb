package cli

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// Whatever a file holds, it is read or refused with a usage error that names the
// file; the values that come out are lists without an end in them.
func FuzzParseConfig(f *testing.F) {
	script, err := os.ReadFile("testdata/config.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, part := range regexp.MustCompile(`(?m)^-- .* --$`).Split(string(script), -1)[1:] {
		f.Add(part)
	}
	f.Add("key: {k1: env:A, k2: env:B}\nheader: |\n  A: b\n")
	f.Add("a: &a [*a, *a]\n<<: *a\n---\nb: !!binary x\n")
	known := knownFlags(newApp(&streams{}))
	f.Fuzz(func(t *testing.T, text string) {
		settings, err := parseConfig("file", []byte(text), known)
		if err != nil {
			if codeOf(err) != exitUsage || !regexp.MustCompile(`^--config: file`).MatchString(err.Error()) {
				t.Errorf("refused with exit %d: %v", codeOf(err), err)
			}
			return
		}
		for name, s := range settings {
			if (known[name] == nil && name != urlSetting) || len(s.values) == 0 || slices.ContainsFunc(s.values, func(v string) bool { return len(v) > len(text)+2 }) {
				t.Errorf("%s is %q", name, s.values)
			}
		}
	})
}
