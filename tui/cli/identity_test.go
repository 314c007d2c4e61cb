package cli

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"apisonde/probe/secret"
	"apisonde/probe/send"
)

func TestParseNamed(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]named{
		"env:API_KEY":         {"k2", "", "env:API_KEY"},
		"-":                   {"k2", "", "-"},
		"prompt":              {"k2", "", "prompt"},
		"literal:a=b":         {"k2", "", "literal:a=b"},
		"file:/a=b":           {"k2", "", "file:/a=b"},
		"main=env:K":          {"main", "", "env:K"},
		"k1@alice=env:K1":     {"k1", "alice", "env:K1"},
		"k1@alice=literal:==": {"k1", "alice", "literal:=="},
	} {
		got, err := parseNamed("key", "k", 2, in, true)
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(named{})); d != "" {
			t.Errorf("%q (-want +got):\n%s", in, d)
		}
	}
	// A key written where its reference belongs must not come back in the message.
	for _, in := range []string{"", "canary", "canary==", "k1=canary", "k1@=env:K", "@alice=env:K", "=env:K", "k 1=env:K",
		"k1@a@b=env:K", strings.Repeat("k", 33) + "=env:K", "\x1b=env:K"} {
		_, err := parseNamed("key", "k", 2, in, true)
		if codeOf(err) != exitUsage || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v, want a usage error that does not repeat it", in, err)
		}
	}
	if _, err := parseNamed("user", "u", 1, "u1@alice=env:U", false); codeOf(err) != exitUsage {
		t.Errorf("a user with an owner: %v, want a usage error", err)
	}
	if _, err := parseAllNamed("key", "k", []string{"k2=env:A", "env:B"}, true); codeOf(err) != exitUsage {
		t.Errorf("two keys called k2: %v, want a usage error", err)
	}
}

func TestParseVantages(t *testing.T) {
	t.Parallel()
	o, err := parseVantages([]string{"a=127.0.0.1", "127.0.0.2", "six=::1"}, secret.Source{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a", "127.0.0.2", "six"}, o.names); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	want := map[string]send.Vantage{
		"a": {Addr: netip.MustParseAddr("127.0.0.1")}, "127.0.0.2": {Addr: netip.MustParseAddr("127.0.0.2")}, "six": {Addr: netip.MustParseAddr("::1")},
	}
	if d := cmp.Diff(want, o.vantages, cmpopts.EquateComparable(netip.Addr{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, in := range [][]string{{"localhost"}, {"if:absent0"}, {"socks5://h:1"}, {"http://h"}, {"ssh://u:p@h"}, {"ssh://u@h", "x=ssh://v@h:22"}, {"http://u:p@h:1", "x=http://u:p@h:1"}, {"if:lo", "127.0.0.1"}, {"forwarded:"}, {"forwarded:host"}, {"forwarded:1.2.3.4, 5.6.7.8"}, {"forwarded:1.2.3.4", "a=forwarded:1.2.3.4"}, {"a="}, {"=::1"},
		{"a=127.0.0.1", "a=127.0.0.2"}, {"a=127.0.0.1", "b=127.0.0.1"}, {"0.0.0.0"}} {
		if _, err := parseVantages(in, secret.Source{}); codeOf(err) != exitUsage {
			t.Errorf("%q: %v, want a usage error", in, err)
		}
	}
}

func TestVantagesByReference(t *testing.T) {
	t.Parallel()
	src := secret.Source{
		Env: func(name string) (string, bool) {
			return map[string]string{"HOP": "http://me:pass-of-the-proxy@hop:8080"}[name], name == "HOP"
		},
		ReadFile: func(path string) ([]byte, error) { return []byte("socks5h://hop:1080\n"), nil },
	}
	o, err := parseVantages([]string{"env:HOP", "b=file:/run/a=b"}, src)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"hop:8080", "b"}, o.names); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if p := o.vantages["hop:8080"].Proxy; p == nil || p.Password.Reveal() != "pass-of-the-proxy" {
		t.Error("the password was not read")
	}
	if _, err := parseVantages([]string{"file:/run/a=b"}, src); err != nil {
		t.Errorf("a path with the sign: %v", err)
	}
	if _, err := parseVantages([]string{"env:NONE"}, src); codeOf(err) != exitUsage {
		t.Errorf("a variable that is not set: %v", err)
	}
}

func TestClaimedAddresses(t *testing.T) {
	t.Parallel()
	o, err := parseVantages([]string{"127.0.0.1", "forwarded:198.51.100.7"}, secret.Source{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([][]string{{"127.0.0.1"}, {"198.51.100.7", noClaim}}, [][]string{o.names, o.claims}); d != "" {
		t.Errorf("one claim (-want +got):\n%s", d)
	}
	o, err = parseVantages([]string{"a=forwarded:198.51.100.7", "forwarded:[2001:db8::1]"}, secret.Source{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": "198.51.100.7", "2001:db8::1": "2001:db8::1"}
	if d := cmp.Diff(want, o.claimed); d != "" || len(o.names) != 0 || len(o.claims) != 2 {
		t.Errorf("%v (-want +got):\n%s", o.claims, d)
	}
}
