package cli

import (
	"net/url"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestConsent(t *testing.T) {
	t.Parallel()
	const near, far = "http://127.0.0.1:8080/", "https://api.example.org/"
	for _, c := range []struct {
		target   string
		args     []string
		terminal bool
		want     consent
		code     int
	}{
		{near, nil, false, refused, 2},
		{near, nil, true, mustAsk, 0},
		{near, []string{"--yes"}, false, granted, 0},
		{near, []string{"--yes=false"}, false, refused, 2},
		{near, []string{"--authorized=127.0.0.1"}, false, granted, 0},
		{near, []string{"--authorized=127.0.0.1:8080"}, false, granted, 0},
		{near, []string{"--yes", "--authorized=api.example.org"}, true, refused, 2},
		{far, nil, false, refused, 2},
		{far, nil, true, mustAsk, 0},
		{far, []string{"--yes"}, false, refused, 2},
		{far, []string{"--yes"}, true, mustAsk, 0},
		{far, []string{"--authorized=API.example.org"}, false, granted, 0},
		{far, []string{"--authorized=example.org"}, true, refused, 2},
		{far, []string{"--authorized="}, true, refused, 2},
		{"https://[2001:db8::1]/", []string{"--authorized=2001:db8::1"}, false, granted, 0},
	} {
		target, err := url.Parse(c.target)
		if err != nil {
			t.Fatal(err)
		}
		app := &cli.App{Flags: consentFlags(), Action: func(ctx *cli.Context) error {
			got, err := consentOf(ctx, target, isLoopback(target.Hostname()), c.terminal)
			if got != c.want || codeOf(err) != c.code {
				t.Errorf("%s %q terminal %v: %v, %v; want %v, exit %d", c.target, c.args, c.terminal, got, err, c.want, c.code)
			}
			return nil
		}}
		if err := app.Run(append([]string{"x"}, c.args...)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.9.8.7": true, "::1": true, "::ffff:127.0.0.1": true, "localhost": true, "LOCALHOST": true,
		"10.0.0.1": false, "0.0.0.0": false, "localhost.example.org": false, "127.0.0.1.nip.io": false, "": false, "2130706433": false,
	} {
		if got := isLoopback(host); got != want {
			t.Errorf("isLoopback(%q) = %v", host, got)
		}
	}
}
