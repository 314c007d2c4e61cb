package guard

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// ErrBusy is wrapped by the error for a target that another run is probing.
var ErrBusy = errors.New("another run is probing it")

// Lock keeps other runs of this user away from one target.
type Lock struct{ file *flock.Flock }

// LockTarget takes the lock of a target's scheme, host and port in a folder,
// which is made where it is missing. The system lets go of it when the process
// ends, however it ends, so the file that a crash leaves is no obstacle. The
// error wraps ErrBusy where another process holds it, and names that.
func LockTarget(folder string, target *url.URL) (*Lock, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("the folder for locks cannot be made: %w", err)
	}
	origin := originOf(target)
	path := filepath.Join(folder, fileName(origin)+".lock")
	l := flock.New(path, flock.SetPermissions(0o600))
	held, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("%s cannot be locked against a second run: %w", origin, err)
	}
	if !held {
		_ = l.Close()
		return nil, fmt.Errorf("%s: %w%s: one run at a time, for each would take the other's requests for the limiter's doing; wait for it or end it", origin, ErrBusy, holder(path))
	}
	if err := os.WriteFile(path, fmt.Appendln(nil, os.Getpid()), 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("%s cannot be locked against a second run: %w", origin, err)
	}
	return &Lock{l}, nil
}

// Release lets other runs have the target. The file stays: removing it would
// take it from under a run that is just locking it.
func (l *Lock) Release() { _ = l.file.Close() }

// holder names the process that a lock file speaks of, as " (process 123)".
func holder(path string) string {
	b, err := os.ReadFile(path)
	pid, bad := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || bad != nil || pid <= 0 {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}

// originOf is scheme, host and port, the port always written.
func originOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	return u.Scheme + "://" + net.JoinHostPort(host, port)
}

// fileName makes a file's name of an origin: what is not plain becomes its
// code, so that two origins never share one.
func fileName(origin string) string {
	var b strings.Builder
	for _, c := range []byte(origin) {
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '-' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	return b.String()
}
