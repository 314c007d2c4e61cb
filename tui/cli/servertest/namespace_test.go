package servertest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisonde/analyze/verdict"
	"apisonde/probe/needs"
)

// inNamespace holds the path of the program where the tests were started again
// inside a network namespace of their own.
const inNamespace = "APISONDE_TEST_IN_NAMESPACE"

// enterNamespace runs the test again in a fresh network namespace, and returns true
// in there. Where namespaces are refused, which needs more rights than tests may
// have, the test is skipped; TestVantages shows the same on loopback.
func enterNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inNamespace) != "" {
		return true
	}
	for _, tool := range []string{"unshare", "nsenter", "ip"} {
		locate(t, tool)
	}
	if out, err := exec.Command("unshare", "--net", "ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		needs.Absent(t, fmt.Sprintf("network namespaces are refused: %v, %s", err, out))
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--net", self, "-test.run", "^"+t.Name()+"$", "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), inNamespace+"="+binary)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("in a namespace: %v\n%s", err, out)
	}
	return false
}

func command(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// neighbour makes a second machine, as far as the network goes: 192.0.2.2 to .4,
// behind an interface of this one that has 192.0.2.1 and .10.
func neighbour(t *testing.T) hop {
	t.Helper()
	holder := &process{cmd: exec.Command("unshare", "--net", "sleep", "600"), ended: make(chan struct{})}
	holder.launch(t)
	pid := strconv.Itoa(holder.cmd.Process.Pid)
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	again, late := time.NewTicker(5*time.Millisecond), time.After(patience)
	defer again.Stop()
	for {
		if ns, err := os.Readlink("/proc/" + pid + "/ns/net"); err == nil && ns != own {
			break
		}
		select {
		case <-again.C:
		case <-late:
			t.Fatal("the second namespace does not come up")
		}
	}
	there := hop{enter: []string{"nsenter", "--target", pid, "--net"}, host: "192.0.2.2"}
	command(t, "ip", "link", "set", "lo", "up")
	command(t, "ip", "link", "add", "near0", "type", "veth", "peer", "name", "far0", "netns", pid)
	command(t, "ip", "link", "set", "near0", "up")
	for _, a := range []string{"192.0.2.1/24", "192.0.2.10/24"} {
		command(t, "ip", "address", "add", a, "dev", "near0")
	}
	command(t, append(there.enter, "ip", "link", "set", "far0", "up")...)
	for _, a := range []string{"192.0.2.2/24", "192.0.2.3/24", "192.0.2.4/24"} {
		command(t, append(there.enter, "ip", "address", "add", a, "dev", "far0")...)
	}
	return there
}

// A proxy or jump host on another machine shows that machine's address, an interface
// its own.
func TestVantagesOfAnotherMachine(t *testing.T) {
	t.Parallel()
	if !enterNamespace(t) {
		return
	}
	there := neighbour(t)
	port, log := startReporter(t)
	jump, home := there.sshd(t)
	told, logged := seen(t, "http://192.0.2.1:"+port+"/", log, home,
		"address=192.0.2.10", "interface=if:near0", "socks="+there.microsocks(t, "192.0.2.3"), "connect="+there.tinyproxy(t, "192.0.2.4"), "jump="+jump)
	want := map[string]string{"address": "192.0.2.10", "interface": "192.0.2.1", "socks": "192.0.2.3", "connect": "192.0.2.4", "jump": "192.0.2.2"}
	if d := cmp.Diff(want, told); d != "" {
		t.Errorf("what the server told (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"192.0.2.10", "192.0.2.1", "192.0.2.3", "192.0.2.4", "192.0.2.2"}, logged); d != "" {
		t.Errorf("what the server logged (-want +got):\n%s", d)
	}
}

// blockConfig limits each /64 by a sliding counter.
const blockConfig = haproxyHead + `
	bind [::]:%s
	bind 127.0.0.1:%s
	http-request track-sc0 src,ipmask(32,64) table callers
	http-request deny deny_status 429 if { sc_http_req_rate(0) gt 15 }
	http-request return status 200 content-type text/plain string fine
backend callers
	stick-table type ipv6 size 1k expire 60s store http_req_rate(3s)
`

// A real limiter that counts a /64 as one caller is seen to.
func TestIPv6Prefix(t *testing.T) {
	t.Parallel()
	if !enterNamespace(t) {
		return
	}
	program := locate(t, "haproxy")
	command(t, "ip", "link", "set", "lo", "up")
	var vantages []string
	for _, a := range []string{"2001:db8:0:aa00::1", "2001:db8:0:aa00::2", "2001:db8:0:aa01::1", "2001:db8:0:ab00::1", "2001:db8:1::1"} {
		command(t, "ip", "-6", "address", "add", a+"/128", "dev", "lo", "nodad")
		vantages = append(vantages, "--ip", a)
	}
	address, port := beside.address(t)
	conf := write(t, filepath.Join(t.TempDir(), "haproxy.cfg"), fmt.Sprintf(blockConfig, port, port))
	beside.run(t, address, program, "-db", "-f", conf)
	a := assess(t, "http://"+net.JoinHostPort("::1", port)+"/", "61", vantages)
	// What else is said of this limiter is the subject of TestHAProxy.
	at := slices.IndexFunc(a.verdict.Limits, func(l verdict.Limit) bool { return l.Limit != nil && l.Limit.Value == 15 })
	if at < 0 {
		t.Fatalf("no limit of 15 among %s", show(a.verdict.Limits))
	}
	l := a.verdict.Limits[at]
	if l.IPv6Prefix == nil || l.IPv6Prefix.Value != 64 {
		t.Errorf("the prefix is stated as %s", show(l.IPv6Prefix))
	}
	if slices.ContainsFunc(l.ScopeCandidates, func(n []string) bool { return !slices.Contains(n, "ip") }) {
		t.Errorf("the scope is one of %s", show(l.ScopeCandidates))
	}
}
