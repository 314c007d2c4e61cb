package servertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"testing"

	"apisonde/analyze/verdict"
	"apisonde/probe/journal"
	"apisonde/probe/trace"
)

// assessment is what one run of the program left behind.
type assessment struct {
	exit    int
	verdict verdict.Verdict
	trace   trace.Trace
}

// everyone is all the identities that the scope of a limit can be read from: two
// addresses, two keys, two users and a second path. A machine may lack the second address (macOS
// gives its loopback one); then it is left out and the others still tell.
func everyone() []string {
	args := []string{
		"--ip", "here=127.0.0.1",
		"--key", "k1=literal:servertest-key-1", "--key", "k2=literal:servertest-key-2",
		"--user", "u1=literal:servertest-user-1", "--user", "u2=literal:servertest-user-2",
		"--route", "/other",
	}
	if hasSecondAddress() {
		args = append(args, "--ip", "there=127.0.0.2")
	}
	return args
}

func hasSecondAddress() bool {
	l, err := net.Listen("tcp4", "127.0.0.2:0")
	if err != nil {
		return false
	}
	_ = l.Close() // nothing was accepted; only the address mattered
	return true
}

// assess runs "apisonde probe" against url to its end, with identities as further
// flags. seed differs between tests so that together they see more than one draw.
// "go test -artifacts" keeps the trace.
func assess(t *testing.T, url, seed string, identities []string) assessment {
	t.Helper()
	path := filepath.Join(t.ArtifactDir(), "trace.ndjson")
	args := append([]string{
		"probe", url, "--output", "json", "--yes",
		"--max-duration", "90s", "--seed", seed, "--trace", path,
	}, identities...)
	cmd := exec.CommandContext(t.Context(), binary, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	a := assessment{exit: exitCode(t, cmd.Run())}
	t.Logf("apisonde %v\nexit %d\n%s%s", args, a.exit, &stderr, &stdout)
	if err := json.Unmarshal(stdout.Bytes(), &a.verdict); err != nil {
		t.Fatalf("standard output is not one verdict: %v", err)
	}
	a.trace = openTrace(t, path)
	return a
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	t.Fatalf("the program did not run: %v", err)
	return 0
}

func openTrace(t *testing.T, path string) trace.Trace {
	t.Helper()
	tr, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// sameCount checks that the journal, the verdict and the server agree on how many
// requests there were.
func (a assessment) sameCount(t *testing.T, served int) {
	t.Helper()
	if n := len(a.trace.Observations); n != served || a.verdict.Cost.Requests != served {
		t.Errorf("the server counted %d requests, the journal %d, the verdict %d", served, n, a.verdict.Cost.Requests)
	}
}
