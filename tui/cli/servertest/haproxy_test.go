package servertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"apisonde/analyze/verdict"
)

// haproxyHead is how every HAProxy here begins, up to where its frontend binds. It
// logs a line for each request.
const haproxyHead = `
global
	log stdout format raw local0 info
	maxconn 1000
defaults
	mode http
	log global
	option dontlognull
	log-format "served %%HM %%ST"
	timeout connect 5s
	timeout client 60s
	timeout server 60s
frontend limited
`

// haproxyConfig has places for an address, the highest rate and the window.
const haproxyConfig = haproxyHead + `
	bind %[1]s
	http-request track-sc0 src table callers
	http-request deny deny_status 429 if { sc_http_req_rate(0) gt %[2]d }
	http-request return status 200 content-type text/plain string fine
backend callers
	stick-table type ip size 1k expire 60s store http_req_rate(%[3]ds)
`

func TestHAProxy(t *testing.T) {
	t.Parallel()
	program := locate(t, "haproxy")
	const limit, window = 18, 4
	path := filepath.Join(t.TempDir(), "haproxy.cfg")
	p := start(t, func(address string) *exec.Cmd {
		if err := os.WriteFile(path, fmt.Appendf(nil, haproxyConfig, address, limit, window), 0o600); err != nil {
			t.Fatal(err)
		}
		return exec.Command(program, "-db", "-f", path)
	})
	a := assess(t, p.url, "41", everyone())
	p.end(t, syscall.SIGUSR1)
	a.sameCount(t, lines(p.output(t), "served "))
	truth{scope: []string{"ip"}, algorithm: verdict.SlidingCounter, limit: limit, windowS: window}.checkOpenly(t, a)
}
