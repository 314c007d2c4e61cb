package guard_test

import (
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"

	"apisonde/probe/guard"
)

func TestAuthorise(t *testing.T) {
	t.Parallel()
	const local, remote = "http://127.0.0.1:8080/a", "https://API.example.com/v1"
	reply := func(s string) func(string) (string, error) {
		return func(string) (string, error) { return s, nil }
	}
	gone := func(string) (string, error) { return "", io.ErrUnexpectedEOF }
	for name, tc := range map[string]struct {
		url    string
		proxy  bool // not every vantage is direct
		c      guard.Consent
		refuse string // "" is yes
	}{
		"loopback, nothing said":               {local, false, guard.Consent{}, "--yes"},
		"loopback, yes":                        {local, false, guard.Consent{Yes: true}, ""},
		"loopback, asked, yes":                 {local, false, guard.Consent{Ask: reply(" Y \n")}, ""},
		"loopback, asked, no":                  {local, false, guard.Consent{Ask: reply("no")}, "not confirmed"},
		"loopback, asked, enter":               {local, false, guard.Consent{Ask: reply("")}, "not confirmed"},
		"loopback, hung up":                    {local, false, guard.Consent{Ask: gone}, "not answered"},
		"loopback by proxy, yes":               {local, true, guard.Consent{Yes: true}, "--authorized 127.0.0.1"},
		"loopback by proxy, authorised":        {local, true, guard.Consent{Authorized: "127.0.0.1"}, ""},
		"loopback, another host":               {local, false, guard.Consent{Yes: true, Authorized: "example.com"}, "but the target is"},
		"remote, nothing said":                 {remote, false, guard.Consent{}, "--authorized api.example.com"},
		"remote, yes":                          {remote, false, guard.Consent{Yes: true}, "--authorized"},
		"remote, authorised":                   {remote, false, guard.Consent{Authorized: "api.example.com"}, ""},
		"remote, authorised in capitals":       {remote, false, guard.Consent{Authorized: "Api.Example.COM."}, ""},
		"remote, authorised with its port":     {remote, false, guard.Consent{Authorized: "api.example.com:443"}, ""},
		"remote, authorised with another port": {remote, false, guard.Consent{Authorized: "api.example.com:80"}, "but the target is"},
		"remote, a parent domain":              {remote, false, guard.Consent{Authorized: "example.com"}, "but the target is"},
		"remote, yes at a terminal, y":         {remote, false, guard.Consent{Yes: true, Ask: reply("y")}, "not typed"},
		"remote, typed":                        {remote, false, guard.Consent{Ask: reply("api.example.com\n")}, ""},
		"remote, mistyped":                     {remote, false, guard.Consent{Ask: reply("api.example.org")}, "not typed"},
		"remote, nothing typed":                {remote, false, guard.Consent{Ask: reply("")}, "not typed"},
		"IPv6":                                 {"http://[2001:db8::1]/", false, guard.Consent{Authorized: "[2001:db8::1]:80"}, ""},
	} {
		u, err := url.Parse(tc.url)
		if err != nil {
			t.Fatal(err)
		}
		err = guard.Authorise(u, !tc.proxy, tc.c)
		switch {
		case tc.refuse == "" && err != nil:
			t.Errorf("%s: refused: %v", name, err)
		case tc.refuse != "" && (!errors.Is(err, guard.ErrRefused) || !strings.Contains(err.Error(), tc.refuse)):
			t.Errorf("%s: error %v does not refuse saying %q", name, err, tc.refuse)
		}
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "[::1]": true, "::ffff:127.0.0.1": true,
		"localhost": true, "LOCALHOST.": true, "api.localhost": true,
		"": false, "localhost.example.com": false, "notlocalhost": false, "127.0.0.1.example.com": false,
		"0.0.0.0": false, "10.0.0.1": false, "::": false, "128.0.0.1": false, "::ffff:10.0.0.1": false,
	} {
		if got := guard.Loopback(host); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
}
