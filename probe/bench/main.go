// Command bench measures this program's sender against vegeta's: on one machine,
// in one run, each in a process of its own, against one server that takes the
// instants of arrival from the kernel. It prints a table and exits with 1 where
// a goal is missed.
//
// It is a module of its own, so that vegeta is no dependency of the program.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	burstSize = 100
	workers   = 16
	rest      = 300 * time.Millisecond // between bursts
	stallRate = 100                    // a second, in the run that is stalled
)

// kind is what a sender is asked to do.
type kind string

const (
	kindRate   kind = "rate"   // N requests at Rate a second
	kindBurst  kind = "burst"  // N bursts, rest apart, on connections made before
	kindClosed kind = "closed" // N requests, workers in flight at any time
)

// task is one measurement.
type task struct {
	Kind kind
	N    int
	Rate int
}

// report is what a sender's process says of itself.
type report struct {
	Lead    int     // requests that came before the task's own
	Planned []int64 // nanoseconds, of those that were sent; only their distances count
	PeakKiB int64   // most memory that was resident
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 1 && args[0] == "serve" {
		return serve(os.Stdin, os.Stdout)
	}
	if len(args) == 5 && args[0] == "send" {
		return child(args[1], args[2], args[3], args[4])
	}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	rounds := fs.Int("rounds", 3, "repetitions of the runs at fixed rates, of bursts and of throughput")
	records := fs.Int("records", 1_000_000, "requests of the long run")
	dir := fs.String("dir", "/dev/shm", "folder for journals; on tmpfs, or the disk is measured")
	only := fs.String("only", "", "`PART`: rates, stall, bursts or closed alone")
	if err := fs.Parse(args); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(*dir, "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	srv, err := startServer(self)
	if err != nil {
		return err
	}
	defer srv.stop()
	m := &measurer{self: self, dir: tmp, srv: srv}
	return m.all(*rounds, *records, *only)
}

// child is the process of a sender.
func child(sender, job, addr, dir string) error {
	var t task
	if err := json.Unmarshal([]byte(job), &t); err != nil {
		return err
	}
	do := map[string]func(task, string, string) (report, error){nameOurs: ours, nameTheirs: theirs}[sender]
	r, err := do(t, addr, dir)
	if err != nil {
		return err
	}
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return err
	}
	r.PeakKiB = u.Maxrss
	return json.NewEncoder(os.Stdout).Encode(r)
}

const (
	nameOurs   = "apisonde"
	nameTheirs = "vegeta"
)

// measurer runs tasks in processes of their own, one at a time.
type measurer struct {
	self, dir string
	srv       *peer
	failed    int
}

// sent is one finished task.
type sent struct {
	report
	arrivals []int64 // of the task's own requests
	resumed  int64   // when the stall ended, on the arrivals' clock
}

// do runs a task. stall stops the sender's process for a second, beginning so
// long after its start; 0 does not.
func (m *measurer) do(sender string, t task, stall time.Duration) (sent, error) {
	job, err := json.Marshal(t)
	if err != nil {
		return sent{}, err
	}
	dir := filepath.Join(m.dir, sender+strconv.FormatInt(time.Now().UnixNano(), 36))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return sent{}, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command(m.self, "send", sender, string(job), m.srv.addr, dir)
	cmd.Stderr = os.Stderr
	var s sent
	if stall > 0 {
		time.AfterFunc(stall, func() {
			_ = cmd.Process.Signal(syscall.SIGSTOP)
			time.Sleep(time.Second)
			s.resumed = time.Now().UnixNano()
			_ = cmd.Process.Signal(syscall.SIGCONT)
		})
	}
	out, err := cmd.Output()
	if err != nil {
		return sent{}, fmt.Errorf("%s, %s: %w", sender, job, err)
	}
	if err := json.Unmarshal(out, &s.report); err != nil {
		return sent{}, err
	}
	all, err := m.srv.take()
	if err != nil || len(all) < s.Lead {
		return sent{}, fmt.Errorf("%s, %s: the server saw %d requests: %w", sender, job, len(all), err)
	}
	s.arrivals = all[s.Lead:]
	return s, nil
}
