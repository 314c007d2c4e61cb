package send

import (
	"crypto/ed25519"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"
)

// ahead is an end of a pipe that does not wait for the other one to read: in SSH both
// begin by writing.
type ahead struct {
	net.Conn
	out chan []byte
}

func newAhead(c net.Conn) *ahead {
	a := &ahead{c, make(chan []byte, 64)}
	go func() {
		for b := range a.out {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	}()
	return a
}

func (a *ahead) Write(p []byte) (int, error) {
	a.out <- slices.Clone(p)
	return len(p), nil
}

// A jump host that shows signs of life is kept through a long wait, whatever it
// says to being asked; one that shows none is given up.
func TestAJumpHostIsAskedForSignsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, priv, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		key, err := ssh.NewSignerFromKey(priv)
		if err != nil {
			t.Fatal(err)
		}
		near, end := net.Pipe()
		far := newAhead(end)
		defer close(far.out)
		defer far.Close()
		var asked atomic.Int64
		mute := make(chan struct{})
		go func() {
			cfg := &ssh.ServerConfig{NoClientAuth: true}
			cfg.AddHostKey(key)
			_, _, reqs, err := ssh.NewServerConn(far, cfg)
			if err != nil {
				t.Error(err)
				return
			}
			for r := range reqs {
				asked.Add(1)
				select {
				case <-mute:
				default:
					_ = r.Reply(false, nil)
				}
			}
		}()
		c, chans, reqs, err := ssh.NewClientConn(near, "hop", &ssh.ClientConfig{HostKeyCallback: ssh.FixedHostKey(key.PublicKey())})
		if err != nil {
			t.Fatal(err)
		}
		l := &login{client: ssh.NewClient(c, chans, reqs), done: make(chan struct{}), dead: make(chan struct{})}
		close(l.done)
		go func() {
			_ = l.client.Wait()
			close(l.dead)
		}()
		go stayAlive(l)
		time.Sleep(10*aliveEvery + time.Second)
		if asked.Load() != 10 || !l.usable() {
			t.Errorf("asked %d times in %v, usable %v; want 10 times and usable", asked.Load(), 10*aliveEvery, l.usable())
		}
		close(mute)
		time.Sleep(2 * aliveEvery)
		if l.usable() {
			t.Errorf("a jump host that was silent for %v still counts as alive", 2*aliveEvery)
		}
	})
}
