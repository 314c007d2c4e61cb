package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

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

// Writer appends records to a trace. Every call is one write to the file, with
// nothing buffered. The first error is final: every later call returns it.
// It is safe for concurrent use.
type Writer struct {
	f    file
	path string      // "" where f has none
	info os.FileInfo // of f, which path must go on naming
	back *os.File    // for reading what was written; nil after Trace
	lock *flock.Flock
	stop chan struct{}
	done chan struct{}

	mu     sync.Mutex
	buf    []byte // of one write
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
	w := newWriter(f)
	if err = w.name(path, f); err == nil {
		// Not every file system knows locks. Where one does not, only resuming
		// a trace that is still being written goes unnoticed.
		w.lock = flock.New(path, flock.SetFlag(os.O_RDONLY))
		_, _ = w.lock.TryLock()
		err = w.begin(record{Type: recordMeta, Format: Format, Meta: utc(m)})
	}
	if err != nil {
		w.drop()
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

func utc(m trace.Meta) *trace.Meta {
	m.Started = m.Started.UTC().Round(0)
	return &m
}

func newWriter(f file) *Writer {
	return &Writer{f: f, stop: make(chan struct{}), done: make(chan struct{})}
}

// name ties the Writer to the file's name and opens it for reading.
func (w *Writer) name(path string, f *os.File) error {
	info, err := f.Stat()
	if err == nil {
		w.back, err = os.Open(path)
	}
	if err != nil {
		return fmt.Errorf("the trace cannot be opened: %w", err)
	}
	w.path, w.info = path, info
	return nil
}

// begin writes the first record of a part and makes it durable.
func (w *Writer) begin(r record) error {
	if err := w.append(r); err != nil {
		return err
	}
	if err := w.f.Sync(); err != nil {
		return fmt.Errorf("the trace cannot be made durable: %w", err)
	}
	w.dirty = false
	go w.syncing()
	return nil
}

// drop closes what was opened, before anything of it was used.
func (w *Writer) drop() {
	_ = w.f.Close()
	if w.back != nil {
		_ = w.back.Close()
	}
	w.unlock()
}

func (w *Writer) unlock() {
	if w.lock != nil {
		_ = w.lock.Close()
	}
}

// Lease records, durably, that the requests numbered up to upto may leave.
func (w *Writer) Lease(upto int) error {
	if err := w.append(record{Type: recordLease, Lease: &lease{upto}}); err != nil {
		return err
	}
	if err := w.f.Sync(); err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.fail(fmt.Errorf("the trace cannot be made durable: %w", err))
	}
	return nil
}

// Intent records requests that are about to leave. It fails where the file was
// deleted, moved or replaced: nothing is sent whose record nobody would find.
func (w *Writer) Intent(sent ...trace.Observation) error {
	if err := w.there(); err != nil {
		return err
	}
	records := make([]record, len(sent))
	for i, o := range sent {
		records[i] = record{Type: recordIntent, Obs: &trace.Observation{
			Seq: o.Seq, Step: o.Step, Identity: o.Identity, Route: o.Route, Conn: o.Conn, Planned: o.Planned,
		}}
	}
	return w.append(records...)
}

// Outcome records a request that is over.
func (w *Writer) Outcome(o trace.Observation) error {
	return w.append(record{Type: recordOutcome, Obs: &o})
}

// there tells whether the name of the trace still leads to it.
func (w *Writer) there() error {
	if w.path == "" {
		return nil
	}
	info, err := os.Lstat(w.path)
	if err == nil && os.SameFile(info, w.info) {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fail(fmt.Errorf("the trace %s was deleted, moved or replaced during the run", w.path))
}

func (w *Writer) append(records ...record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if w.closed {
		return errors.New("the trace is closed")
	}
	b := w.buf[:0]
	for i, r := range records {
		r.Line = w.line + 1 + i
		var err error
		if b, err = seal(b, r); err != nil {
			return w.fail(fmt.Errorf("the trace cannot be written: %w", err))
		}
	}
	w.buf = b
	n, err := w.f.Write(b)
	if err != nil {
		if n > 0 {
			// What was written would damage the trace if anything followed it.
			// Failing to cut it off leaves a torn last line, which readers drop.
			_ = w.f.Truncate(w.size)
		}
		return w.fail(fmt.Errorf("the trace cannot be written: %w", err))
	}
	w.line += len(records)
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
	e.Ended = e.Ended.UTC().Round(0)
	_ = w.append(record{Type: recordEnd, End: &e})
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	close(w.stop)
	<-w.done
	w.sync()
	w.unlock()
	if err := w.f.Close(); err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.fail(fmt.Errorf("the trace cannot be closed: %w", err))
	}
	return w.Err()
}

// Trace reads back what was recorded, after Close, and lets go of the file. It
// works where the file was deleted meanwhile, too.
func (w *Writer) Trace() (trace.Trace, error) {
	if w.back == nil {
		return trace.Trace{}, errors.New("the trace was read back already")
	}
	defer func() { w.back = nil }()
	defer w.back.Close()
	return Read(w.back)
}
