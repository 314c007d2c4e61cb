package send

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// A jump host is asked for a sign of life this often, so that neither it nor what
// lies between drops a connection that is idle during a long wait; one that gives
// none for as long is taken for dead.
const aliveEvery = 15 * time.Second

// jump is an SSH connection to a machine that one can log in to. It is made when it
// is first needed and carries every connection to the target as a channel.
type jump struct {
	user string
	addr string // HOST:PORT
	keys []string

	mu     sync.Mutex
	latest *login
}

// login is one attempt to log in, and what it led to once done is closed.
type login struct {
	done   chan struct{}
	client *ssh.Client
	err    error
	dead   chan struct{} // closed when client is of no more use
}

// usable tells whether an attempt is under way or has led to a connection that is
// still alive.
func (l *login) usable() bool {
	select {
	case <-l.done:
	default:
		return true
	}
	if l.err != nil {
		return false
	}
	select {
	case <-l.dead:
		return false
	default:
		return true
	}
}

// dial makes a connection to addr, whose host the jump host looks up. Where the
// login turns out to be lost it logs in once more: nothing was sent yet.
func (j *jump) dial(ctx context.Context, addr string) (net.Conn, error) {
	for again := true; ; again = false {
		l, err := j.login(ctx)
		if err != nil {
			return nil, err
		}
		nc, err := l.client.DialContext(ctx, "tcp", addr)
		if err == nil || !again || ctx.Err() != nil || errors.As(err, new(*ssh.OpenChannelError)) {
			return nc, err
		}
		_ = l.client.Close()
		<-l.dead
	}
}

// login returns the connection to the jump host. Those who ask at once share one
// attempt, which takes at most as long as the first of them allows.
func (j *jump) login(ctx context.Context) (*login, error) {
	j.mu.Lock()
	l := j.latest
	if l == nil || !l.usable() {
		l = &login{done: make(chan struct{}), dead: make(chan struct{})}
		j.latest = l
		go j.try(ctx, l)
	}
	j.mu.Unlock()
	select {
	case <-l.done:
		return l, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// try logs in.
func (j *jump) try(ctx context.Context, l *login) {
	defer close(l.done)
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", j.addr)
	if err != nil {
		l.err = err
		return
	}
	// The context ends the handshake by a deadline that has passed.
	stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })
	l.client, err = j.handshake(nc)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		_ = nc.Close()
		l.client, l.err = nil, err
		return
	}
	go func() {
		_ = l.client.Wait()
		close(l.dead)
	}()
	go stayAlive(l)
}

func (j *jump) handshake(nc net.Conn) (*ssh.Client, error) {
	hosts, err := readKnownHosts()
	if err != nil {
		return nil, err
	}
	keys := &keyring{files: j.keys}
	defer keys.close()
	c, chans, reqs, err := ssh.NewClientConn(nc, j.addr, &ssh.ClientConfig{
		User:              j.user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeysCallback(keys.signers)},
		HostKeyCallback:   hosts.check,
		HostKeyAlgorithms: hosts.algorithms(j.addr),
		ClientVersion:     "SSH-2.0-apisonde",
	})
	switch {
	case err == nil:
		return ssh.NewClient(c, chans, reqs), nil
	case errors.As(err, new(loginError)):
		return nil, err
	case strings.Contains(err.Error(), "unable to authenticate"):
		return nil, keys.refused(j.user)
	}
	return nil, err
}

// stayAlive asks for signs of life until there are none.
func stayAlive(l *login) {
	t := time.NewTicker(aliveEvery)
	defer t.Stop()
	for {
		select {
		case <-l.dead:
			return
		case <-t.C:
		}
		answered := make(chan struct{})
		go func() {
			// A refusal is a sign of life too.
			if _, _, err := l.client.SendRequest("keepalive@openssh.com", true, nil); err == nil {
				close(answered)
			}
		}()
		select {
		case <-answered:
		case <-l.dead:
			return
		case <-t.C:
			_ = l.client.Close()
			return
		}
	}
}

// close ends the connection. A later dial would log in anew.
func (j *jump) close() {
	j.mu.Lock()
	l := j.latest
	j.latest = nil
	j.mu.Unlock()
	if l == nil {
		return
	}
	<-l.done
	if l.client != nil {
		_ = l.client.Close()
	}
}

// loginError says why there is no login, and what to do about it.
type loginError string

func (e loginError) Error() string { return string(e) }

// explainJump says what a jump host did not do and what to do about it. What
// it said itself is not repeated.
func (p *Proxy) explainJump(err error, timeout time.Duration) error {
	var own loginError
	var channel *ssh.OpenChannelError
	var ne net.Error
	var op *net.OpError
	switch {
	case errors.As(err, &own):
		return fmt.Errorf("jump host %s: %s", p, own)
	case errors.As(err, &channel) && channel.Reason == ssh.Prohibited:
		return fmt.Errorf("jump host %s: it does not forward connections to the target; whoever runs it must allow that (AllowTcpForwarding, PermitOpen)", p)
	case errors.As(err, &channel):
		return fmt.Errorf("jump host %s: it cannot reach the target; check the target's name and port from there", p)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &ne) && ne.Timeout():
		return fmt.Errorf("jump host %s: no connection within %s; check that it answers and reaches the target", p, timeout)
	case errors.As(err, &op) && op.Op == "dial":
		return fmt.Errorf("jump host %s cannot be reached; check its address and port, and that sshd runs there", p)
	}
	return fmt.Errorf("jump host %s: the SSH connection broke off; check that an SSH server answers there (`ssh -v` shows more)", p)
}
