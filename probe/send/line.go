package send

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"apisonde/probe/trace"
)

// line is one connection of one identity. It implements probe.Line.
type line struct {
	s      *Sender
	id     trace.Identity
	n      int
	w      *wire
	cc     *http.ClientConn
	trace  *httptrace.ClientTrace
	usedAt time.Duration // when it last became idle
	rest   time.Duration // how long it had been idle when it was reserved
	uses   int
	buf    []byte
}

// dial connects the line and reserves it.
func (l *line) dial(ctx context.Context) trace.Fault {
	nc, fault := l.s.dialer.dial(ctx, l.s.cfg.Vantages[l.id.Vantage])
	if fault != trace.FaultNone {
		return fault
	}
	w := &wire{Conn: nc, now: l.s.cfg.Now}
	if l.s.cfg.HTTP2 {
		w.streams = newStreams()
	}
	d := l.s.dialer
	// The address only satisfies the signature: the connection is the one
	// handed over.
	cc, err := l.s.transport.NewClientConn(context.WithValue(ctx, wireKey{}, w), d.scheme, net.JoinHostPort(d.host, strconv.Itoa(int(d.port))))
	if err != nil || cc.Reserve() != nil {
		_ = nc.Close()
		if ctx.Err() != nil {
			return trace.FaultCancelled
		}
		if err := d.turnedAway(w); err != nil {
			d.note(err)
			return trace.FaultTLS
		}
		return trace.FaultConnect
	}
	l.w, l.cc, l.trace, l.uses = w, cc, hooks(w), 0
	l.n = int(l.s.conns.Add(1))
	return trace.FaultNone
}

// hooks counts informational responses on a wire.
func hooks(w *wire) *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		Got1xxResponse: func(int, textproto.MIMEHeader) error { return w.inform() },
	}
}

// Conn implements probe.Line.
func (l *line) Conn() int { return l.n }

// Alive implements probe.Line.
func (l *line) Alive() bool { return l.cc.Err() == nil }

// Release implements probe.Line.
func (l *line) Release() {
	if !l.Alive() {
		l.drop()
		return
	}
	l.cc.Release()
	l.s.push(l)
}

func (l *line) drop() {
	_ = l.cc.Close()
	_ = l.w.Close()
}

// Do implements probe.Line.
func (l *line) Do(ctx context.Context, route string) (o trace.Observation) {
	req, err := l.s.request(l.id, route)
	if err != nil {
		l.Release()
		return trace.Observation{Conn: l.n, Fault: trace.FaultLocal}
	}
	ctx, cancel := context.WithTimeout(ctx, l.s.cfg.RequestTimeout)
	defer cancel()
	resp, err := l.roundTrip(ctx, req)
	if err != nil && l.w.out.Load() == 0 && ctx.Err() == nil && l.uses > 0 {
		// The server had closed the idle connection and not one byte left, so
		// this is still the first time that the request is sent.
		l.drop()
		if !l.w.farewell() && l.w.gone.Load() {
			l.s.unannounced(l.rest, 1)
		}
		if fault := l.dial(ctx); fault != trace.FaultNone {
			return trace.Observation{Conn: l.n, Fault: fault}
		}
		resp, err = l.roundTrip(ctx, req)
	}
	l.uses++
	o.Conn = l.n
	if err == nil || l.w.out.Load() > 0 {
		// The writing goroutine may not have come round to counting yet when
		// the answer is here. After an error it has ended.
		o.Written = time.Duration(l.w.written.Load())
	}
	if err != nil {
		o.FirstByte = l.w.firstByte()
		o.Fault = l.fault(ctx, err, o.FirstByte != 0)
		l.drop()
		if o.Fault == trace.FaultReset && o.FirstByte == 0 && l.uses > 1 {
			l.s.unannounced(l.rest, 2)
		}
		return o
	}
	l.read(ctx, resp, &o)
	return o
}

// fault names why there is no whole response, and keeps in words what its name
// does not say.
func (l *line) fault(ctx context.Context, err error, heard bool) trace.Fault {
	fault := wireFault(ctx, err, heard, l.w.cut.Load())
	if fault == trace.FaultReset && !heard && l.uses == 1 {
		if away := l.s.dialer.turnedAway(l.w); away != nil {
			fault, err = trace.FaultTLS, away
		}
	}
	if f := l.w.streams.fault(); f != trace.FaultNone && fault != trace.FaultCancelled && fault != trace.FaultTimeout {
		fault = f
	}
	switch fault {
	case trace.FaultTLS:
		l.s.dialer.note(err)
	case trace.FaultStream:
		l.s.dialer.note(errors.New("the server ended the HTTP/2 stream or connection: " + l.w.streams.ending()))
	}
	return fault
}

func (l *line) roundTrip(ctx context.Context, tmpl *http.Request) (*http.Response, error) {
	req := tmpl.WithContext(httptrace.WithClientTrace(ctx, l.trace))
	if body := l.s.cfg.Request.Body; len(body) > 0 {
		req.Body = io.NopCloser(bytes.NewReader(body))
		req.ContentLength = int64(len(body))
	}
	l.w.begin()
	resp, err := l.cc.RoundTrip(req)
	if err == nil && l.w.firstByte() == 0 {
		// An answer without a byte read since the request left was lying in
		// the buffer: surplus of the answer before, not ours.
		err = errUnsolicited
	}
	return resp, err
}

// read takes in the response and decides what becomes of the connection.
func (l *line) read(ctx context.Context, resp *http.Response, o *trace.Observation) {
	o.FirstByte = l.w.firstByte()
	if resp.StatusCode < 200 || resp.StatusCode > 999 {
		// 101 hands the connection over to a protocol that nobody asked for;
		// net/http lets 000 pass.
		o.Fault = trace.FaultMalformed
		l.drop()
		return
	}
	o.Status = resp.StatusCode
	l.s.dialer.answered.Store(true)
	o.Headers = l.s.keeper.headers(resp.Header)
	if d, ok := keepAlive(resp.Header.Get("Keep-Alive")); ok {
		l.s.keepsFor(d)
	}
	body, start, whole, err := l.drain(resp)
	l.w.settle()
	o.Body = body
	if l.s.cfg.Egress && resp.StatusCode == http.StatusOK {
		o.Egress = seenFrom(start)
	}
	if err != nil {
		o.Fault = l.fault(ctx, err, true)
		l.drop()
		return
	}
	o.Done = l.s.cfg.Now()
	ambiguous := len(resp.TransferEncoding) > 0 && l.w.length.Load()
	if !whole || resp.Close || ambiguous || l.cc.Err() != nil {
		l.drop()
		return
	}
	l.s.push(l)
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
func (l *line) drain(resp *http.Response) (b trace.Body, start []byte, whole bool, err error) {
	if l.buf == nil {
		l.buf = make([]byte, 16<<10)
	}
	var sum hash.Hash
	for b.Bytes < maxBody {
		n, e := resp.Body.Read(l.buf)
		chunk := l.buf[:n]
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
	_ = resp.Body.Close()
	if sum != nil {
		b.Digest = hex.EncodeToString(sum.Sum(nil)[:8])
	}
	// An encoding was not asked for and is not undone: a bomb stays small, and
	// what is kept of the headers says that there is no text.
	if resp.Header.Get("Content-Encoding") == "" && (resp.StatusCode/100 != 2 || l.s.cfg.KeepBodies || complains(start)) {
		b.Text = l.s.keeper.text(start)
	}
	return b, start, whole, err
}
