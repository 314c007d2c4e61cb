package send

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
)

// h2 speaks HTTP/2, by a connection of http.Transport.NewClientConn, which,
// unlike a pooled Transport, never sends a request twice.
type h2 struct {
	intake
	cc      *http.ClientConn
	trace   *httptrace.ClientTrace
	replies chan reply
}

type wireKey struct{}

// newTransport returns what makes HTTP/2 of wires that are handed to it.
func newTransport() *http.Transport {
	handed := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return ctx.Value(wireKey{}).(*wire), nil
	}
	t := &http.Transport{
		DialContext: handed, DialTLSContext: handed,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaderBytes,
		Protocols:              new(http.Protocols),
	}
	// The wire hides that TLS is beneath it, which to net/http is HTTP/2 without
	// TLS.
	t.Protocols.SetUnencryptedHTTP2(true)
	return t
}

// newH2 greets the server.
func newH2(ctx context.Context, s *Sender, w *wire) (*h2, error) {
	d := s.dialer
	// The address only satisfies the signature: the connection is the one
	// handed over.
	cc, err := s.transport.NewClientConn(context.WithValue(ctx, wireKey{}, w), d.scheme, net.JoinHostPort(d.host, strconv.Itoa(int(d.port))))
	if err != nil {
		return nil, err
	}
	return &h2{
		intake: intake{s: s, w: w}, cc: cc, replies: make(chan reply, 1),
		trace: &httptrace.ClientTrace{
			Got1xxResponse: func(int, textproto.MIMEHeader) error { return w.inform() },
		},
	}, nil
}

func (h *h2) reserve() bool       { return h.cc.Reserve() == nil }
func (h *h2) release()            { h.cc.Release() }
func (h *h2) alive() bool         { return h.cc.Err() == nil }
func (h *h2) close()              { _ = h.cc.Close() }
func (h *h2) reply() <-chan reply { return h.replies }
func (h *h2) ending() error       { return h.cc.Err() }

// ask has a goroutine of its own write the request and read the answer.
func (h *h2) ask(p *prepared) {
	h.w.begin()
	go func() {
		var r reply
		defer func() {
			if p := recover(); p != nil {
				r = reply{panicked: p}
			}
			h.replies <- r
		}()
		req := p.req.WithContext(httptrace.WithClientTrace(context.Background(), h.trace))
		if body := h.s.cfg.Request.Body; len(body) > 0 {
			req.Body = io.NopCloser(bytes.NewReader(body))
			req.ContentLength = int64(len(body))
		}
		resp, err := h.cc.RoundTrip(req)
		if r.err = err; err == nil {
			h.take(resp, &r)
			_ = resp.Body.Close()
			r.reuse = r.reuse && !resp.Close && h.alive()
		}
	}()
}
