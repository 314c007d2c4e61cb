package send

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
)

// The kinds of HTTP/2 frame that tell something here (RFC 9113, section 6).
const (
	frameData     = 0x0
	frameHeaders  = 0x1
	frameReset    = 0x3
	frameSettings = 0x4
	frameGoAway   = 0x7
)

// frame is the beginning of an HTTP/2 frame.
type frame struct {
	kind   byte
	stream uint32
	info   []byte // of the payload, as much as scanner.info keeps
}

// scanner finds the frames in the bytes of one direction of a connection, however
// they are cut.
type scanner struct {
	rest int    // bytes still to pass: of the preface, or of a payload
	head []byte // of the frame that is coming in
	cur  frame
	want int // bytes of cur's payload still to keep
}

const headLength = 9

// info is how much of the payload of frames that end something is kept: the code
// of a reset is in its first four bytes, that of a farewell in the second four.
func info(kind byte) int {
	switch kind {
	case frameReset:
		return 4
	case frameGoAway:
		return 8
	}
	return 0
}

// scan calls see for every frame, as soon as what is to be known of it came.
func (s *scanner) scan(p []byte, see func(frame)) {
	for len(p) > 0 {
		if s.rest > 0 {
			n := min(s.rest, len(p))
			if s.want > 0 {
				k := min(s.want, n)
				s.cur.info = append(s.cur.info, p[:k]...)
				if s.want -= k; s.want == 0 {
					see(s.cur)
				}
			}
			s.rest -= n
			p = p[n:]
			continue
		}
		n := min(headLength-len(s.head), len(p))
		s.head = append(s.head, p[:n]...)
		p = p[n:]
		if len(s.head) < headLength {
			return
		}
		s.rest = int(s.head[0])<<16 | int(s.head[1])<<8 | int(s.head[2])
		s.cur = frame{kind: s.head[3], stream: binary.BigEndian.Uint32(s.head[5:]) & (1<<31 - 1)}
		s.head = s.head[:0]
		if s.want = min(info(s.cur.kind), s.rest); s.want == 0 {
			see(s.cur)
		}
	}
}

// streams follows an HTTP/2 connection, of which a wire sees the bytes: which stream
// is the request's, and how the server ended it or the connection.
type streams struct {
	mu      sync.Mutex // of out, whose writers may change
	out, in scanner

	current atomic.Uint32 // stream of the request, 0 before it has one
	told    atomic.Bool   // the server's first frame came
	alien   atomic.Bool   // what answers speaks something else
	code    atomic.Int64  // of the reset of the current stream, or of the farewell; -1: none
	away    atomic.Bool   // the server said farewell to the connection
}

// prefaceLength is that of what a client sends before its first frame.
const prefaceLength = 24

func newStreams() *streams {
	s := &streams{out: scanner{rest: prefaceLength}}
	s.code.Store(-1)
	return s
}

// sent takes in what is about to be written, and tells whether a request begins in
// it.
func (s *streams) sent(p []byte) (begins bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.scan(p, func(f frame) {
		if f.kind == frameHeaders && s.current.CompareAndSwap(0, f.stream) {
			begins = true
		}
	})
	return begins
}

// received takes in what was read, and tells whether an answer to the request
// begins, or goes on, in it. One goroutine reads.
func (s *streams) received(p []byte) (headers, more bool) {
	s.in.scan(p, func(f frame) {
		if !s.told.Swap(true) && f.kind != frameSettings {
			s.alien.Store(true)
		}
		ours := f.stream != 0 && f.stream == s.current.Load()
		switch {
		case f.kind == frameHeaders && ours:
			headers = true
		case f.kind == frameData && ours:
			more = true
		case f.kind == frameReset && ours && len(f.info) == 4:
			s.code.Store(int64(binary.BigEndian.Uint32(f.info)))
		case f.kind == frameGoAway && len(f.info) == 8:
			s.away.Store(true)
			s.code.CompareAndSwap(-1, int64(binary.BigEndian.Uint32(f.info[4:])))
		}
	})
	return headers, more
}

// begin makes ready for a request.
func (s *streams) begin() {
	s.current.Store(0)
	s.code.Store(-1)
}

// codes are the names of HTTP/2's error codes (RFC 9113, section 7).
var codes = [...]string{
	"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
	"REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
}

// ending names how the server ended the request, "" if it did not by itself.
func (s *streams) ending() string {
	switch c := s.code.Load(); {
	case c < 0:
		return ""
	case c < int64(len(codes)):
		return codes[c]
	}
	return "an unknown code"
}
