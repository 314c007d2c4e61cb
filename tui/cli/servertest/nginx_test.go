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

// nginxConfig has places for an address, what belongs to the http block and what
// belongs to the location. One process without a master needs no other user's
// rights and ends by its own PID. An answer from memory needs no files; "return"
// would answer before limit_req is asked.
const nginxConfig = `
daemon off;
master_process off;
pid nginx.pid;
error_log error.log warn;
events { worker_connections 1024; }
http {
	log_format line 'served $request_method $uri $status';
	access_log access.log line;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	keepalive_requests 100000;
	%[2]s
	server {
		listen %[1]s backlog=1024;
		location / { %[3]s empty_gif; }
	}
}
`

// nginx is one that runs in a folder of its own.
type nginx struct {
	*process
	dir string
}

func startNginx(t *testing.T, http, location string) nginx {
	t.Helper()
	program := locate(t, "nginx")
	dir := t.TempDir()
	return nginx{dir: dir, process: start(t, func(address string) *exec.Cmd {
		path := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(path, fmt.Appendf(nil, nginxConfig, address, http, location), 0o600); err != nil {
			t.Fatal(err)
		}
		return exec.Command(program, "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", path)
	})}
}

// served ends nginx, so that its log is whole, and counts what it answered.
func (n nginx) served(t *testing.T) int {
	t.Helper()
	n.end(t, syscall.SIGQUIT)
	return lines(readFile(t, filepath.Join(n.dir, "access.log")), "served ")
}

func TestNginx(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, http, location string
		truth                truth
	}{
		{
			"limit_req by address",
			"limit_req_zone $binary_remote_addr zone=callers:1m rate=10r/s;",
			"limit_req zone=callers burst=14 nodelay; limit_req_status 429;",
			truth{scope: []string{"ip"}, algorithm: verdict.TokenBucket, limit: 15, ratePerS: 10},
		},
		{
			"limit_req by key, refused with 503",
			"limit_req_zone $http_x_api_key zone=callers:1m rate=300r/m;",
			"limit_req zone=callers burst=11 nodelay;",
			truth{scope: []string{"key"}, algorithm: verdict.TokenBucket, limit: 12, ratePerS: 5},
		},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := startNginx(t, tt.http, tt.location)
			a := assess(t, n.url, show(31+i), everyone())
			a.sameCount(t, n.served(t))
			tt.truth.check(t, a)
		})
	}
	t.Run("no limit", func(t *testing.T) {
		t.Parallel()
		n := startNginx(t, "", "")
		a := assess(t, n.url, "33", everyone())
		a.sameCount(t, n.served(t))
		checkUnlimited(t, a)
	})
}
