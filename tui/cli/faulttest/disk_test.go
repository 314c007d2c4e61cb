package faulttest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"apisonde/probe/rogue"
)

// storing are the faults of the disk.
func storing() []fault {
	return []fault{
		{95, "a file system that is full", diskFull},
		{95, "a file that may not grow", fileLimited},
		{97, "a folder that cannot be written to", readOnly},
		{98, "a trace that exists", existing},
		{99, "a symbolic link for a trace", linked},
	}
}

// onDisk is an assessment whose trace lies on a file system of so many bytes.
func onDisk(url string, size int, options string) *run {
	r := assess(url, "--trace", "disk/t.ndjson", "--max-requests", "100000")
	r.around.Disk, r.around.DiskOptions = size, options
	return r
}

// kept are the files of the disk, which the run copies before it loses it.
func (o outcome) kept(t *testing.T) outcome {
	t.Helper()
	o.dir = filepath.Join(o.dir, "kept")
	return o
}

// The disk fills up: sending ends, what stands in the trace is whole, and every
// request that left is in it.
func diskFull(t *testing.T) {
	for _, size := range []int{16 << 10, 64 << 10, 256 << 10} {
		s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
		o := onDisk(s.URL(), size, "").do(t)
		full(t, o, o.kept(t), s.Requests())
	}
}

// full checks a run whose trace could not be written to its end. Its journal may
// lack outcomes, never intents.
func full(t *testing.T, o, where outcome, requests int) {
	t.Helper()
	o.hygiene(t)
	if o.code != exitTrace {
		t.Errorf("exit %d, want %d\n%s", o.code, exitTrace, o.stderr)
	}
	o.says(t, "the trace cannot be written")
	path := filepath.Join(where.dir, "t.ndjson")
	whole := bytes.LastIndexByte(must(os.ReadFile(path)), '\n') + 1
	if err := os.Truncate(path, int64(whole)); err != nil { // a torn last line is what a reader drops
		t.Fatal(err)
	}
	if c := count(t, path); requests > c.intents || requests == 0 || c.ended {
		t.Errorf("the server read %d requests, the trace holds %d; it has an end: %v", requests, c.intents, c.ended)
	}
}

// A limit on the size of files comes as an error, not as the end of the program.
func fileLimited(t *testing.T) {
	for _, size := range []uint64{2000, 3001, 5002, 9999} {
		s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
		r := assess(s.URL(), "--max-requests", "100000")
		r.without("--report") // it would be as limited
		r.around.FileSize = size
		o := r.do(t)
		full(t, o, o, s.Requests())
	}
}

func readOnly(t *testing.T) {
	s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
	o := onDisk(s.URL(), 64<<10, "ro").do(t)
	o.hygiene(t)
	if o.code != exitTrace || s.Conns() != 0 {
		t.Errorf("exit %d, %d connections; want %d and none", o.code, s.Conns(), exitTrace)
	}
	o.says(t, "the trace cannot be created")
}

func existing(t *testing.T) {
	s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
	r := assess(s.URL())
	r.dir = t.TempDir()
	path := filepath.Join(r.dir, "t.ndjson")
	if err := os.WriteFile(path, []byte("mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := r.do(t)
	o.hygiene(t)
	if o.code != exitUsage || s.Conns() != 0 || o.file(t, "t.ndjson") != "mine\n" {
		t.Errorf("exit %d, %d connections, the file is %q", o.code, s.Conns(), o.file(t, "t.ndjson"))
	}
	o.says(t, "exists already")
}

// A link is not followed, whether it leads somewhere or nowhere.
func linked(t *testing.T) {
	for _, target := range []string{"there", "nowhere"} {
		s := start(t, rogue.Options{}, rogue.Say(rogue.OK))
		r := assess(s.URL())
		r.dir = t.TempDir()
		if err := os.WriteFile(filepath.Join(r.dir, "there"), []byte("mine\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(r.dir, "t.ndjson")); err != nil {
			t.Fatal(err)
		}
		o := r.do(t)
		o.hygiene(t)
		if o.code != exitUsage || s.Conns() != 0 {
			t.Errorf("exit %d, %d connections", o.code, s.Conns())
		}
		if o.file(t, "there") != "mine\n" || o.file(t, "nowhere") != "" {
			t.Error("the link was written through")
		}
		if !strings.Contains(string(o.stderr), "exists already") {
			t.Errorf("it is not said why:\n%s", o.stderr)
		}
	}
}
