package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"apisonde/probe/lab/limit"
)

// ErrNotLoopback is wrapped by Listen's refusal of an address that other
// machines could reach.
var ErrNotLoopback = errors.New("not a loopback address")

// Server is a practice server that is listening.
type Server struct {
	*Handler
	address string
	http    *http.Server
	ended   chan struct{}
	err     error // read after ended
}

// Listen serves stack at addr, a loopback address with a port (0 for any free
// one) such as 127.0.0.1:8080, [::1]:0 or localhost:8080, until ctx ends or
// Close is called. Any other address is refused before anything listens.
func Listen(ctx context.Context, addr string, stack *limit.Stack, o Options) (*Server, error) {
	addr, err := loopback(addr)
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("practice server: %w", err)
	}
	h := New(stack, o)
	s := &Server{
		Handler: h,
		address: listener.Addr().String(),
		ended:   make(chan struct{}),
		http: &http.Server{
			Handler:           h,
			ConnContext:       h.ConnContext,
			ReadHeaderTimeout: 30 * time.Second,
			MaxHeaderBytes:    64 << 10,
			ErrorLog:          log.New(io.Discard, "", 0),
		},
	}
	stop := context.AfterFunc(ctx, func() { _ = s.http.Close() })
	go func() {
		defer close(s.ended)
		defer stop()
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.err = fmt.Errorf("practice server at %s: %w", s.address, err)
		}
	}()
	return s, nil
}

// Addr is the address that the server listens at.
func (s *Server) Addr() string { return s.address }

// URL is the server's root.
func (s *Server) URL() string { return "http://" + s.address + "/" }

// Wait returns once the server has ended: nil if it was told to.
func (s *Server) Wait() error {
	<-s.ended
	return s.err
}

// Close ends the server, requests in flight included, and waits for its end. It
// may be called more than once.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.ended
	return errors.Join(err, s.err)
}

// loopback checks addr without asking anybody: the name localhost stands for
// 127.0.0.1, whatever a resolver may think of it.
func loopback(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("practice server: %q is not an address with a port: give one such as 127.0.0.1:8080", addr)
	}
	if strings.EqualFold(host, "localhost") {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.Unmap().IsLoopback() {
		return "", fmt.Errorf("practice server: %w: %q: it listens for this machine alone, give 127.0.0.1:%s", ErrNotLoopback, addr, port)
	}
	return net.JoinHostPort(host, port), nil
}
