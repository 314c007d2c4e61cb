package servertest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"apisonde/probe/needs"
	"apisonde/probe/trace"
)

// reporterConfig is an nginx that answers with the address that it sees, at any
// path, and logs it.
const reporterConfig = `
daemon off;
master_process off;
pid nginx.pid;
error_log error.log warn;
events { worker_connections 1024; }
http {
	log_format line 'served $remote_addr $uri $http_x_api_key';
	access_log access.log line;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	server {
		listen %[1]s;
		listen [::]:%[1]s;
		location / { default_type text/plain; return 200 "$remote_addr\n"; }
	}
}
`

const (
	proxyUser     = "proxy-user"
	proxyPassword = "proxy-password-4711"
)

// hop is where the servers of a vantage run and listen: beside the tests, or in a
// network namespace of their own.
type hop struct {
	enter []string // in front of a command, to run it there
	host  string
}

// beside are the proxies of this machine's loopback.
var beside = hop{host: "127.0.0.1"}

// run starts a server that listens at host:port there.
func (h hop) run(t *testing.T, address string, command ...string) *process {
	t.Helper()
	all := append(append([]string{}, h.enter...), command...)
	log, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	p := &process{url: "http://" + address + "/", cmd: exec.Command(all[0], all[1:]...), ended: make(chan struct{}), log: log}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.launch(t)
	if !p.accepts(t, address) {
		t.Fatalf("%v ended early:\n%s", all, p.output(t))
	}
	return p
}

// address is one that is free there, as far as this end can tell.
func (h hop) address(t *testing.T) (address, port string) {
	t.Helper()
	_, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort(h.host, port), port
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func startReporter(t *testing.T) (port string, log string) {
	t.Helper()
	program, dir := locate(t, "nginx"), t.TempDir()
	address, port := beside.address(t)
	conf := write(t, filepath.Join(dir, "nginx.conf"), fmt.Sprintf(reporterConfig, port))
	beside.run(t, address, program, "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", conf)
	return port, filepath.Join(dir, "access.log")
}

// microsocks leaves from an address of its host.
func (h hop) microsocks(t *testing.T, from string) string {
	t.Helper()
	address, port := h.address(t)
	h.run(t, address, locate(t, "microsocks"), "-i", h.host, "-p", port, "-u", proxyUser, "-P", proxyPassword, "-b", from)
	return "socks5h://" + proxyUser + ":" + proxyPassword + "@" + address
}

// tinyproxy leaves from an address of its host.
func (h hop) tinyproxy(t *testing.T, from string) string {
	t.Helper()
	address, port := h.address(t)
	dir := t.TempDir()
	conf := write(t, filepath.Join(dir, "tinyproxy.conf"), fmt.Sprintf(
		"Port %s\nListen %s\nBind %s\nTimeout 60\nMaxClients 50\nBasicAuth %s %s\nLogFile \"%s\"\nLogLevel Info\n",
		port, h.host, from, proxyUser, proxyPassword, filepath.Join(dir, "log")))
	h.run(t, address, locate(t, "tinyproxy"), "-d", "-c", conf)
	return "http://" + proxyUser + ":" + proxyPassword + "@" + address
}

// sshd is OpenSSH for the user of the tests alone. It leaves a home folder that has
// a key for it and knows one of its two host keys.
func (h hop) sshd(t *testing.T) (vantage, home string) {
	t.Helper()
	program, keygen := locate(t, "sshd"), locate(t, "ssh-keygen")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // where it separates privileges
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	home = t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	key := func(kind, path string) string {
		if out, err := exec.Command(keygen, "-q", "-t", kind, "-N", "", "-f", path).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(readFile(t, path+".pub"))
	}
	mine := key("ed25519", filepath.Join(home, ".ssh", "id_ed25519"))
	key("ed25519", filepath.Join(dir, "host_ed25519"))
	known := key("ecdsa", filepath.Join(dir, "host_ecdsa"))
	address, port := h.address(t)
	conf := write(t, filepath.Join(dir, "sshd_config"), fmt.Sprintf(`
Port %[1]s
ListenAddress %[2]s
HostKey %[3]s/host_ed25519
HostKey %[3]s/host_ecdsa
PidFile none
AuthorizedKeysFile %[4]s
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
PermitRootLogin prohibit-password
LogLevel VERBOSE
`, port, h.host, dir, write(t, filepath.Join(dir, "authorized"), mine)))
	write(t, filepath.Join(home, ".ssh", "known_hosts"), fmt.Sprintf("[%s]:%s %s", h.host, port, known))
	h.run(t, address, program, "-D", "-e", "-f", conf)
	return "ssh://" + me.Username + "@" + address, home
}

// seen runs an inspection through vantages and returns the address at which the
// server saw each, by what it answered and by its own log.
func seen(t *testing.T, url, log, home string, vantages ...string) (told map[string]string, logged []string) {
	t.Helper()
	path := filepath.Join(t.ArtifactDir(), "trace.ndjson")
	args := []string{"inspect", url, "--authorized", hostOf(t, url), "--trace", path, "--output", "json", "--key", "literal:servertest-key", "--egress-check", url + "address"}
	for _, v := range vantages {
		args = append(args, "--ip", v)
	}
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = append(os.Environ(), "HOME="+home, "SSH_AUTH_SOCK=")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if code := exitCode(t, cmd.Run()); code != 0 {
		t.Fatalf("exit %d\n%s%s", code, &stderr, &stdout)
	}
	if all := stdout.String() + stderr.String() + string(readFile(t, path)); strings.Contains(all, proxyPassword) {
		t.Errorf("the password of a proxy is shown:\n%s", all)
	}
	told = map[string]string{}
	for _, o := range openTrace(t, path).Observations {
		if o.Fault != trace.FaultNone || o.Status != 200 {
			t.Errorf("%s %s: status %d, fault %q", o.Identity, o.Route, o.Status, o.Fault)
		}
		if o.Egress != "" {
			told[o.Identity.Vantage] = o.Egress
		}
	}
	for line := range strings.Lines(string(readFile(t, log))) {
		f := strings.Fields(line) // served ADDRESS PATH KEY
		if len(f) == 4 && f[2] == "/" && f[3] == "servertest-key" {
			logged = append(logged, f[1])
		}
	}
	return told, logged
}

func hostOf(t *testing.T, url string) string {
	t.Helper()
	host, _, err := net.SplitHostPort(strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	return host
}

// Each kind of vantage leads to the server from the address that it claims.
func TestVantages(t *testing.T) {
	t.Parallel()
	if !hasSecondAddress() {
		needs.Absent(t, "this machine has one loopback address; Linux has many")
	}
	port, log := startReporter(t)
	jump, home := beside.sshd(t)
	told, logged := seen(t, "http://127.0.0.1:"+port+"/", log, home,
		"direct=127.0.0.2", "socks="+beside.microsocks(t, "127.0.0.3"), "connect="+beside.tinyproxy(t, "127.0.0.4"), "jump="+jump)
	want := map[string]string{"direct": "127.0.0.2", "socks": "127.0.0.3", "connect": "127.0.0.4", "jump": "127.0.0.1"}
	if d := cmp.Diff(want, told); d != "" {
		t.Errorf("what the server told (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.1"}, logged); d != "" {
		t.Errorf("what the server logged (-want +got):\n%s", d)
	}
}
