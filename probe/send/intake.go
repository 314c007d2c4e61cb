package send

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"apisonde/probe/trace"
)

// reply is what came of one request.
type reply struct {
	o        trace.Observation // FirstByte, Done, Status, Headers, Body and Egress
	reuse    bool              // the connection can carry another request
	err      error             // why there is no whole response
	panicked any
}

// intake takes in the responses of one connection.
type intake struct {
	s   *Sender
	w   *wire
	buf []byte
}

// take reads a response to its end, or its bound.
func (in *intake) take(resp *http.Response, r *reply) {
	s := in.s
	r.o.FirstByte = in.w.firstByte()
	if r.o.FirstByte == 0 {
		// An answer without a byte read since the request left was lying in
		// the buffer: surplus of the answer before, not ours.
		r.err = errUnsolicited
		return
	}
	if resp.StatusCode < 200 || resp.StatusCode > 999 {
		// 101 hands the connection over to a protocol that nobody asked for;
		// net/http lets 000 pass.
		r.err = errStatus
		return
	}
	r.o.Status = resp.StatusCode
	s.dialer.answered.Store(true)
	r.o.Headers = s.keeper.headers(resp.Header)
	if d, ok := keepAlive(resp.Header.Get("Keep-Alive")); ok {
		s.keepsFor(d)
	}
	start, whole, err := in.drain(resp, &r.o.Body)
	in.w.settle()
	if s.cfg.Egress && resp.StatusCode == http.StatusOK {
		r.o.Egress = seenFrom(start)
	}
	if r.err = err; err != nil {
		return
	}
	r.o.Done = s.cfg.Now()
	ambiguous := len(resp.TransferEncoding) > 0 && in.w.length.Load()
	r.reuse = whole && !ambiguous
}

// keepAlive reads how long a server keeps an idle connection.
func keepAlive(header string) (time.Duration, bool) {
	for p := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if n, err := strconv.Atoi(value); err == nil && strings.EqualFold(name, "timeout") && n >= 0 && n <= 86400 {
			return time.Duration(n) * time.Second, true
		}
	}
	return 0, false
}

// drain reads the body to its end or its bound, and returns its beginning beside
// what is kept of it. whole is false where the bound came first.
func (in *intake) drain(resp *http.Response, b *trace.Body) (start []byte, whole bool, err error) {
	if in.buf == nil {
		in.buf = make([]byte, 16<<10)
	}
	var sum hash.Hash
	for b.Bytes < maxBody {
		n, e := resp.Body.Read(in.buf)
		chunk := in.buf[:n]
		if sum == nil && n > 0 {
			sum = sha256.New()
		}
		if room := digested - b.Bytes; room > 0 && n > 0 {
			sum.Write(chunk[:min(int64(n), room)])
		}
		if room := textSource - len(start); room > 0 {
			start = append(start, chunk[:min(n, room)]...)
		}
		b.Bytes += int64(n)
		if errors.Is(e, io.EOF) {
			whole = true
			break
		}
		if e != nil {
			err = e
			break
		}
	}
	if sum != nil {
		b.Digest = hex.EncodeToString(sum.Sum(nil)[:8])
	}
	// An encoding was not asked for and is not undone: a bomb stays small, and
	// what is kept of the headers says that there is no text.
	if resp.Header.Get("Content-Encoding") == "" && (resp.StatusCode/100 != 2 || in.s.cfg.KeepBodies || complains(start)) {
		b.Text = in.s.keeper.text(start)
	}
	return start, whole, err
}
