package cli

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"apisonde/probe/journal"
	"apisonde/probe/trace"
)

// Whenever a run is killed, its trace holds every request that the server saw, and
// the run that goes on with it stays within the one budget. The long form kills
// 200 times.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	n := 3
	if os.Getenv("APISONDE_LONG") != "" {
		n = 200
	}
	rng := rand.New(rand.NewPCG(uint64(n), 9))
	unrecorded, resumed := 0, 0
	for i := range n {
		k := &killer{limiter: rate.NewLimiter(20, 40), at: int64(1 + rng.IntN(120)), before: rng.IntN(2) == 0, delay: time.Duration(rng.IntN(3000)) * time.Microsecond}
		u, r := k.round(t)
		unrecorded, resumed = unrecorded+u, resumed+r
		if t.Failed() {
			t.Fatalf("kill %d, at request %d", i+1, k.at)
		}
	}
	t.Logf("%d kills: no request lost, %d of unknown fate, %d runs went on", n, unrecorded, resumed)
}

// killer is a server that counts, and kills who asks when its n-th request is in.
type killer struct {
	limiter *rate.Limiter
	at      int64
	before  bool          // it kills before it answers
	delay   time.Duration // between the request and the kill
	seen    atomic.Int64
	victim  *exec.Cmd
	started chan struct{}
}

func (k *killer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	n := k.seen.Add(1)
	kill := func() {
		<-k.started
		time.Sleep(k.delay) // so that the kill falls anywhere
		_ = k.victim.Process.Kill()
	}
	if n == k.at {
		if k.before {
			kill()
		} else {
			defer func() { go kill() }()
		}
	}
	if !k.limiter.Allow() {
		w.WriteHeader(http.StatusTooManyRequests)
	}
}

// budgetOfKilled is what both parts of a killed run may send.
const budgetOfKilled = 150

// round kills one run and goes on with it. It returns how many requests had an
// unknown fate, and 1 where the run went on.
func (k *killer) round(t *testing.T) (unknown, resumed int) {
	server := httptest.NewServer(k)
	defer server.Close()
	k.started = make(chan struct{})
	k.victim = program(t, "probe", server.URL, "--key", "literal:one", "--yes", "--trace", "t.ndjson", "--output", "quiet", "--max-requests", strconv.Itoa(budgetOfKilled))
	if err := k.victim.Start(); err != nil {
		t.Fatal(err)
	}
	close(k.started)
	_ = k.victim.Wait()
	status, _ := k.victim.ProcessState.Sys().(syscall.WaitStatus)
	path := filepath.Join(k.victim.Dir, "t.ndjson")
	seen := int(k.seen.Load())
	tr, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.Observations) < seen || seen > budgetOfKilled {
		t.Errorf("the server saw %d requests, the trace holds %d", seen, len(tr.Observations))
	}
	if status.Signaled() == (tr.End != nil) {
		t.Errorf("killed: %v, and the trace's end is %v", status.Signaled(), tr.End)
	}
	for _, o := range tr.Observations {
		if o.Status == 0 {
			unknown++
		}
	}
	format := []string{"plain", "markdown", "json"}[k.at%3]
	told := start(t, program(t, "analyze", path, "--output", format))()
	if said := strings.Contains(told.stdout.String(), "INCOMPLETE"); said == (tr.End != nil) {
		t.Errorf("%s says INCOMPLETE: %v", format, said)
	}
	again := program(t, "probe", "--resume", path, "--key", "literal:one", "--yes", "--output", "quiet")
	o := start(t, again)()
	if !slices.Contains([]int{exitOK, exitInconclusive, exitUsage}, o.code) {
		t.Errorf("going on: exit %d\n%s", o.code, &o.stderr)
	}
	if tr, err = journal.Open(path); err != nil {
		t.Fatal(err)
	}
	if all := int(k.seen.Load()); all > budgetOfKilled || all > len(tr.Observations) {
		t.Errorf("in all the server saw %d requests, the trace holds %d, and %d are allowed", all, len(tr.Observations), budgetOfKilled)
	}
	if o.code == exitUsage && !strings.Contains(o.stderr.String(), "requests of the run are spent") {
		t.Errorf("it did not go on: %s", &o.stderr)
	}
	if o.code != exitUsage {
		resumed = 1
		if tr.End == nil || len(tr.Resumptions) != 1 {
			t.Errorf("the trace has %d resumptions and ends with %v", len(tr.Resumptions), tr.End)
		}
	}
	return unknown, resumed
}

// One run at a time for a target; the second names the first, and a killed one
// does not stand in the way.
func TestASecondRunIsRefused(t *testing.T) {
	t.Parallel()
	server := practice(t, "fixed-window,limit=30,window=60s,by=key")
	p := program(t, "probe", server.URL(), "--key", "literal:one", "--yes", "--trace", "t.ndjson", "--output", "quiet")
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	awaitRequests(t, server, 20)
	second := func() *output {
		q := program(t, "inspect", server.URL(), "--key", "literal:one", "--yes", "--output", "json")
		q.Env = append(q.Env, "XDG_STATE_HOME="+filepath.Join(p.Dir, "state"))
		return start(t, q)()
	}
	o := second()
	if want := "process " + strconv.Itoa(p.Process.Pid); o.code != exitUsage || !strings.Contains(o.stderr.String(), want) {
		t.Errorf("exit %d, want 2 and %q:\n%s", o.code, want, &o.stderr)
	}
	_ = p.Process.Kill()
	_ = p.Wait()
	if o := second(); o.code != exitOK {
		t.Errorf("after the first was killed: exit %d\n%s", o.code, &o.stderr)
	}
}

// A trace that is deleted in mid-run ends it with exit 6; what was learnt is told.
func TestTheTraceIsDeleted(t *testing.T) {
	t.Parallel()
	server := practice(t, "fixed-window,limit=30,window=60s,by=key")
	p := program(t, "probe", server.URL(), "--key", "literal:one", "--yes", "--trace", "t.ndjson", "--output", "json")
	end := start(t, p)
	awaitRequests(t, server, 20)
	if err := os.Remove(filepath.Join(p.Dir, "t.ndjson")); err != nil {
		t.Fatal(err)
	}
	o := end()
	for _, want := range []string{`"stop_reason": "trace"`, "INCOMPLETE", server.URL()} {
		if !strings.Contains(o.stdout.String(), want) {
			t.Errorf("standard output does not say %s", want)
		}
	}
	if o.code != exitTrace || !strings.Contains(o.stderr.String(), "deleted, moved or replaced") {
		t.Errorf("exit %d, want 6\n%s", o.code, &o.stderr)
	}
}

// A disk that is full in mid-run ends it with exit 6, before anything is sent that
// is not on the record.
func TestTheDiskIsFull(t *testing.T) {
	t.Parallel()
	server := practice(t, "fixed-window,limit=30,window=60s,by=key")
	p := program(t, "probe", server.URL(), "--key", "literal:one", "--yes", "--trace", "t.ndjson", "--output", "json")
	// A limit on the size of files is as near to a full disk as any test gets.
	p.Args = slices.Concat([]string{"sh", "-c", `ulimit -f 16; exec "$@"`, "sh"}, []string{p.Path}, p.Args[1:])
	p.Path = "/bin/sh"
	o := start(t, p)()
	tr, err := journal.Open(filepath.Join(p.Dir, "t.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	seen := server.Total()
	if len(tr.Observations) != seen || seen < 5 || tr.End != nil {
		t.Errorf("the server saw %d requests, the trace holds %d and ends with %v", seen, len(tr.Observations), tr.End)
	}
	if o.code != exitTrace || !strings.Contains(o.stdout.String(), `"stop_reason": "trace"`) || !strings.Contains(o.stderr.String(), "cannot be written") {
		t.Errorf("exit %d, want 6\n%s", o.code, &o.stderr)
	}
}

// A target that looked like banning is left alone for a while.
func TestAfterASuspectedBan(t *testing.T) {
	t.Parallel()
	server := practice(t, "none")
	for ago, want := range map[time.Duration]int{time.Minute: exitUsage, time.Hour: exitOK} {
		path := filepath.Join(t.TempDir(), "t.ndjson")
		started := time.Now().Add(-ago - time.Minute)
		w, err := journal.Create(path, trace.Meta{
			Target: trace.Target{Method: "GET", URL: server.URL()}, Started: started, Loopback: true,
			Roster: trace.Roster{Vantages: []string{anyAddress}, Routes: []string{"/"}},
			Budget: trace.Budget{MaxRequests: 200, MaxDuration: time.Hour, MaxInflight: 4},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(trace.End{Reason: "suspected-ban", At: time.Minute, Ended: started.Add(time.Minute)}); err != nil {
			t.Fatal(err)
		}
		before := server.Total()
		o := start(t, program(t, "probe", "--resume", path, "--yes", "--output", "quiet"))()
		if o.code != want || (server.Total() > before) != (want == exitOK) || (want == exitUsage) != strings.Contains(o.stderr.String(), "let it rest") {
			t.Errorf("%s after a suspected ban: exit %d, want %d\n%s", ago, o.code, want, &o.stderr)
		}
	}
}
