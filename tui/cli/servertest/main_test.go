package servertest

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	// The program is built apart; this makes its sources the tests' own, so that a
	// result of other sources is never taken from the cache.
	_ "apisonde/tui/cli"
)

// atOnce is how many tests run together. An assessment mostly waits for windows to
// end, so three share even one core without being late; more would disturb the
// timing of each other.
const atOnce = "3"

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	if err := flag.Set("test.parallel", atOnce); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if binary = os.Getenv(inNamespace); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "apisonde-servertest-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "apisonde")
	if out, err := exec.Command("go", "build", "-o", binary, "apisonde").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "the program does not build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
