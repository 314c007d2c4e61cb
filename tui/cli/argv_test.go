package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

func argvApp() *cli.App {
	return &cli.App{Commands: []*cli.Command{
		{Name: "probe", ArgsUsage: "URL", Flags: join(identityFlags(), requestFlags(), ceilingFlags(), consentFlags())},
		{Name: "version"},
	}}
}

func TestNormalise(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"--help", "--help"},
		{"help", "--help"},
		{"help probe", "probe|--help"},
		{"probe u --max-rps 9 -h", "probe|--help"},
		{"-v", "version|--"},
		{"--version", "version|--"},
		{"version", "version|--"},
		{"probe u --max-rps 9", "probe|--max-rps=9|--|u"},
		{"probe --max-rps 9 u", "probe|--max-rps=9|--|u"},
		{"probe --max-rps=9 u --yes", "probe|--max-rps=9|--yes=true|--|u"},
		{"probe u -X PUT -H A:b --header C:d", "probe|--method=PUT|--header=A:b|--header=C:d|--|u"},
		{"probe u --key - --yes=false", "probe|--key=-|--yes=false|--|u"},
		{"probe --key=k=literal:a=b u", "probe|--key=k=literal:a=b|--|u"},
		{"probe --yes -- u", "probe|--yes=true|--|u"},
		{"probe -- --yes", "probe|--|--yes"},
		{"probe -", "probe|--|-"},
	} {
		got, err := normalise(argvApp(), strings.Fields(c.in))
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if d := cmp.Diff(c.want, strings.Join(got, "|")); d != "" {
			t.Errorf("%q (-want +got):\n%s", c.in, d)
		}
	}
}

// Nothing that is not understood gets through, and no message repeats a value.
func TestNormaliseRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"prove u",
		"--yes probe u",
		"probe u --rate 9",
		"probe u --rate=canary",
		"probe u -yes",
		"probe u --y",
		"probe u --X PUT",
		"probe u -XPUT",
		"probe u -method PUT",
		"probe u canary",
		"probe u --yes canary",
		"probe u --yes=canary",
		"probe u -- canary",
		"probe u --max-rps",
		"probe u --max-rps --yes",
		"probe u --key --yes",
		"probe u ---yes",
		"probe u -1",
		"version canary",
		"version --yes",
		"probe u " + completionFlag,
		"probe -- " + completionFlag,
		"probe --key " + completionFlag,
		completionFlag,
		"help nothing",
	} {
		got, err := normalise(argvApp(), strings.Fields(in))
		if codeOf(err) != exitUsage {
			t.Errorf("%q: got %q, %v; want a usage error", in, got, err)
			continue
		}
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: the message repeats a value: %v", in, err)
		}
	}
}

// Whatever the arguments, what cli gets is a command, flags of it with their
// values attached, and positionals behind "--".
func FuzzNormalise(f *testing.F) {
	for _, s := range []string{"probe u --max-rps 9", "probe -- --yes", "-h", "help probe", "probe --key=a=b -X PUT u"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		app := argvApp()
		got, err := normalise(app, strings.Split(s, " "))
		if err != nil || len(got) == 0 || got[len(got)-1] == "--help" {
			return
		}
		cmd := app.Command(got[0])
		if cmd == nil {
			t.Fatalf("%q: no command first: %q", s, got)
		}
		for i, a := range got[1:] {
			if a == "--" {
				if n := len(got) - i - 2; n > maxPositionals(cmd) {
					t.Fatalf("%q: %d positionals: %q", s, n, got)
				}
				return
			}
			name, _, attached := strings.Cut(a, "=")
			if f := lookFlag(cmd, name); f == nil || !attached {
				t.Fatalf("%q: %q is not a flag with its value", s, a)
			}
		}
		t.Fatalf("%q: no -- before the positionals: %q", s, got)
	})
}
