package faulttest

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"apisonde/probe/rogue"
	"apisonde/tui/cli"
)

// circumstances is the environment variable that makes the test binary run the
// program, and says under which circumstances.
const circumstances = "APISONDE_FAULT_CIRCUMSTANCES"

// around is what a run of the program finds around it.
type around struct {
	Names       string   // address of the name server; "" is the machine's own
	Addrs       []string // what a name server of its own says of every name
	Files       uint64   // most open files; 0 is the machine's limit
	FileSize    uint64   // most bytes of a file; 0 is no limit
	Namespace   bool     // a network of its own, with a server in it, see network_test.go
	Hold        int      // of its ports, so many are taken
	Disk        int      // bytes of a file system that is mounted on the folder "disk"
	DiskOptions string   // "ro" for one that cannot be written to
	Busy        int      // goroutines that use the processor
	Umask       *int     // nil is the machine's
	Left        string   // file to write to what the run left behind
}

func TestMain(m *testing.M) {
	if text := os.Getenv(circumstances); text != "" {
		var a around
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			panic(err)
		}
		os.Exit(a.run())
	}
	if text := os.Getenv(soaking); text != "" {
		var s soak
		err := json.Unmarshal([]byte(text), &s)
		if err = errors.Join(err, s.run()); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	// A hangup that is ignored here, as under nohup, would be ignored by every
	// process that the tests start; one that is caught is not.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	flag.Parse()
	// Most cases wait for a timeout rather than for the processor.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// run runs the program as main does, and notes what is left of it when it has
// returned: goroutines that do not end, descriptors that nobody closed.
func (a around) run() int {
	if a.Namespace {
		served, err := ownNetwork(a.Hold)
		if err != nil {
			panic(err)
		}
		defer served()
	}
	if len(a.Addrs) > 0 {
		names, err := rogue.StartNames(func(string, int) []netip.Addr { return addresses(a.Addrs) })
		if err != nil {
			panic(err)
		}
		a.Names = names.Addr()
	}
	if a.Names != "" {
		net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "udp", a.Names)
		}}
	}
	if a.Disk > 0 {
		if err := ownDisk(a.Disk, a.DiskOptions); err != nil {
			panic(err)
		}
		defer keepDisk()
	}
	if a.Umask != nil {
		unix.Umask(*a.Umask)
	}
	a.warm()
	defer confine(unix.RLIMIT_NOFILE, a.Files)()
	defer confine(unix.RLIMIT_FSIZE, a.FileSize)()
	goroutines, files := runtime.NumGoroutine(), descriptors()
	rest := busy(a.Busy)
	code := cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	rest()
	confine(unix.RLIMIT_FSIZE, unix.RLIM_INFINITY) // for the file of remains
	if left := remains(goroutines, files); left != "" && a.Left != "" {
		if err := os.WriteFile(a.Left, []byte(left), 0o600); err != nil {
			panic(err)
		}
	}
	return code
}

// confine sets a limit of the system, unless most is 0, and returns what lifts it.
func confine(resource int, most uint64) (lift func()) {
	if most == 0 {
		return func() {}
	}
	var before unix.Rlimit
	if err := unix.Getrlimit(resource, &before); err != nil {
		panic(err)
	}
	if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: min(most, before.Max), Max: before.Max}); err != nil {
		panic(err)
	}
	return func() { _ = unix.Setrlimit(resource, &before) }
}

// warm starts what the runtime and the standard library start once and keep.
func (around) warm() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR2)
	signal.Stop(c)
	if l, err := net.Listen("tcp4", "127.0.0.1:0"); err == nil {
		_ = l.Close()
	}
}

// remains tells what is there that was not there before, "" for nothing. What
// ends by itself is given time for it.
func remains(goroutines int, files []string) string {
	for wait := time.Millisecond; ; wait *= 2 {
		surplus := slices.DeleteFunc(descriptors(), func(f string) bool { return slices.Contains(files, f) })
		if runtime.NumGoroutine() <= goroutines && len(surplus) == 0 {
			return ""
		}
		if wait > 8*time.Second { // the standard resolver tries for ten
			var b strings.Builder
			fmt.Fprintf(&b, "%d goroutines before, %d after, new descriptors %q\n", goroutines, runtime.NumGoroutine(), surplus)
			_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
			return b.String()
		}
		time.Sleep(wait)
	}
}

// descriptors lists what is open, by number and what it leads to.
func descriptors() []string {
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		to, err := os.Readlink(dir + "/" + e.Name())
		if err == nil && !strings.HasPrefix(to, "/proc/") { // the listing itself
			// A terminal that has gone is still the one that was given.
			out = append(out, e.Name()+" "+strings.TrimSuffix(to, " (deleted)"))
		}
	}
	return out
}

// longForms tells whether the long forms of tests are wanted.
func longForms() bool { return os.Getenv("APISONDE_LONG") != "" }

// busy keeps the processor busy until the returned function is called.
func busy(n int) (rest func()) {
	var over atomic.Bool
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for !over.Load() {
			}
		})
	}
	return func() { over.Store(true); all.Wait() }
}
