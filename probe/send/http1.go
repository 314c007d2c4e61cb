package send

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// linger is how long the answer to a request that could not be written, or the rest
// of one that was answered already, may take.
const linger = 50 * time.Millisecond

// errTooLong is a head that is longer than maxHeaderBytes.
var errTooLong = errors.New("the answer's head is too long")

// atOnce is the longest request that is written where it is sent from: it finds
// room in any socket, so that nobody waits for the server to read.
const atOnce = 8 << 10

// h1 speaks HTTP/1.1. With net/http a request is written by the second of three
// goroutines that are woken for it, and a burst is as wide as that takes; here the
// one that sends writes. Another one reads, also while nothing is asked: so the
// end of an idle connection is noticed.
type h1 struct {
	intake
	in      limited
	br      *bufio.Reader
	asked   *http.Request // what the answers answer, as far as reading them depends on it
	replies chan reply    // closed when reading has ended
	over    atomic.Bool   // the same
	end     error         // why, set before it is closed
	writing sync.Mutex    // held while a request is written elsewhere
}

// newH1 begins to read.
func newH1(s *Sender, w *wire) *h1 {
	h := &h1{
		intake: intake{s: s, w: w}, in: limited{r: w},
		asked: &http.Request{Method: s.cfg.Request.Method}, replies: make(chan reply, 1),
	}
	h.br = bufio.NewReader(&h.in)
	go h.listen()
	return h
}

func (h *h1) reserve() bool       { return h.alive() }
func (h *h1) release()            {}
func (h *h1) alive() bool         { return !h.over.Load() }
func (h *h1) close()              {}
func (h *h1) reply() <-chan reply { return h.replies }
func (h *h1) ending() error       { return h.end }

// ask writes a request. On a connection that has ended already it does not.
func (h *h1) ask(p *prepared) {
	h.w.begin()
	switch {
	case h.over.Load():
	case len(p.raw) <= atOnce && !h.w.roundabout:
		h.write(p.raw)
	default:
		h.writing.Lock()
		go func() {
			defer h.writing.Unlock()
			h.write(p.raw)
		}()
	}
}

// write leaves it to the reader to say why a request could not be written, after
// what the server had said before.
func (h *h1) write(raw []byte) {
	if _, err := h.w.Write(raw); err != nil {
		time.AfterFunc(linger, func() { _ = h.w.Close() })
	}
}

// written tells whether the request is out: an answer may come before that.
func (h *h1) written() bool {
	if h.writing.TryLock() {
		h.writing.Unlock()
		return true
	}
	t := time.AfterFunc(linger, func() { _ = h.w.Close() })
	h.writing.Lock()
	defer h.writing.Unlock()
	return t.Stop()
}

// listen reads answers until the connection ends.
func (h *h1) listen() {
	defer close(h.replies)
	defer h.over.Store(true)
	defer func() {
		if p := recover(); p != nil {
			h.replies <- reply{panicked: p}
		}
	}()
	for {
		h.in.left = maxHeaderBytes
		if _, h.end = h.br.Peek(1); h.end != nil {
			return
		}
		var r reply
		resp, err := h.answer()
		if r.err = err; err == nil {
			h.take(resp, &r)
		}
		// What lies behind an answer was not asked for.
		if r.reuse = r.reuse && !resp.Close && h.br.Buffered() == 0 && h.written(); !r.reuse {
			h.end = net.ErrClosed
			h.over.Store(true)
			h.replies <- r
			return
		}
		h.replies <- r
	}
}

// answer reads the head of an answer, and informational ones before it.
func (h *h1) answer() (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(h.br, h.asked)
		if err != nil || resp.StatusCode == http.StatusSwitchingProtocols || resp.StatusCode/100 != 1 {
			h.in.left = -1
			return resp, err
		}
		if err := h.w.inform(); err != nil {
			return nil, err
		}
		h.in.left = maxHeaderBytes
	}
}

// limited reads so many bytes and no more; where left is negative, any number.
type limited struct {
	r    io.Reader
	left int
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return l.r.Read(p)
	}
	if l.left == 0 {
		return 0, errTooLong
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
