package sim

import (
	"net/http"
	"time"

	"apisonde/probe/lab/limit"
	"apisonde/probe/trace"
)

// send lets the next request of b leave now.
func (s *session) send(b *burst) {
	send, p := &b.Sends[b.next], b.parties[b.next]
	index := len(s.seen)
	s.seen = append(s.seen, trace.Observation{
		Seq: index + 1, Step: b.no,
		Identity: send.Identity, Route: send.Route,
		Conn:    s.reserve(p, send.NewConn),
		Planned: s.now - b.late, Written: s.now,
	})
	s.senders = append(s.senders, p)
	s.guard.count(s.now)
	p.inflight++
	b.inflight++
	b.next++

	lost, arrives := false, true
	if s.Net.Loss > 0 && s.random.Float64() < s.Net.Loss {
		lost, arrives = true, s.random.IntN(2) == 0
		s.events.push(event{at: s.now + s.Net.Timeout, kind: closed, index: index})
	}
	if arrives {
		s.events.push(event{at: s.now + s.oneWay(s.Net.RTT/2), kind: arrive, lost: lost, index: index})
	}
}

// oneWay is the time a message takes whose least is base.
func (s *session) oneWay(base time.Duration) time.Duration {
	if extra := s.Net.Jitter / 2; extra > 0 {
		return base + time.Duration(s.random.Int64N(int64(extra)+1))
	}
	return base
}

// handle lets e happen while b is in progress.
func (s *session) handle(e event, b *burst) {
	s.now = max(s.now, e.at)
	switch e.kind {
	case release:
		s.server.release(e.at, e.index)
	case arrive:
		s.arrive(e)
	case closed:
		s.close(e, b)
	}
}

// arrive lets the server decide and sends its answer on the way back.
func (s *session) arrive(e event) {
	o := &s.seen[e.index]
	d := s.server.decide(e.at, e.index, o)
	if d.Admit && s.Net.Spurious > 0 && s.random.Float64() < s.Net.Spurious {
		d.Status = http.StatusInternalServerError
	}
	answered := e.at + d.Delay
	if d.Holds() {
		s.events.push(event{at: answered, kind: release, index: e.index})
	}
	if e.lost {
		return
	}
	o.Status, o.Headers, o.Body = d.Status, s.server.headers(answered, d.Headers), body(d.Status)
	o.FirstByte = answered + s.oneWay(s.Net.RTT-s.Net.RTT/2)
	o.Done = o.FirstByte
	s.events.push(event{at: o.Done, kind: closed, index: e.index})
}

// close reports a request of b to the decider.
func (s *session) close(e event, b *burst) {
	o := &s.seen[e.index]
	if o.Done == 0 {
		o.Fault = trace.FaultTimeout
	}
	p := s.senders[e.index]
	p.free(o.Conn, o.Fault != trace.FaultNone)
	p.inflight--
	b.inflight--
	outcome := s.decider.Observe(*o)
	switch late := b.Late > 0 && o.FirstByte-o.Written > b.Late; {
	case outcome == trace.Limited, outcome == trace.Admitted && late:
		b.limited++
	case outcome == trace.Admitted:
		b.admitted++
	}
	if outcome == trace.Limited || o.Status == http.StatusTooManyRequests {
		p.rejected++ // a 429 is a rejection whatever it counts as
	}
}

// server is the far end: the limiters, and what an HTTP server adds to them.
type server struct {
	stack  *limit.Stack
	origin time.Time // the server's clock at offset zero
	held   map[int]limit.Decision
	change *Change // to come; nil: none
	crowd  *crowd  // nil: nobody else calls

	second int64 // that date was written for
	date   trace.Text
}

func newServer(stack *limit.Stack, origin time.Time) *server {
	return &server{stack: stack, origin: origin, held: map[int]limit.Decision{}}
}

// decide charges the limiters for o, which arrives at.
func (s *server) decide(at time.Duration, index int, o *trace.Observation) limit.Decision {
	s.until(at)
	d := s.stack.Decide(s.origin.Add(at), asks(o.Identity, o.Route, o.Conn))
	if d.Holds() {
		s.held[index] = d
	}
	return d
}

// asks is a request as limiters see it.
func asks(id trace.Identity, route string, conn int) limit.Request {
	user := id.User
	if user == "" {
		user = id.Owner
	}
	return limit.Request{
		IP: id.Vantage, Key: id.Key, User: user, Forwarded: id.Forwarded,
		Route: route, Conn: conn,
	}
}

// until lets happen what others do, and what is done to the server, up to at.
func (s *server) until(at time.Duration) {
	if c := s.change; c != nil && c.At <= at {
		if s.crowd != nil {
			s.crowd.until(c.At, s)
		}
		s.stack, s.change = c.Stack, nil
	}
	if s.crowd != nil {
		s.crowd.until(at, s)
	}
}

func (s *server) release(at time.Duration, index int) {
	s.until(at)
	s.held[index].Release()
	delete(s.held, index)
}

// headers are a limiter's headers as a client keeps them, below a Date. Both
// are text of our own, so they need no cleaning.
func (s *server) headers(at time.Duration, hs [][2]string) []trace.Header {
	when := s.origin.Add(at)
	if second := when.Unix(); second != s.second || s.date == "" {
		s.second, s.date = second, trace.Text(when.UTC().Format(http.TimeFormat))
	}
	out := make([]trace.Header, 1, len(hs)+1)
	out[0] = trace.Header{Name: "Date", Value: s.date}
	for _, h := range hs {
		out = append(out, trace.Header{Name: trace.Text(h[0]), Value: trace.Text(h[1])})
	}
	return out
}

// body is what the server says beside the status.
func body(status int) trace.Body {
	text := http.StatusText(status)
	b := trace.Body{Bytes: int64(len(text)) + 1} // a line
	if status < 200 || status > 299 {
		b.Text = trace.Text(text) // of our own
	}
	return b
}
