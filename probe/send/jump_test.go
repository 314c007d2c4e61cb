package send_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"apisonde/probe"
	"apisonde/probe/send"
	"apisonde/probe/trace"
)

// hop is a jump host that leads everywhere to one address, from 127.0.0.3, or
// refuses to.
type hop struct {
	addr   string
	logins atomic.Int64
	opened atomic.Int64
	asked  atomic.Pointer[string]
	conns  chan net.Conn
}

func newSSHKey(t *testing.T) (ssh.Signer, ed25519.PrivateKey) {
	t.Helper()
	_, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	return s, priv
}

func newHop(t *testing.T, hostKey ssh.Signer, user ssh.PublicKey, to string, refuse ssh.RejectionReason) *hop {
	t.Helper()
	cfg := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if user != nil && c.User() == "me" && string(key.Marshal()) == string(user.Marshal()) {
			return nil, nil
		}
		return nil, fmt.Errorf("no")
	}}
	cfg.AddHostKey(hostKey)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	h := &hop{addr: l.Addr().String(), conns: make(chan net.Conn, 16)}
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go h.serve(nc, cfg, to, refuse)
		}
	}()
	return h
}

func (h *hop) serve(nc net.Conn, cfg *ssh.ServerConfig, to string, refuse ssh.RejectionReason) {
	defer nc.Close()
	_, chans, reqs, err := ssh.NewServerConn(nc, cfg)
	if err != nil {
		return
	}
	h.logins.Add(1)
	h.conns <- nc
	go ssh.DiscardRequests(reqs)
	for c := range chans {
		h.opened.Add(1)
		var m struct {
			Host string
			Port uint32
			From string
			Src  uint32
		}
		_ = ssh.Unmarshal(c.ExtraData(), &m)
		asked := fmt.Sprintf("%s %s:%d", c.ChannelType(), m.Host, m.Port)
		h.asked.Store(&asked)
		if refuse != 0 {
			_ = c.Reject(refuse, "told by the jump host")
			continue
		}
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 3)}}
		far, err := d.Dial("tcp", to)
		if err != nil {
			_ = c.Reject(ssh.ConnectionFailed, err.Error())
			continue
		}
		ch, reqs, err := c.Accept()
		if err != nil {
			return
		}
		go ssh.DiscardRequests(reqs)
		go func() { _, _ = io.Copy(far, ch); _ = far.Close() }()
		go func() { _, _ = io.Copy(ch, far); _ = ch.Close() }()
	}
}

// home gives the test a home of its own, with a key and known hosts.
func home(t *testing.T, key ed25519.PrivateKey, known ...string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("SSH_AUTH_SOCK", "")
	if err := os.Mkdir(filepath.Join(dir, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	if key != nil {
		writeKey(t, filepath.Join(dir, ".ssh", "id_ed25519"), key, "", 0o600)
	}
	if known != nil {
		if err := os.WriteFile(filepath.Join(dir, ".ssh", "known_hosts"), []byte(strings.Join(known, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func writeKey(t *testing.T, path string, key ed25519.PrivateKey, passphrase string, mode os.FileMode) {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), mode); err != nil {
		t.Fatal(err)
	}
}

func line(addr string, key ssh.Signer) string {
	return knownhosts.Line([]string{knownhosts.Normalize(addr)}, key.PublicKey())
}

func jumping(t *testing.T, h *hop, u *url.URL, change ...func(*send.Config)) *send.Sender {
	t.Helper()
	v, err := send.ParseVantage("ssh://me@" + h.addr)
	if err != nil {
		t.Fatal(err)
	}
	return newSender(t, u, append(change, func(c *send.Config) { c.Vantages = map[string]send.Vantage{"here": v} })...)
}

func TestAJumpHostIsLoggedInToOnce(t *testing.T) {
	hostKey, _ := newSSHKey(t)
	user, priv := newSSHKey(t)
	from := make(chan string, 8)
	u := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		from <- host
	}))
	h := newHop(t, hostKey, user.PublicKey(), u.Host, 0)
	home(t, priv, line(h.addr, hostKey))
	s := jumping(t, h, &url.URL{Scheme: "http", Host: "api.nowhere.invalid:81", Path: "/"})
	if err := s.Resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Several connections at once, as for a burst.
	var lines []probe.Line
	for range 4 {
		l, fault := s.Reserve(t.Context(), id1, true)
		if fault != trace.FaultNone {
			t.Fatalf("%s: %s", fault, s.Explain())
		}
		lines = append(lines, l)
	}
	for _, l := range lines {
		if o := ask(t.Context(), l, "/"); o.Status != 200 || o.Written == 0 || o.FirstByte < o.Written {
			t.Errorf("%+v", o)
		}
		if got := <-from; got != "127.0.0.3" {
			t.Errorf("the target saw %s", got)
		}
	}
	if h.logins.Load() != 1 || h.opened.Load() != 4 || *h.asked.Load() != "direct-tcpip api.nowhere.invalid:81" {
		t.Errorf("%d logins, %d channels, the last of them %s", h.logins.Load(), h.opened.Load(), *h.asked.Load())
	}
	// A connection that was lost is made again, at no request's expense.
	_ = (<-h.conns).Close()
	if o := once(t, s, id2, "/"); o.Status != 200 || h.logins.Load() != 2 {
		t.Errorf("%+v, %d logins after the connection was lost: %s", o, h.logins.Load(), s.Explain())
	}
}

func TestAJumpHostTakesTheKeyOfAnAgent(t *testing.T) {
	hostKey, _ := newSSHKey(t)
	user, priv := newSSHKey(t)
	u := serve(t, http.NotFoundHandler())
	h := newHop(t, hostKey, user.PublicKey(), u.Host, 0)
	home(t, nil, line(h.addr, hostKey))
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: priv}); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(ring, c); _ = c.Close() }()
		}
	}()
	t.Setenv("SSH_AUTH_SOCK", socket)
	if o := once(t, jumping(t, h, u), id1, "/"); o.Status != 404 {
		t.Errorf("%+v", o)
	}
}

func TestAJumpHostThatCannotBeUsed(t *testing.T) {
	hostKey, _ := newSSHKey(t)
	otherKey, _ := newSSHKey(t)
	user, priv := newSSHKey(t)
	_, stranger := newSSHKey(t)
	u := &url.URL{Scheme: "http", Host: "127.0.0.1:9", Path: "/"}
	for _, c := range []struct {
		name   string
		key    ed25519.PrivateKey
		known  func(addr string) []string
		refuse ssh.RejectionReason
		early  bool // known before anything is sent
		says   []string
	}{
		{"unknown", priv, func(string) []string { return nil }, 0, true, []string{"is not in known_hosts", "ssh-ed25519 SHA256:", "ssh -p "}},
		{"changed", priv, func(a string) []string { return []string{line(a, otherKey)} }, 0, true, []string{"is not the one in known_hosts", "ssh-keygen -R '[127.0.0.1]:"}},
		{"revoked", priv, func(a string) []string { return []string{"@revoked * " + strings.SplitN(line(a, hostKey), " ", 2)[1]} }, 0, true, []string{"revoked"}},
		{"known_hosts broken", priv, func(string) []string { return []string{"nonsense"} }, 0, true, []string{"known_hosts cannot be read"}},
		{"no key", nil, func(a string) []string { return []string{line(a, hostKey)} }, 0, true, []string{"there is no key to log in with", "ssh-add", "--ssh-key"}},
		{"key refused", stranger, func(a string) []string { return []string{line(a, hostKey)} }, 0, true, []string{"accepts none of the 1 keys for user me"}},
		{"no forwarding", priv, func(a string) []string { return []string{line(a, hostKey)} }, ssh.Prohibited, false, []string{"AllowTcpForwarding"}},
		{"target away", priv, func(a string) []string { return []string{line(a, hostKey)} }, ssh.ConnectionFailed, false, []string{"cannot reach the target"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHop(t, hostKey, user.PublicKey(), u.Host, c.refuse)
			home(t, c.key, c.known(h.addr)...)
			s := jumping(t, h, u)
			err := s.Resolve(t.Context())
			if (err != nil) != c.early {
				t.Errorf("before the run: %v", err)
			}
			if o := once(t, s, id1, "/"); o.Fault != trace.FaultProxy || o.Written != 0 {
				t.Errorf("%+v", o)
			}
			why := s.Explain()
			for _, says := range append(c.says, "jump host "+h.addr) {
				if !strings.Contains(why, says) || c.early && err != nil && !strings.Contains(err.Error(), says) {
					t.Errorf("explained as %q and %v, want %q", why, err, says)
				}
			}
			if strings.Contains(why, "told by the jump host") {
				t.Errorf("repeats what the jump host said: %q", why)
			}
		})
	}
}

// The usual file has a passphrase and there is no agent: what is said names both.
func TestAKeyWithAPassphraseNeedsAnAgent(t *testing.T) {
	hostKey, _ := newSSHKey(t)
	user, priv := newSSHKey(t)
	u := &url.URL{Scheme: "http", Host: "127.0.0.1:9", Path: "/"}
	h := newHop(t, hostKey, user.PublicKey(), u.Host, 0)
	home(t, nil, line(h.addr, hostKey))
	dir, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	writeKey(t, filepath.Join(dir, ".ssh", "id_ed25519"), priv, "a passphrase", 0o600)
	err = jumping(t, h, u).Resolve(t.Context())
	if err == nil || !strings.Contains(err.Error(), "~/.ssh/id_ed25519 has a passphrase") || !strings.Contains(err.Error(), "ssh-agent") {
		t.Errorf("%v", err)
	}
}

func TestKeyFilesThatAreRefused(t *testing.T) {
	_, priv := newSSHKey(t)
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	writeKey(t, path("good"), priv, "", 0o600)
	writeKey(t, path("open"), priv, "", 0o644)
	writeKey(t, path("closed"), priv, "a passphrase", 0o600)
	if err := os.WriteFile(path("text"), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, says := range map[string]string{"good": "", "open": "chmod 600", "closed": "add it to an agent with ssh-add (ssh-agent starts one)", "text": "no private key", "absent": "does not exist", ".": "no file"} {
		_, err := send.New(send.Config{Request: send.Request{URL: &url.URL{Scheme: "http", Host: "h"}}, Now: clock(), SSHKeys: []string{path(name)}})
		switch {
		case (err == nil) != (says == ""):
			t.Errorf("%s: %v", name, err)
		case err != nil && (!strings.Contains(err.Error(), says) || strings.Contains(err.Error(), dir)):
			t.Errorf("%s: %v, want %q", name, err, says)
		}
	}
}

func TestJumpHostsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"ssh://", "ssh://me@", "ssh://me:secret-word@h", "ssh://h:0", "ssh://h:70000", "ssh://h/path", "ssh://h?q", "ssh://a%1bb@h", "ssh://a%20b@h", "ssh://a b"} {
		_, err := send.ParseVantage(s)
		if err == nil || strings.Contains(err.Error(), "secret-word") {
			t.Errorf("%q: %v", s, err)
		}
	}
	v, err := send.ParseVantage("ssh://h")
	if err != nil || v.String() != "h" {
		t.Errorf("%v, %v", v, err)
	}
}
