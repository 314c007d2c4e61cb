package report

import "testing"

// A bracket that a word does not open belongs to the sentence around it.
func TestProseKeepsTheSentencesBrackets(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"of another owner (--key NAME@OWNER=REF)": "of another owner (--key `NAME@OWNER=REF`)",
		"see https://x.example/a(b)":              "see `https://x.example/a(b)`",
		"![i](http://evil.example/x.png)":         "`![i](http://evil.example/x.png)`",
	} {
		if got := prose(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
