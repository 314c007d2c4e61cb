package send

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// statusError is the status by which a proxy refuses a tunnel.
type statusError int

func (e statusError) Error() string {
	return fmt.Sprintf("CONNECT was answered with status %d", int(e))
}

// advice says what to do about it; named is whether a user was given.
func (e statusError) advice(named bool) string {
	switch {
	case e == http.StatusProxyAuthRequired && named:
		return "it does not accept the user and password (407); correct them"
	case e == http.StatusProxyAuthRequired:
		return "it wants a user and a password (407); write http://USER:PASSWORD@HOST:PORT"
	case e == http.StatusBadGateway, e == http.StatusServiceUnavailable, e == http.StatusGatewayTimeout:
		return fmt.Sprintf("it cannot reach the target (%d); check the target's name and port from where the proxy stands", int(e))
	}
	return fmt.Sprintf("it refuses a tunnel to the target (%d); ask who runs it to allow CONNECT there", int(e))
}

// tunnel has an HTTP proxy connect to addr.
func (p *Proxy) tunnel(ctx context.Context, addr string) (net.Conn, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.Host)
	if err != nil {
		return nil, err
	}
	// The context ends the exchange by a deadline that has passed.
	stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })
	err = p.ask(nc, addr)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	return nc, nil
}

// ask requests a tunnel on a connection to the proxy and reads the answer.
func (p *Proxy) ask(nc net.Conn, addr string) error {
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: http.Header{}}
	if !p.User.Empty() {
		req.SetBasicAuth(p.User.Reveal(), p.Password.Reveal())
		req.Header["Proxy-Authorization"] = req.Header["Authorization"]
		req.Header.Del("Authorization")
	}
	req.Header.Set("User-Agent", "apisonde")
	if err := req.Write(nc); err != nil {
		return err
	}
	br := bufio.NewReader(io.LimitReader(nc, maxHeaderBytes))
	resp, err := http.ReadResponse(br, req)
	switch {
	case err != nil:
		return err
	case resp.StatusCode/100 != 2:
		return statusError(resp.StatusCode)
	case br.Buffered() > 0:
		return errUnsolicited
	}
	return nil
}
