package send

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"

	"apisonde/probe/trace"
)

var (
	errUnsolicited = errors.New("bytes arrived that nothing asked for")
	errInformation = errors.New("too many informational responses")
	errStatus      = errors.New("the status is none of a final answer")
)

// local tells errors of this machine: descriptors, ports, memory.
func local(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, syscall.EADDRINUSE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// dialFault names why no connection was made.
func dialFault(ctx context.Context, err error) trace.Fault {
	switch {
	case ctx.Err() != nil:
		return trace.FaultCancelled
	case local(err):
		return trace.FaultLocal
	}
	return trace.FaultConnect
}

// proxyFault names why a proxy made no connection. That is never for the target
// to answer for.
func proxyFault(ctx context.Context, err error) trace.Fault {
	if fault := dialFault(ctx, err); fault != trace.FaultConnect {
		return fault
	}
	return trace.FaultProxy
}

// refusedTLS tells an alert by which a server refuses a handshake that this end
// took for done: so it is with certificates of callers in TLS 1.3.
func refusedTLS(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// fault names how a request failed where the server ended its stream or
// connection by a frame, or never spoke HTTP/2; FaultNone if it did neither.
func (s *streams) fault() trace.Fault {
	switch {
	case s == nil:
	case s.alien.Load():
		return trace.FaultMalformed
	case s.ending() != "":
		return trace.FaultStream
	}
	return trace.FaultNone
}

// wireFault names why a request that had a connection got no whole response. over
// is why this end gave up, nil if it did not, heard whether any byte of an answer arrived, cut whether the connection
// ended within a line of it: net/http then calls the rest of the line malformed.
func wireFault(over, err error, heard, cut bool) trace.Fault {
	var ne net.Error
	switch {
	case errors.Is(over, context.DeadlineExceeded):
		return trace.FaultTimeout
	case over != nil:
		return trace.FaultCancelled
	case errors.Is(err, errUnsolicited), errors.Is(err, errInformation), errors.Is(err, errStatus):
		return trace.FaultMalformed
	case local(err):
		return trace.FaultLocal
	case refusedTLS(err):
		return trace.FaultTLS
	case errors.As(err, &ne) && ne.Timeout():
		return trace.FaultTimeout
	}
	for _, e := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED} {
		if errors.Is(err, e) {
			return trace.FaultReset
		}
	}
	if heard && !cut {
		return trace.FaultMalformed
	}
	return trace.FaultReset
}
