package guard_test

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"apisonde/probe/guard"
)

func origin(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestOneRunForEachTarget(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "state", "locks")
	first, err := guard.LockTarget(folder, origin(t, "https://API.example.org/v1"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = guard.LockTarget(folder, origin(t, "https://api.example.org.:443/other?x=y"))
	if !errors.Is(err, guard.ErrBusy) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("a second run: %v", err)
	}
	for _, other := range []string{"http://api.example.org/", "https://api.example.org:8443/", "https://api.example.com/", "https://[2001:db8::1]/", "https://[2001:db8::11]/"} {
		l, err := guard.LockTarget(folder, origin(t, other))
		if err != nil {
			t.Errorf("%s: %v", other, err)
			continue
		}
		defer l.Release()
	}
	first.Release()
	again, err := guard.LockTarget(folder, origin(t, "https://api.example.org/"))
	if err != nil {
		t.Fatalf("after the first ended: %v", err)
	}
	again.Release()
	if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info, err)
	}
}

// A file without a lock is what a killed run leaves.
func TestALockThatACrashLeft(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	l, err := guard.LockTarget(folder, origin(t, "http://127.0.0.1:8080/"))
	if err != nil {
		t.Fatal(err)
	}
	l.Release()
	files, err := filepath.Glob(filepath.Join(folder, "*.lock"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %q, %v", files, err)
	}
	if err := os.WriteFile(files[0], []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err = guard.LockTarget(folder, origin(t, "http://127.0.0.1:8080/")); err != nil {
		t.Fatal(err)
	}
	l.Release()
}
