package faulttest

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"apisonde/probe/rogue"
)

// resuming are the faults of traces that are taken away, shared or gone on with.
func resuming() []fault {
	return []fault{
		{100, "a trace that is deleted", deleted},
		{101, "two runs against one target", together},
		{105, "runs that go on", func(t *testing.T) {
			for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGKILL} {
				t.Run(sig.String(), func(t *testing.T) {
					t.Parallel()
					resumed(t, sig)
				})
			}
		}},
		{114, "a trace that goes on against another host", elsewhere},
	}
}

// A trace that somebody deletes ends the run: what would be sent could no longer
// be accounted for.
func deleted(t *testing.T) {
	s := start(t, rogue.Options{}, lasting())
	r := long(s.URL())
	_, end := r.background(t)
	awaitRequests(t, s, 20)
	if err := os.Remove(filepath.Join(r.dir, "t.ndjson")); err != nil {
		t.Fatal(err)
	}
	o := end()
	o.hygiene(t)
	if o.code != exitTrace {
		t.Errorf("exit %d, want %d\n%s", o.code, exitTrace, o.stderr)
	}
	o.says(t, "trace")
	if v := o.verdict(t); v.StopReason == nil || *v.StopReason != "trace" {
		t.Errorf("the stop reason is %v", v.StopReason)
	}
}

// Of two runs against one target the second is refused, and the first goes on.
func together(t *testing.T) {
	s := start(t, rogue.Options{}, lasting())
	first := long(s.URL())
	p, end := first.background(t)
	awaitRequests(t, s, 20)
	second := assess(s.URL())
	second.env = append(second.env, "XDG_STATE_HOME="+filepath.Join(first.dir, "state"))
	o := second.do(t)
	o.hygiene(t)
	if o.code != exitUsage || o.file(t, "t.ndjson") != "" {
		t.Errorf("exit %d, want %d with no trace begun\n%s", o.code, exitUsage, o.stderr)
	}
	o.says(t, "another run is probing it")
	raise(t, p, syscall.SIGINT)
	end().check(t, s.Requests(), 130)
	// Once it is over the target is free again, whatever ended it.
	before := s.Requests()
	third := assess(s.URL())
	third.env = second.env
	third.do(t).check(t, s.Requests()-before, exitOK, exitInconclusive)
}

// A run that was ended goes on from its trace, and both together stay within the
// budget of the first.
func resumed(t *testing.T, sig syscall.Signal) {
	const allowed = 200 // more than what was sent and what a burst may have sent without a record
	s := start(t, rogue.Options{}, lasting())
	r := assess(s.URL(), "--max-requests", strconv.Itoa(allowed))
	p, end := r.background(t)
	awaitRequests(t, s, 20)
	raise(t, p, sig)
	if sig == syscall.SIGKILL {
		_, _ = p.Wait()
	} else {
		end()
	}
	next := &run{dir: r.dir, args: []string{"probe", s.URL(), "--resume", "t.ndjson", "--yes", "--output", "json",
		"--key", "k1=env:CANARY_KEY", "-H", "Cookie: sid=" + canary["cookie"], "--max-duration", "20s"}}
	o := next.do(t)
	o.hygiene(t)
	if o.code == exitUsage || o.code == exitTrace || o.code == exitRuntime {
		t.Errorf("exit %d\n%s", o.code, o.stderr)
	}
	c := count(t, filepath.Join(r.dir, "t.ndjson"))
	if s.Requests() > c.intents || c.intents > allowed || s.Requests() < 20 {
		t.Errorf("the server read %d requests in both parts, the trace holds %d, allowed were %d", s.Requests(), c.intents, allowed)
	}
}

// A trace leads nowhere but to its own target.
func elsewhere(t *testing.T) {
	s, other := start(t, rogue.Options{}, rogue.Say(rogue.OK)), start(t, rogue.Options{}, rogue.Say(rogue.OK))
	r := assess(s.URL())
	r.do(t).check(t, s.Requests(), exitOK, exitInconclusive)
	before := s.Requests()
	o := (&run{dir: r.dir, args: []string{"probe", other.URL(), "--resume", "t.ndjson", "--yes", "--key", "k1=env:CANARY_KEY", "--max-requests", "100"}}).do(t)
	o.hygiene(t)
	if o.code != exitUsage || other.Conns() != 0 || s.Requests() != before {
		t.Errorf("exit %d, %d connections to the other host\n%s", o.code, other.Conns(), o.stderr)
	}
}
