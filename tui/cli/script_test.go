package cli

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/time/rate"

	"apisonde/probe/journal"
)

// Each script is one behaviour. It has a server of its own at $TARGET, whose
// limiter is golang.org/x/time/rate: 10 a second, bursts of 12, for each X-Api-Key;
// one at $BROKEN that always fails; and one at $ODD with such a limit for
// everybody, which refuses with 200 and words of its own.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			s := newTarget()
			env.Defer(s.Close)
			env.Values["target"] = s
			env.Setenv("TARGET", s.URL)
			broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "out of order", http.StatusInternalServerError)
			}))
			env.Defer(broken.Close)
			env.Setenv("BROKEN", broken.URL)
			bucket := rate.NewLimiter(10, 12)
			odd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if !bucket.Allow() {
					io.WriteString(w, "Please SLOW down.")
				}
			}))
			env.Defer(odd.Close)
			env.Setenv("ODD", odd.URL)
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
			env.Setenv("HOME", env.WorkDir)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits,
			"sent":  sent,
			"keys":  keys,
			"json":  isJSON,
			"agent": agent,
		},
	})
}

// exits runs a program and checks its exit code: exits 2 apisonde probe.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s ended with %d, want %d\n%s%s", args[1], got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// sent checks how many requests the script's server has seen: "sent 0", "sent some"
// (one or more), "sent 1 3" (1 to 3), or "sent trace FILE" (as many as the trace says).
func sent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: sent COUNT | sent some | sent FROM TO | sent trace FILE")
	}
	n := int(ts.Value("target").(*target).requests.Load())
	from, to := 1, math.MaxInt
	var err error
	switch args[0] {
	case "some":
	case "trace":
		t, err := journal.Open(ts.MkAbs(args[1]))
		ts.Check(err)
		from, to = len(t.Observations), len(t.Observations)
		if t.End == nil || t.End.Requests != from {
			ts.Fatalf("the trace's end is %v, after %d requests", t.End, from)
		}
	default:
		from, err = strconv.Atoi(args[0])
		ts.Check(err)
		to, err = strconv.Atoi(args[len(args)-1])
		ts.Check(err)
	}
	if n < from || n > to {
		ts.Fatalf("the server has seen %d requests, want %d to %d", n, from, to)
	}
}

// keys checks which keys the script's server has seen, sorted.
func keys(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value("target").(*target)
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := slices.Sorted(maps.Keys(s.limiters)); neg || !slices.Equal(got, args) {
		ts.Fatalf("the server has seen the keys %q, want %q", got, args)
	}
}

// agent checks how the latest request to the script's server named its sender.
func agent(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value("target").(*target)
	s.mu.Lock()
	defer s.mu.Unlock()
	if neg || len(args) != 1 || !regexp.MustCompile(`^`+args[0]+`$`).MatchString(s.agent) {
		ts.Fatalf("the latest request came from %q, want %q", s.agent, args)
	}
}

// isJSON checks that a file is exactly one JSON document ("json stdout"), or one on
// each line ("json lines stdout").
func isJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: json [lines] FILE")
	}
	text := ts.ReadFile(args[len(args)-1])
	docs := []string{text}
	if args[0] == "lines" {
		docs = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	}
	for i, d := range docs {
		if !json.Valid([]byte(d)) {
			ts.Fatalf("document %d of %d is not JSON", i+1, len(docs))
		}
	}
}

// target is a server that limits each key with golang.org/x/time/rate.
type target struct {
	*httptest.Server
	requests atomic.Int64
	mu       sync.Mutex
	limiters map[string]*rate.Limiter
	agent    string // of the latest request
}

func newTarget() *target {
	t := &target{limiters: map[string]*rate.Limiter{}}
	t.Server = httptest.NewServer(t)
	return t
}

func (t *target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t.requests.Add(1)
	key := r.Header.Get("X-Api-Key")
	t.mu.Lock()
	t.agent = r.UserAgent()
	l := t.limiters[key]
	if l == nil {
		l = rate.NewLimiter(10, 12)
		t.limiters[key] = l
	}
	t.mu.Unlock()
	if !l.Allow() {
		http.Error(w, "slow down, "+key, http.StatusTooManyRequests)
	}
}
