package send

import (
	"context"
	"errors"
	"time"

	"apisonde/probe/trace"
)

// speaker is a version of HTTP on a wire.
type speaker interface {
	// ask sends a request without waiting for the server. One reply follows,
	// unless reading has ended, for the reason that ending then gives, and the
	// channel is closed.
	ask(*prepared)
	reply() <-chan reply
	ending() error

	// As the methods of http.ClientConn.
	reserve() bool
	release()
	alive() bool
	close()
}

// line is one connection of one identity. It implements probe.Line.
type line struct {
	s      *Sender
	id     trace.Identity
	n      int
	w      *wire
	speaks speaker
	usedAt time.Duration // when it last became idle
	rest   time.Duration // how long it had been idle when it was reserved
	uses   int
	once   bool // for one request alone
	timer  *time.Timer

	// Of the request under way.
	ctx     context.Context
	route   string
	request *prepared // of route; nil where it cannot be made
}

// dial connects the line and reserves it.
func (l *line) dial(ctx context.Context) trace.Fault {
	v := l.s.cfg.Vantages[l.id.Vantage]
	nc, fault := l.s.dialer.dial(ctx, v)
	if fault != trace.FaultNone {
		return fault
	}
	w := &wire{Conn: nc, now: l.s.cfg.Now, roundabout: v.Proxy != nil && v.Proxy.jump != nil}
	speaks, err := l.speak(ctx, w)
	if err != nil || !speaks.reserve() {
		_ = nc.Close()
		if ctx.Err() != nil {
			return trace.FaultCancelled
		}
		if err := l.s.dialer.turnedAway(w); err != nil {
			l.s.dialer.note(err)
			return trace.FaultTLS
		}
		return trace.FaultConnect
	}
	l.w, l.speaks, l.uses = w, speaks, 0
	l.n = int(l.s.conns.Add(1))
	return trace.FaultNone
}

func (l *line) speak(ctx context.Context, w *wire) (speaker, error) {
	if !l.s.cfg.HTTP2 {
		return newH1(l.s, w), nil
	}
	w.streams = newStreams()
	return newH2(ctx, l.s, w)
}

// Conn implements probe.Line.
func (l *line) Conn() int { return l.n }

// Alive implements probe.Line.
func (l *line) Alive() bool { return l.speaks.alive() }

// Release implements probe.Line.
func (l *line) Release() {
	if !l.Alive() {
		l.drop()
		return
	}
	l.speaks.release()
	l.s.push(l)
}

func (l *line) drop() {
	l.speaks.close()
	_ = l.w.Close()
}

// Send implements probe.Line.
func (l *line) Send(ctx context.Context, route string) {
	if l.request == nil || l.route != route {
		l.request, _ = l.s.request(l.id, route)
	}
	l.ctx, l.route = ctx, route
	if l.request != nil {
		l.speaks.ask(l.request)
	}
}

// Receive implements probe.Line.
func (l *line) Receive() trace.Observation {
	if l.request == nil {
		l.Release()
		return trace.Observation{Conn: l.n, Fault: trace.FaultLocal}
	}
	if l.timer == nil {
		l.timer = time.NewTimer(l.s.cfg.RequestTimeout)
	}
	l.timer.Reset(l.s.cfg.RequestTimeout)
	defer l.timer.Stop()
	r, over := l.await()
	if r.err != nil && l.w.out.Load() == 0 && over == nil && l.uses > 0 {
		// The server had closed the idle connection and not one byte left, so
		// this is still the first time that the request is sent.
		l.drop()
		if !l.w.farewell() && l.w.gone.Load() {
			l.s.unannounced(l.rest, 1)
		}
		if fault := l.dial(l.ctx); fault != trace.FaultNone {
			return trace.Observation{Conn: l.n, Fault: fault}
		}
		l.speaks.ask(l.request)
		r, over = l.await()
	}
	l.uses++
	return l.finish(r, over)
}

// await waits for the reply. over is why this end gave up, nil if it did not.
func (l *line) await() (r reply, over error) {
	ok := true
	select {
	case r, ok = <-l.speaks.reply():
	case <-l.ctx.Done():
		over = l.ctx.Err()
	case <-l.timer.C:
		over = context.DeadlineExceeded
	}
	if over != nil {
		_ = l.w.Close()
		r, ok = <-l.speaks.reply()
		r.reuse = false
	}
	if !ok {
		r.err = l.speaks.ending()
	}
	return r, over
}

// finish ends a request: it says what came of it, and what becomes of the connection.
func (l *line) finish(r reply, over error) trace.Observation {
	if r.panicked != nil {
		l.drop()
		panic(r.panicked)
	}
	o := r.o
	o.Conn = l.n
	if r.err == nil || l.w.out.Load() > 0 {
		// The goroutine that writes may not have come round to counting yet when
		// the answer is here. After an error it has ended.
		o.Written = time.Duration(l.w.written.Load())
	}
	if r.err == nil {
		if r.reuse {
			l.s.push(l)
		} else {
			l.drop()
		}
		return o
	}
	if o.FirstByte == 0 {
		o.FirstByte = l.w.firstByte()
	}
	o.Fault = l.fault(over, r.err, o.FirstByte != 0)
	l.drop()
	if o.Fault == trace.FaultReset && o.FirstByte == 0 && l.uses > 1 {
		l.s.unannounced(l.rest, 2)
	}
	return o
}

// fault names why there is no whole response, and keeps in words what its name
// does not say.
func (l *line) fault(over, err error, heard bool) trace.Fault {
	fault := wireFault(over, err, heard, l.w.cut.Load())
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
