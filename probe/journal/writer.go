package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"apisonde/probe/trace"
)

// syncEvery is how often the file is made durable. It happens away from the
// sending path: one fsync can take 20 ms, and what a killed process wrote is
// safe without it.
const syncEvery = 200 * time.Millisecond

// file is what a Writer needs of an os.File.
type file interface {
	Write([]byte) (int, error)
	Sync() error
	Truncate(int64) error
	Close() error
}

// Writer appends records to a trace. Every record is one write to the file,
// with nothing buffered. The first error is final: every later call returns it.
// It is safe for concurrent use.
type Writer struct {
	f    file
	stop chan struct{}
	done chan struct{}

	mu     sync.Mutex
	line   int
	size   int64
	dirty  bool
	closed bool
	err    error
}

// Create makes a new trace, readable by its owner alone, and writes its meta
// record. The folder is made where it is missing. A file that exists is never
// touched: the error then satisfies errors.Is(err, fs.ErrExist).
func Create(path string, m trace.Meta) (*Writer, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the trace's folder cannot be made: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("the trace %s exists already: name another file: %w", path, os.ErrExist)
	}
	if err != nil {
		return nil, fmt.Errorf("the trace cannot be created: %w", err)
	}
	w, err := newWriter(f, m)
	if err != nil {
		_ = f.Close()
		_ = os.Remove(path)
		return nil, err
	}
	// The name in the folder must be as durable as the file. Folders that
	// cannot be synced do not make a run impossible.
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
	return w, nil
}

func newWriter(f file, m trace.Meta) (*Writer, error) {
	m.Started = m.Started.UTC().Round(0)
	w := &Writer{f: f, stop: make(chan struct{}), done: make(chan struct{})}
	if err := w.append(record{Type: recordMeta, Format: Format, Meta: &m}); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, fmt.Errorf("the trace cannot be made durable: %w", err)
	}
	w.dirty = false
	go w.syncing()
	return w, nil
}

// Intent records a request that is about to leave.
func (w *Writer) Intent(o trace.Observation) error {
	o = trace.Observation{Seq: o.Seq, Step: o.Step, Identity: o.Identity, Route: o.Route, Conn: o.Conn, Planned: o.Planned}
	return w.append(record{Type: recordIntent, Obs: &o})
}

// Outcome records a request that is over.
func (w *Writer) Outcome(o trace.Observation) error {
	return w.append(record{Type: recordOutcome, Obs: &o})
}

func (w *Writer) append(r record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if w.closed {
		return errors.New("the trace is closed")
	}
	r.Line = w.line + 1
	b, err := seal(r)
	if err != nil {
		return w.fail(fmt.Errorf("the trace cannot be written: %w", err))
	}
	n, err := w.f.Write(b)
	if err != nil {
		if n > 0 {
			// What was written of the line would damage the trace if anything
			// followed it. Failing to cut it off leaves a torn last line,
			// which readers drop.
			_ = w.f.Truncate(w.size)
		}
		return w.fail(fmt.Errorf("the trace cannot be written: %w", err))
	}
	w.line++
	w.size += int64(n)
	w.dirty = true
	return nil
}

// fail keeps the first error. The caller holds the lock.
func (w *Writer) fail(err error) error {
	if w.err == nil {
		w.err = err
	}
	return w.err
}

// Err is the error that ended the trace, nil while it is whole.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *Writer) syncing() {
	defer close(w.done)
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-tick.C:
			w.sync()
		}
	}
}

// sync makes what was written durable. A file that failed to sync once cannot
// be trusted to hold what a second attempt reports, so there is none.
func (w *Writer) sync() {
	w.mu.Lock()
	due := w.dirty && w.err == nil
	w.dirty = false
	w.mu.Unlock()
	if !due {
		return
	}
	if err := w.f.Sync(); err != nil {
		w.mu.Lock()
		_ = w.fail(fmt.Errorf("the trace cannot be made durable: %w", err))
		w.mu.Unlock()
	}
}

// Close writes the end record, makes the file durable and closes it. It returns
// the error that ended the trace, if one did. A second call does nothing.
func (w *Writer) Close(e trace.End) error {
	w.mu.Lock()
	closed := w.closed
	w.mu.Unlock()
	if closed {
		return w.Err()
	}
	_ = w.append(record{Type: recordEnd, End: &e})
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	close(w.stop)
	<-w.done
	w.sync()
	if err := w.f.Close(); err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.fail(fmt.Errorf("the trace cannot be closed: %w", err))
	}
	return w.Err()
}
