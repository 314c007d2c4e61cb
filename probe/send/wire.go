package send

import (
	"net"
	"sync/atomic"
	"time"
)

// wire is a connection that notes when a request leaves and when its answer
// begins. For https it wraps the TLS connection, so that tickets and other
// records of TLS itself are not taken for an answer; for HTTP/2 it reads the frames,
// so that those about the connection are not either.
type wire struct {
	net.Conn
	now     func() time.Duration
	streams *streams // nil for HTTP/1
	// roundabout is a connection through another one, where writing may have to
	// wait for others.
	roundabout bool

	// Offsets in nanoseconds; zero is "not yet". written is stamped before the
	// system call, so the server cannot have decided earlier; first after the
	// read, so it cannot have decided later.
	written, first, latest atomic.Int64
	out                    atomic.Int64          // bytes of the request that left
	informational          atomic.Int64          // 1xx responses to this request
	inLine                 atomic.Bool           // what was read ends within a line
	cut                    atomic.Bool           // reading ended within a line
	open                   atomic.Bool           // a request is under way
	lost                   atomic.Pointer[error] // why reading ended
	left                   atomic.Bool           // this end closed it
	gone                   atomic.Bool           // the server closed it, or the way there broke

	// The goroutine that reads owns head; heads tells it that a new one begins.
	heads  atomic.Int64
	headNo int64
	head   head
	length atomic.Bool // the head states the body's length
}

// begin makes ready for a request.
func (w *wire) begin() {
	for _, v := range []*atomic.Int64{&w.written, &w.first, &w.latest, &w.out, &w.informational} {
		v.Store(0)
	}
	if w.streams != nil {
		w.streams.begin()
	}
	w.inLine.Store(false)
	w.cut.Store(false)
	w.heads.Add(1)
	w.length.Store(false)
	w.open.Store(true)
}

// settle ends a request: whatever arrives now was not asked for.
func (w *wire) settle() { w.open.Store(false) }

// Write implements net.Conn.
func (w *wire) Write(p []byte) (int, error) {
	if w.streams == nil || w.streams.sent(p) {
		w.written.CompareAndSwap(0, stamp(w.now()))
	}
	n, err := w.Conn.Write(p)
	if w.written.Load() != 0 {
		w.out.Add(int64(n))
	}
	return n, err
}

// Close implements net.Conn. What this end closes tells nothing of the server;
// net/http at times closes connections that are sound.
func (w *wire) Close() error {
	w.left.Store(true)
	return w.Conn.Close()
}

// Read implements net.Conn.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if err != nil {
		w.lost.CompareAndSwap(nil, &err)
	}
	if n == 0 {
		if err != nil && w.inLine.Load() {
			w.cut.Store(true)
		}
		if err != nil && !w.left.Load() {
			w.gone.Store(true)
		}
		return n, err
	}
	if w.streams != nil {
		headers, more := w.streams.received(p[:n])
		if at := stamp(w.now()); headers {
			w.first.CompareAndSwap(0, at)
			w.latest.Store(at)
		} else if more {
			w.latest.Store(at)
		}
		return n, err
	}
	if !w.open.Load() || w.written.Load() == 0 {
		// Passing them on would make net/http print them to standard error,
		// or take them for the answer to the next request.
		return 0, errUnsolicited
	}
	at := stamp(w.now())
	w.first.CompareAndSwap(0, at)
	w.latest.Store(at)
	w.inLine.Store(p[n-1] != '\n')
	if no := w.heads.Load(); no != w.headNo {
		w.headNo, w.head = no, head{line: w.head.line[:0]}
	}
	if w.head.feed(p[:n]); w.head.length {
		w.length.Store(true)
	}
	return n, err
}

// farewell tells whether the server said that it closes the connection, as HTTP/2
// can.
func (w *wire) farewell() bool { return w.streams != nil && w.streams.away.Load() }

// refused returns the alert by which the server ended the connection after its
// handshake, nil if it did not. net/http may hold another error by then.
func (w *wire) refused() error {
	if err := w.lost.Load(); err != nil && refusedTLS(*err) {
		return *err
	}
	return nil
}

// inform counts an informational response. The answer proper is still to
// come, so what was read so far does not count as its first byte.
func (w *wire) inform() error {
	w.first.Store(0)
	if w.informational.Add(1) > maxInformational {
		return errInformation
	}
	return nil
}

// firstByte is when the answer proper began, or the last bytes before it where
// both came in one read.
func (w *wire) firstByte() time.Duration {
	if t := w.first.Load(); t != 0 {
		return time.Duration(t)
	}
	return time.Duration(w.latest.Load())
}

// stamp keeps zero free for "never".
func stamp(d time.Duration) int64 { return max(int64(d), 1) }
