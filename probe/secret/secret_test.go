package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"apisonde/probe/secret"
)

const canary = "s3cr3t-canary-value"

func TestAValuePrintsAsALabelEverywhere(t *testing.T) {
	t.Parallel()
	v := secret.New(canary)
	type exported struct{ V secret.Value }
	type hidden struct {
		v  secret.Value
		p  *secret.Value
		vs []secret.Value
		m  map[string]secret.Value
	}
	h := hidden{v: v, p: &v, vs: []secret.Value{v}, m: map[string]secret.Value{"a": v}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T", "%p"} {
		for _, x := range []any{v, &v, exported{v}, &exported{v}, h, &h, []any{v, h}, fmt.Errorf("failed: %v", v)} {
			fmt.Fprintf(&out, verb+"\n", x)
		}
	}
	for _, x := range []any{v, exported{v}, map[string]any{"a": v}} {
		if err := json.NewEncoder(&out).Encode(x); err != nil {
			t.Fatal(err)
		}
	}
	text, err := v.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("x", "v", v, "e", exported{v}, "h", h)
	}
	if s := out.String(); strings.Contains(s, canary) || strings.Contains(s, fmt.Sprintf("%x", canary)) {
		t.Errorf("the value was printed: %s", s)
	}
	if n := strings.Count(out.String(), secret.Label); n < 20 {
		t.Errorf("the label was printed %d times only: %s", n, out.String())
	}
	if v.Reveal() != canary {
		t.Error("the value is lost")
	}
}

func TestEqualAndEmpty(t *testing.T) {
	t.Parallel()
	a, b := secret.New("a"), secret.New("b")
	var zero secret.Value
	if !a.Equal(secret.New("a")) || a.Equal(b) || zero.Equal(a) || !zero.Equal(secret.New("")) {
		t.Error("equality is wrong")
	}
	if a.Empty() || !zero.Empty() {
		t.Error("emptiness is wrong")
	}
}

func source(files map[string]string) secret.Source {
	lines := []string{"first line", "second line"}
	return secret.Source{
		Env: func(name string) (string, bool) {
			v, ok := map[string]string{"API_KEY": "from env", "EMPTY": "", "BROKEN": canary + "\nX: y"}[name]
			return v, ok
		},
		ReadFile: func(path string) ([]byte, error) {
			if s, ok := files[path]; ok {
				return []byte(s), nil
			}
			return nil, &os.PathError{Op: "open", Path: path, Err: os.ErrNotExist}
		},
		Line: func() (string, error) {
			if len(lines) == 0 {
				return "", io.ErrUnexpectedEOF
			}
			l := lines[0]
			lines = lines[1:]
			return l, nil
		},
		Prompt: func() (string, error) { return "typed", nil },
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	src := source(map[string]string{"/a": "from file\n", "/b": "kept  \r\n", "/c": "no newline"})
	for _, tc := range []struct{ ref, want string }{
		{"env:API_KEY", "from env"}, {"file:/a", "from file"}, {"file:/b", "kept  "}, {"file:/c", "no newline"},
		{"-", "first line"}, {"-", "second line"}, {"prompt", "typed"},
		{"literal:abc", "abc"}, {"literal:a:b", "a:b"}, {"literal:env:X", "env:X"},
	} {
		v, err := secret.Resolve(tc.ref, src)
		if err != nil || v.Reveal() != tc.want {
			t.Errorf("%s gave %q, %v; want %q", tc.ref, v.Reveal(), err, tc.want)
		}
	}
}

func TestResolveFailsWithoutRepeatingCredentials(t *testing.T) {
	t.Parallel()
	src := source(map[string]string{"/nl": canary + "\n" + canary + "\n", "/nul": canary + "\x00", "/empty": "\n", "/long": strings.Repeat("x", 20<<10)})
	for _, tc := range []struct{ ref, says string }{
		{"env:NOT_SET", "NOT_SET is not set"}, {"env:" + canary, "not set"}, {"env:EMPTY", "empty"}, {"env:BROKEN", "line break"},
		{"file:/missing", "not exist"}, {"file:" + canary, "not exist"}, {"file:/nl", "line break"}, {"file:/nul", "control"},
		{"file:/empty", "empty"}, {"file:/long", "16384"},
		{canary, "env:VAR"}, {"", "env:VAR"}, {"env:", "env:VAR"}, {"file:", "env:VAR"}, {"literal", "env:VAR"}, {"literal:", "empty"},
		{"vault:" + canary, "env:VAR"},
	} {
		_, err := secret.Resolve(tc.ref, src)
		if err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%q: error %v does not say %q", tc.ref, err, tc.says)
		}
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%q: the error repeats the credential: %v", tc.ref, err)
		}
	}
	for _, ref := range []string{"-", "prompt", "env:A", "file:a"} {
		if _, err := secret.Resolve(ref, secret.Source{}); err == nil || !strings.Contains(err.Error(), "cannot be used here") {
			t.Errorf("%s without a source: %v", ref, err)
		}
	}
}

func TestSystemReadsLinesAndNothingBehindThem(t *testing.T) {
	t.Parallel()
	stdin := strings.NewReader("one\r\ntwo\nrest")
	src := secret.System(stdin, io.Discard)
	for _, want := range []string{"one", "two"} {
		if v, err := secret.Resolve("-", src); err != nil || v.Reveal() != want {
			t.Errorf("got %q, %v; want %q", v.Reveal(), err, want)
		}
	}
	if rest, _ := io.ReadAll(stdin); string(rest) != "rest" {
		t.Errorf("left %q", rest)
	}
	if _, err := secret.Resolve("-", src); err == nil {
		t.Error("a line was read where none is left")
	}
	if _, err := secret.Resolve("prompt", src); err == nil || !strings.Contains(err.Error(), "not a terminal") {
		t.Errorf("prompt without a terminal: %v", err)
	}
}

func TestSystemReadsFilesUpToABound(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("k\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	src := secret.System(strings.NewReader(""), io.Discard)
	if v, err := secret.Resolve("file:"+path, src); err != nil || v.Reveal() != "k" {
		t.Errorf("got %q, %v", v.Reveal(), err)
	}
	if _, err := secret.Resolve("file:/dev/zero", src); err == nil {
		t.Error("a device without end was taken for a key")
	}
	_, err := secret.Resolve("file:"+path+"x", src)
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestRedactorTakesEverySpellingOut(t *testing.T) {
	t.Parallel()
	r := secret.NewRedactor(secret.New("Ab9/x+Yz==Qw&12"), secret.New("u7"), secret.Value{})
	for in, want := range map[string]string{
		"":                                     "",
		"nothing here":                         "nothing here",
		"key Ab9/x+Yz==Qw&12 refused":          "key [redacted] refused",
		"AB9/X+YZ==QW&12":                      "[redacted]",
		"Ab9%2Fx%2BYz%3D%3DQw%2612!":           "[redacted]!",
		`"Ab9\/x+Yz==Qw\u002612"`:              `"[redacted]"`,
		"Ab9/x+Yz==...":                        "[redacted]...",
		"two: Ab9/x+Yz==Qw&12Ab9/x+Yz==Qw&12.": "two: [redacted].",
		"u7, su7, u71, U7":                     "[redacted], su7, u71, [redacted]",
	} {
		if got := r.Text(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	var none *secret.Redactor
	if none.Text("x") != "x" {
		t.Error("the nil redactor changes text")
	}
}

// FuzzRedactor embeds a credential in foreign text and looks for what is left.
func FuzzRedactor(f *testing.F) {
	f.Add("Ab9/x+Yz==Qw&12", "before ", " after")
	f.Add("12345678", "\xff\u00e9", "\x00")
	f.Add("aaaaaaaaaaaa", "aaa", "aaaa")
	f.Add("0000000\x01", "0000000", "0")
	f.Fuzz(func(t *testing.T, key, before, after string) {
		if len(key) < 8 { // too short to be told from ordinary text
			return
		}
		got := secret.NewRedactor(secret.New(key)).Text(before + key + after)
		for _, kept := range strings.Split(got, secret.Redacted) {
			if strings.Contains(kept, key) {
				t.Errorf("%q is left in %q", key, got)
			}
		}
	})
}
