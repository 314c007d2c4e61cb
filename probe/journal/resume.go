package journal

import (
	"errors"
	"fmt"
	"os"

	"github.com/gofrs/flock"

	"apisonde/probe/trace"
)

// Part is a trace that is about to be resumed: read, and held so that no other
// process can resume it at the same time.
type Part struct {
	Trace trace.Trace
	path  string
	lines int
	size  int64
	glue  bool
	lock  *flock.Flock
}

// Reopen reads the trace in a file and holds it for Resume; Release lets go of
// it. Nothing is changed.
func Reopen(path string) (*Part, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("the trace cannot be opened: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("the trace %s is not a plain file", path)
	}
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	switch held, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("the trace cannot be locked: %w", err)
	case !held:
		_ = lock.Close()
		return nil, fmt.Errorf("the trace %s is being written by another run: wait until that has ended", path)
	}
	got, err := fold(f)
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Part{Trace: got.t, path: path, lines: got.lines, size: got.size, glue: got.glue, lock: lock}, nil
}

// Release lets go of a trace that is not resumed after all.
func (p *Part) Release() { _ = p.lock.Close() }

// Resume cuts off a torn last line and begins a further part of the trace, which
// it then is the one to write. The part is used up, whatever comes of it.
func (p *Part) Resume(r trace.Resumption) (*Writer, error) {
	r.Started = r.Started.UTC().Round(0)
	f, err := os.OpenFile(p.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		p.Release()
		return nil, fmt.Errorf("the trace cannot be opened: %w", err)
	}
	w := newWriter(f)
	w.lock, w.line, w.size = p.lock, p.lines, p.size
	if err := errors.Join(w.name(p.path, f), p.trim(f)); err != nil {
		w.drop()
		return nil, err
	}
	if p.glue {
		w.size++
	}
	if err := w.begin(record{Type: recordResume, Resume: &r}); err != nil {
		w.drop()
		return nil, err
	}
	return w, nil
}

// trim makes the file end after its last whole record.
func (p *Part) trim(f *os.File) error {
	if err := f.Truncate(p.size); err != nil {
		return fmt.Errorf("the torn end of the trace cannot be cut off: %w", err)
	}
	if !p.glue {
		return nil
	}
	if _, err := f.WriteString("\n"); err != nil {
		return fmt.Errorf("the trace cannot be written: %w", err)
	}
	return nil
}
