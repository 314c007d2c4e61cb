package send

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

// usualKeys are the key files that ssh tries by itself, under ~/.ssh.
var usualKeys = []string{"id_ed25519", "id_ecdsa", "id_rsa"}

// keyring gathers the keys to log in with: those given, those of an agent, the
// usual files. It notes why some cannot be used.
type keyring struct {
	files  []string
	socket net.Conn
	notes  []string
	found  int
}

// signers implements the callback of ssh.PublicKeysCallback.
func (k *keyring) signers() ([]ssh.Signer, error) {
	var out []ssh.Signer
	add := func(list ...ssh.Signer) {
		for _, s := range list {
			blob := string(s.PublicKey().Marshal())
			if !slices.ContainsFunc(out, func(o ssh.Signer) bool { return string(o.PublicKey().Marshal()) == blob }) {
				out = append(out, s)
			}
		}
	}
	for _, path := range k.files {
		s, err := readKey(path)
		if err != nil {
			return nil, loginError(fmt.Sprintf("the key file of --ssh-key %v", err))
		}
		add(s)
	}
	add(k.agent()...)
	if dir, err := sshFolder(); err == nil {
		for _, name := range usualKeys {
			s, err := readKey(filepath.Join(dir, name))
			switch {
			case err == nil:
				add(s)
			case !errors.Is(err, fs.ErrNotExist):
				k.notes = append(k.notes, fmt.Sprintf("~/.ssh/%s %v", name, err))
			}
		}
	}
	k.found = len(out)
	return out, nil
}

// agent asks the agent of SSH_AUTH_SOCK, if there is one.
func (k *keyring) agent() []ssh.Signer {
	path := os.Getenv("SSH_AUTH_SOCK")
	if path == "" {
		return nil
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		k.notes = append(k.notes, "the agent of SSH_AUTH_SOCK does not answer")
		return nil
	}
	k.socket = c
	list, err := agent.NewClient(c).Signers()
	if err != nil {
		k.notes = append(k.notes, "the agent of SSH_AUTH_SOCK lists no keys")
	}
	return list
}

// close lets the agent go. Signers that it gave work no more.
func (k *keyring) close() {
	if k.socket != nil {
		_ = k.socket.Close()
	}
}

// refused says that no key was accepted, and what can be done.
func (k *keyring) refused(user string) loginError {
	what := fmt.Sprintf("it accepts none of the %d keys for user %s", k.found, user)
	if k.found == 0 {
		what = "there is no key to log in with"
	}
	if len(k.notes) > 0 {
		what += " (" + strings.Join(k.notes, "; ") + ")"
	}
	return loginError(what + "; add one to an agent with ssh-add, or name its file with --ssh-key. Passwords cannot be used")
}

// readKey reads a private key. Its errors go on after the name of the file and
// repeat nothing of what it holds.
func readKey(path string) (ssh.Signer, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("does not exist%w", silent{fs.ErrNotExist})
	case err != nil:
		return nil, errors.New("cannot be read")
	case !info.Mode().IsRegular():
		return nil, errors.New("is no file")
	case info.Mode().Perm()&0o077 != 0:
		return nil, errors.New("can be read by others; chmod 600 it")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.New("cannot be read")
	}
	s, err := ssh.ParsePrivateKey(b)
	if errors.As(err, new(*ssh.PassphraseMissingError)) {
		return nil, errors.New("has a passphrase, which is not asked for; add it to an agent with ssh-add (ssh-agent starts one)")
	}
	if err != nil {
		return nil, errors.New("holds no private key that can be read")
	}
	return s, nil
}

// silent keeps an error for errors.Is and out of the text.
type silent struct{ error }

func (silent) Error() string   { return "" }
func (s silent) Unwrap() error { return s.error }

func sshFolder() (string, error) {
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".ssh"), err
}

// knownHosts are the host keys that this user, or this machine, trusts.
type knownHosts struct {
	lookup ssh.HostKeyCallback
}

func readKnownHosts() (knownHosts, error) {
	var files []string
	candidates := []string{"/etc/ssh/ssh_known_hosts"}
	if dir, err := sshFolder(); err == nil {
		candidates = append([]string{filepath.Join(dir, "known_hosts")}, candidates...)
	}
	for _, f := range candidates {
		if _, err := os.Stat(f); err == nil {
			files = append(files, f)
		}
	}
	lookup, err := knownhosts.New(files...)
	if err != nil {
		return knownHosts{}, loginError("known_hosts cannot be read; `ssh-keygen -l -f ~/.ssh/known_hosts` shows which line is wrong")
	}
	return knownHosts{lookup}, nil
}

// check implements ssh.HostKeyCallback. An unknown key and a changed one are
// refused: whoever answers could read every request.
func (k knownHosts) check(addr string, remote net.Addr, key ssh.PublicKey) error {
	err := k.lookup(addr, remote, key)
	var mismatch *knownhosts.KeyError
	switch {
	case err == nil:
		return nil
	case errors.As(err, new(*knownhosts.RevokedError)):
		return loginError("its host key is marked as revoked in known_hosts; do not use it")
	case !errors.As(err, &mismatch):
		return loginError("its host key cannot be checked; `ssh` to it shows why")
	case len(mismatch.Want) == 0:
		return loginError(fmt.Sprintf("its host key (%s %s) is not in known_hosts; log in once with `%s` and compare what it shows", key.Type(), ssh.FingerprintSHA256(key), command(addr)))
	}
	return loginError(fmt.Sprintf("its host key (%s %s) is not the one in known_hosts: somebody may be in between. If the host was set up anew, forget the old key with `ssh-keygen -R '%s'` and log in once with `%s`",
		key.Type(), ssh.FingerprintSHA256(key), knownhosts.Normalize(addr), command(addr)))
}

// command is what logs in to addr by hand.
func command(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "22" {
		return "ssh " + host
	}
	return "ssh -p " + port + " " + host
}

// algorithms are the kinds of host key to ask for: those that are known, for any
// other would look as if the key had changed. None known leaves the choice open.
func (k knownHosts) algorithms(addr string) []string {
	var mismatch *knownhosts.KeyError
	if err := k.lookup(addr, &net.TCPAddr{}, nobody{}); !errors.As(err, &mismatch) {
		return nil
	}
	var out []string
	for _, w := range mismatch.Want {
		kinds := []string{w.Key.Type()}
		if w.Key.Type() == ssh.KeyAlgoRSA {
			kinds = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
		}
		for _, a := range kinds {
			if !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	return out
}

// nobody is a key that no host has.
type nobody struct{}

func (nobody) Type() string                        { return "none" }
func (nobody) Marshal() []byte                     { return []byte("none") }
func (nobody) Verify([]byte, *ssh.Signature) error { return errors.New("nobody signs") }
