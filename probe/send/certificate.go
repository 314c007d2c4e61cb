package send

import (
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"sync"
)

// errChanged is a server that is not the one that the run began with.
var errChanged = errors.New("the server's certificate has changed since the run began: another server or somebody in between answers; start again once it is settled")

// certificates remembers what each address has shown to each vantage. A run that changed servers
// in the middle would measure two of them. It is safe for concurrent use.
type certificates struct {
	mu   sync.Mutex
	seen map[string][sha256.Size]byte // by vantage and address
}

// same tells whether the other end of a finished handshake, at addr, shows what it
// showed before. The first time it does by definition.
func (c *certificates) same(addr string, tc *tls.Conn) bool {
	chain := tc.ConnectionState().PeerCertificates
	if len(chain) == 0 {
		return true
	}
	sum := sha256.Sum256(chain[0].Raw)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[string][sha256.Size]byte{}
	}
	if have, ok := c.seen[addr]; ok {
		return have == sum
	}
	c.seen[addr] = sum
	return true
}
