// Package rogue is a server that misbehaves on purpose, over TCP and TLS by
// hand, so that it can break every rule of HTTP. It counts the requests that
// reach it by itself. Tests alone import it, and it imports nothing of this
// program: what it counts cannot share a mistake with what it checks.
package rogue

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"golang.org/x/net/http2"
)

// Exchange is one request that was read in full, and the connection to answer on.
type Exchange struct {
	net.Conn               // TLS where the server speaks it
	TCP      *net.TCPConn  // what lies below
	Request  *http.Request // its body is in Body
	Body     []byte
	N        int // number of the request over all connections, from 1
	OnConn   int // number of the request on its connection, from 1
}

// Answer says what to do with a request. It returns false to hang up.
type Answer func(*Exchange) bool

// Options change how a Server listens.
type Options struct {
	// Address to listen on; "" is a free port of 127.0.0.1.
	Address string
	// TLS makes it speak TLS.
	TLS *tls.Config
	// Accept is called with each new connection, before TLS. It returns false
	// where it has dealt with the connection.
	Accept func(*net.TCPConn) bool
	// Frames makes it speak HTTP/2, without asking.
	Frames Frames
	// Settings are what it tells of itself over HTTP/2.
	Settings []http2.Setting
}

// Server is a running server.
type Server struct {
	l      net.Listener
	opt    Options
	answer Answer
	wg     sync.WaitGroup

	requests, conns, reused atomic.Int64

	mu     sync.Mutex
	open   map[net.Conn]bool
	closed bool
	keys   map[string]int
}

// Start starts a server that answers every request as told.
func Start(opt Options, answer Answer) (*Server, error) {
	if opt.Address == "" {
		opt.Address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", opt.Address)
	if err != nil {
		return nil, fmt.Errorf("rogue: %w", err)
	}
	s := &Server{l: l, opt: opt, answer: answer, open: map[net.Conn]bool{}, keys: map[string]int{}}
	s.wg.Go(s.accept)
	return s, nil
}

// Addr is where it listens.
func (s *Server) Addr() string { return s.l.Addr().String() }

// Port is the port of Addr.
func (s *Server) Port() string {
	_, port, _ := net.SplitHostPort(s.Addr())
	return port
}

// URL is its root.
func (s *Server) URL() string {
	if s.opt.TLS != nil {
		return "https://" + s.Addr() + "/"
	}
	return "http://" + s.Addr() + "/"
}

// Requests is how many requests were read in full.
func (s *Server) Requests() int { return int(s.requests.Load()) }

// Conns is how many connections were accepted.
func (s *Server) Conns() int { return int(s.conns.Load()) }

// Reused is how many requests came on a connection that had carried one before.
func (s *Server) Reused() int { return int(s.reused.Load()) }

// Keys is how many requests each value of X-Api-Key made.
func (s *Server) Keys() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]int, len(s.keys))
	for k, n := range s.keys {
		out[k] = n
	}
	return out
}

// Close ends it with all its connections.
func (s *Server) Close() {
	_ = s.l.Close()
	s.mu.Lock()
	s.closed = true
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

func (s *Server) accept() {
	for {
		c, err := s.l.Accept()
		if err != nil {
			return
		}
		s.conns.Add(1)
		tc := c.(*net.TCPConn)
		if !s.keep(tc) {
			return
		}
		s.wg.Go(func() {
			defer s.drop(tc)
			if s.opt.Accept == nil || s.opt.Accept(tc) {
				s.serve(tc)
			}
		})
	}
}

func (s *Server) keep(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = c.Close()
		return false
	}
	s.open[c] = true
	return true
}

func (s *Server) drop(c net.Conn) {
	_ = c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

func (s *Server) count(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[key]++
}

func (s *Server) serve(tc *net.TCPConn) {
	var c net.Conn = tc
	if s.opt.TLS != nil {
		t := tls.Server(tc, s.opt.TLS)
		if t.Handshake() != nil {
			return
		}
		c = t
	}
	if s.opt.Frames != nil {
		s.serveFrames(c)
		return
	}
	br := bufio.NewReader(c)
	for n := 1; ; n++ {
		r, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20)) // of a request cut short, what came
		s.count(r.Header.Get("X-Api-Key"))
		if n > 1 {
			s.reused.Add(1)
		}
		x := &Exchange{Conn: c, TCP: tc, Request: r, Body: body, N: int(s.requests.Add(1)), OnConn: n}
		if !s.answer(x) {
			return
		}
	}
}
