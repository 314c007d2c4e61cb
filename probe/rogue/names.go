package rogue

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/net/dns/dnsmessage"
)

// Names is a name server on loopback.
type Names struct {
	pc      net.PacketConn
	answer  func(name string, n int) []netip.Addr
	queries atomic.Int64
	wg      sync.WaitGroup
}

// Silent is the answer of a name server that does not answer.
var Silent = []netip.Addr{}

// StartNames starts a name server. answer gives the addresses of a name, in the
// n-th query from 1: none (nil) is a name that does not exist, Silent is no
// answer at all.
func StartNames(answer func(name string, n int) []netip.Addr) (*Names, error) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Names{pc: pc, answer: answer}
	s.wg.Go(s.serve)
	return s, nil
}

// Addr is where it listens, by UDP.
func (s *Names) Addr() string { return s.pc.LocalAddr().String() }

// Queries is how many queries reached it.
func (s *Names) Queries() int { return int(s.queries.Load()) }

// Close ends it.
func (s *Names) Close() {
	_ = s.pc.Close()
	s.wg.Wait()
}

func (s *Names) serve() {
	buf := make([]byte, 1500)
	for {
		n, from, err := s.pc.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		q := m.Questions[0]
		addrs := s.answer(strings.TrimSuffix(q.Name.String(), "."), int(s.queries.Add(1)))
		if addrs != nil && len(addrs) == 0 {
			continue
		}
		if b, err := reply(m, q, addrs); err == nil {
			_, _ = s.pc.WriteTo(b, from)
		}
	}
}

func reply(m dnsmessage.Message, q dnsmessage.Question, addrs []netip.Addr) ([]byte, error) {
	m.Response, m.Authoritative, m.RecursionAvailable = true, true, true
	m.Additionals = nil
	if addrs == nil {
		m.RCode = dnsmessage.RCodeNameError
	}
	head := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 0}
	for _, a := range addrs {
		switch {
		case a.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: a.As4()}})
		case a.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	return m.Pack()
}
