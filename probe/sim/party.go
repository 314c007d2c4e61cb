package sim

import "apisonde/probe/trace"

// party is one identity's side of a run.
type party struct {
	conns    []conn // in the order of opening
	inflight int
	rejected int
}

// conn is a connection that carries one request at a time.
type conn struct {
	ordinal int
	busy    bool
}

// party returns the one for id, made at its first use.
func (s *session) party(id trace.Identity) *party {
	p := s.parties[id]
	if p == nil {
		p = &party{}
		s.parties[id] = p
	}
	return p
}

// open numbers a new connection.
func (s *session) open() int {
	s.conns++
	return s.conns
}

// reserve returns the ordinal of the party's first free connection; fresh asks
// for one of its own.
func (s *session) reserve(p *party, fresh bool) int {
	if fresh {
		return s.open()
	}
	for i := range p.conns {
		if !p.conns[i].busy {
			p.conns[i].busy = true
			return p.conns[i].ordinal
		}
	}
	p.conns = append(p.conns, conn{ordinal: s.open(), busy: true})
	return s.conns
}

// free gives a connection back, or closes it after a fault.
func (p *party) free(ordinal int, fault bool) {
	for i := range p.conns {
		if p.conns[i].ordinal != ordinal {
			continue
		}
		p.conns[i].busy = false
		if fault {
			p.conns = append(p.conns[:i], p.conns[i+1:]...)
		}
		return
	}
}
