package probe_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"apisonde/probe"
	"apisonde/probe/guard"
	"apisonde/probe/journal"
	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// rough is a server that answers some requests and fails others in every way
// that TCP allows. It counts what it read and what it answered in full.
func rough(t *testing.T, seed uint64) (base string, read, answered *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	read, answered = new(atomic.Int64), new(atomic.Int64)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { roughly(c.(*net.TCPConn), seed, read, answered) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return "http://" + l.Addr().String(), read, answered
}

func roughly(c *net.TCPConn, seed uint64, read, answered *atomic.Int64) {
	defer c.Close()
	br := bufio.NewReader(c)
	for {
		if _, err := http.ReadRequest(br); err != nil {
			return
		}
		n := read.Add(1)
		rng := rand.New(rand.NewPCG(seed, uint64(n)))
		if n <= 2 { // the canaries
			rng = nil
		}
		what := 0
		if rng != nil {
			what = rng.IntN(12)
		}
		switch what {
		case 0, 1, 2, 3, 4, 5, 6:
			answered.Add(1)
			if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
				return
			}
		case 7:
			_ = c.SetLinger(0)
			return
		case 8:
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Le")
			return
		case 9:
			_, _ = io.WriteString(c, "\x00\x01\x02 nonsense\r\n\r\n")
			return
		case 10: // unannounced
			answered.Add(1)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			return
		case 11: // silence
			_, _ = io.Copy(io.Discard, br)
			return
		}
	}
}

// Whatever the server does, it gets no request that is not in the journal, and
// each of its whole answers is there.
func TestEveryRequestIsAccountedFor(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			base, read, answered := rough(t, seed)
			budget := guard.DefaultBudget(true)
			budget.MaxRequests = 60
			var steps []plan.Step
			for range 20 {
				steps = append(steps, plan.Step{Width: 1, Sends: sends(2, "k1", 0)}, plan.Step{Width: 6, Sends: sends(6, "k2", time.Millisecond)})
			}
			res, path := live(t, base, budget, steps...)
			// Three failures in a row are likely, and end a run.
			if res.Reason != probe.StopBudget && res.Reason != probe.StopDistress {
				t.Errorf("ended with %q, %v", res.Reason, res.Err)
			}
			back, err := journal.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			written, whole := 0, 0
			for _, o := range back.Observations {
				if o.Written > 0 {
					written++
				}
				if o.Fault == trace.FaultNone {
					whole++
				}
			}
			if n := int(read.Load()); n > written || written > len(back.Observations) || len(back.Observations) > budget.MaxRequests {
				t.Errorf("the server read %d requests; %d of %d journalled were written; at most %d were allowed",
					n, written, len(back.Observations), budget.MaxRequests)
			}
			if n := int(answered.Load()); whole != n {
				t.Errorf("the server answered %d requests, the journal holds %d answers", n, whole)
			}
		})
	}
}

// victim is the environment variable that turns the test binary into a run that
// waits to be killed.
const victim = "APISONDE_TEST_VICTIM"

func TestMain(m *testing.M) {
	if args := os.Getenv(victim); args != "" {
		base, path, _ := strings.Cut(args, " ")
		steps := make([]plan.Step, 1000)
		for i := range steps {
			steps[i] = plan.Step{Width: 1 + 7*(i%2), Sends: sends(50, "k1", 0)}
		}
		_, err := assess(context.Background(), base, path, guard.DefaultBudget(true), steps...)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	os.Exit(m.Run())
}

// A killed run leaves a journal in which no request is missing that reached the
// server.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	var served atomic.Int64
	base := serve(t, func(w http.ResponseWriter, r *http.Request) { served.Add(1) })
	for i := range 5 {
		served.Store(0)
		path := filepath.Join(t.TempDir(), "run.ndjson")
		cmd := exec.Command(os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), victim+"="+base+" "+path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(5 * time.Second); served.Load() < int64(1+60*i) && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		// What was on its way still arrives.
		for before := int64(-1); before != served.Load(); time.Sleep(20 * time.Millisecond) {
			before = served.Load()
		}
		back, err := journal.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		n := served.Load()
		if int64(len(back.Observations)) < n || n == 0 || back.End != nil {
			t.Errorf("kill %d: the server read %d requests, the journal holds %d, its end is %v", i, n, len(back.Observations), back.End)
		}
	}
}

// The server says every key in its headers and its body. None is stored.
func TestNoCredentialIsStored(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("X-Api-Key")
		w.Header().Set("X-RateLimit-Key", key)
		w.Header().Set("Location", "/"+key)
		w.Header().Set("Www-Authenticate", "Key "+key)
		w.Header().Set("X-Limit-"+key, "1")
		w.WriteHeader(429)
		_, _ = io.WriteString(w, strings.ToUpper(key)+strings.Repeat(" "+key, 50))
	})
	res, path := live(t, base, guard.DefaultBudget(true), plan.Step{Width: 1, Sends: sends(3, "k1", 0)}, plan.Step{Width: 3, Sends: sends(3, "k2", 0)})
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.ToLower(string(file) + fmt.Sprintf("%+v %#v", res, res))
	if n := strings.Count(all, "redacted"); n < 20 {
		t.Errorf("the server's echoes were redacted %d times only", n)
	}
	for name, c := range credential {
		for i := 0; i+8 <= len(c); i++ {
			if part := strings.ToLower(c[i : i+8]); strings.Contains(all, part) {
				t.Fatalf("%q of %s was stored", part, name)
			}
		}
	}
}
