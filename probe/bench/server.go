package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// slow is the path whose answer takes a while, so that a sender that wants many
// connections has to open them.
const (
	slow     = "/slow"
	slowness = 100 * time.Millisecond
)

const settling = 200 * time.Millisecond

// server answers 200 to everything and keeps when each request arrived. The
// instants are the kernel's, taken as the packet came in, so that they hold
// however late this process is woken.
type server struct {
	mu       sync.Mutex
	arrivals []int64 // nanoseconds of the wall clock
}

// serve runs the server in a process of its own. It writes its address, then,
// for every byte read, the arrivals since the last one.
func serve(in io.Reader, out io.Writer) error {
	// Connections inherit the option from the listener, so that it holds for
	// their first packet.
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		e := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
		})
		return errors.Join(e, err)
	}}
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	// The kernel begins to stamp packets a moment after it was asked to.
	time.Sleep(settling)
	fmt.Fprintln(out, l.Addr())
	s := &server{arrivals: make([]int64, 0, 1<<20)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.talk(c.(*net.TCPConn))
		}
	}()
	enc := json.NewEncoder(out)
	for b := make([]byte, 1); ; {
		if _, err := in.Read(b); err != nil {
			return l.Close()
		}
		s.mu.Lock()
		slices.Sort(s.arrivals)
		err := enc.Encode(s.arrivals)
		s.arrivals = s.arrivals[:0]
		s.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

var answer = []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n" +
	"X-RateLimit-Limit: 1000000\r\nX-RateLimit-Remaining: 999999\r\n\r\nok")

// talk reads requests, which here come whole and one at a time.
func (s *server) talk(c *net.TCPConn) {
	defer c.Close()
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	buf, oob := make([]byte, 8<<10), make([]byte, 256)
	for {
		var n, m int
		if e := raw.Read(func(fd uintptr) bool {
			n, m, _, _, err = unix.Recvmsg(int(fd), buf, oob, 0)
			return err != unix.EAGAIN
		}); e != nil || err != nil || n == 0 {
			return
		}
		at, ok := stamped(oob[:m])
		if !ok || !bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")) {
			fmt.Fprintf(os.Stderr, "bench: a request of %d bytes, stamped %v, cannot be counted\n", n, ok)
			return
		}
		s.mu.Lock()
		s.arrivals = append(s.arrivals, at)
		s.mu.Unlock()
		if bytes.HasPrefix(buf[:n], []byte("GET "+slow)) {
			time.Sleep(slowness)
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

// stamped reads the kernel's timestamp from a control message.
func stamped(oob []byte) (int64, bool) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0, false
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= 16 {
			sec := int64(binary.NativeEndian.Uint64(m.Data))
			return sec*1e9 + int64(binary.NativeEndian.Uint64(m.Data[8:])), true
		}
	}
	return 0, false
}

// peer is the server's process, seen from the one that measures.
type peer struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	addr string
}

func startServer(self string) (*peer, error) {
	p := &peer{cmd: exec.Command(self, "serve")}
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if _, err := fmt.Fscanln(p.out, &p.addr); err != nil {
		return nil, fmt.Errorf("the server did not start: %w", err)
	}
	return p, nil
}

// take returns the arrivals since the last call, in order.
func (p *peer) take() ([]int64, error) {
	if _, err := p.in.Write([]byte{'\n'}); err != nil {
		return nil, err
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	var at []int64
	return at, json.Unmarshal(line, &at)
}

func (p *peer) stop() {
	_ = p.in.Close()
	_ = p.cmd.Wait()
}
