// Package send is the wire: one call, one request, which a pooled http.Transport
// may send twice. Each connection belongs to one identity and carries one request
// at a time.
package send

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"apisonde/probe"
	"apisonde/probe/secret"
	"apisonde/probe/trace"
)

// Bounds on what one request may cost.
const (
	connectTimeout   = 5 * time.Second
	requestTimeout   = 30 * time.Second
	maxHeaderBytes   = 64 << 10
	maxInformational = 10
	maxBody          = 1 << 20  // drained at most; a longer one costs its connection
	digested         = 64 << 10 // of the body, that the digest covers
	maxIdle          = 512      // idle connections over all identities
)

// Config says what to send, as whom, and from where.
type Config struct {
	Request   Request
	Keys      map[string]secret.Value // by name of the trace.Key
	Users     map[string]secret.Value // by label
	Forwarded map[string]string       // label to address; a label that is missing is the address
	Vantages  map[string]Vantage      // by label; a label that is missing is the machine's own choice
	SSHKeys   []string                // paths of key files for jump hosts, tried before others
	Version   string                  // of apisonde, for the User-Agent
	Now       func() time.Duration    // offset from the origin of the run
	TLS       *tls.Config             // nil: the system's roots
	HTTP2     bool                    // HTTP/2, one request at a time on a connection; with http:// by prior knowledge
	// KeepBodies keeps the beginning of every body, for rules that read it, not
	// only of those that speak of an error.
	KeepBodies bool
	// Egress reads from successful answers the address that they say the request
	// arrived from.
	Egress bool

	// Timeouts; zero is 5 s to connect and 30 s for the whole request.
	ConnectTimeout, RequestTimeout time.Duration
}

// Sender makes connections and requests. It implements probe.Sender.
type Sender struct {
	cfg       Config
	dialer    *dialer
	transport *http.Transport // of HTTP/2
	redactor  *secret.Redactor
	keeper    *keeper
	conns     atomic.Int64
	requests  sync.Map // requestKey → *prepared

	mu      sync.Mutex
	idle    map[trace.Identity][]*line
	idleN   int
	keepFor time.Duration // idle connections older than this are not used again
	unkept  int           // connections that the server closed soon after use
	brittle bool          // the server does so by habit: none is used twice
	closed  bool
}

var _ probe.Sender = (*Sender)(nil)

type requestKey struct {
	id    trace.Identity
	route string
}

// silence keeps net/http from printing what a server sent, and with it possibly
// a credential, through the standard logger. Nothing here logs through it.
var silence = sync.OnceFunc(func() { log.SetOutput(io.Discard) })

// New checks the request and the vantages; it connects to nothing.
func New(cfg Config) (*Sender, error) {
	if cfg.Request.KeyIn == (Place{}) {
		cfg.Request.KeyIn = DefaultKeyPlace
	}
	if cfg.Request.UserIn == (Place{}) {
		cfg.Request.UserIn = DefaultUserPlace
	}
	if cfg.Request.Method == "" {
		cfg.Request.Method = http.MethodGet
	}
	cfg.ConnectTimeout = cmpOr(cfg.ConnectTimeout, connectTimeout)
	cfg.RequestTimeout = cmpOr(cfg.RequestTimeout, requestTimeout)
	if cfg.Now == nil {
		return nil, errors.New("send: no clock")
	}
	if err := cfg.Request.check(); err != nil {
		return nil, err
	}
	for _, path := range cfg.SSHKeys {
		if _, err := readKey(path); err != nil {
			return nil, fmt.Errorf("the file of --ssh-key %w", err)
		}
	}
	for name, v := range cfg.Vantages {
		if err := v.Check(); err != nil {
			return nil, fmt.Errorf("vantage %s: %w", name, err)
		}
		if v.Proxy != nil && v.Proxy.jump != nil {
			v.Proxy.jump.keys = cfg.SSHKeys
		}
	}
	d, err := newDialer(cfg.Request.URL, cfg.TLS, cfg.HTTP2, cfg.ConnectTimeout)
	if err != nil {
		return nil, err
	}
	silence()
	s := &Sender{
		cfg: cfg, dialer: d,
		redactor: secret.NewRedactor(cfg.secrets()...),
		idle:     map[trace.Identity][]*line{},
		keepFor:  math.MaxInt64,
	}
	s.keeper = newKeeper(s.redactor)
	if cfg.HTTP2 {
		s.transport = newTransport()
	}
	return s, nil
}

func cmpOr(d, def time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return def
}

// loginTimeout is how long logging in to a jump host may take before a run: some
// look up who calls first.
const loginTimeout = 15 * time.Second

// Resolve looks the host up and logs in to jump hosts now, so that what cannot be
// reached is known before a run starts. Without it the first request finds out.
// Where every vantage is a proxy, looking up is theirs to do and nothing is asked
// here.
func (s *Sender) Resolve(ctx context.Context) error {
	direct := len(s.cfg.Vantages) == 0
	for name, v := range s.cfg.Vantages {
		if v.Proxy != nil {
			if err := s.login(ctx, v.Proxy); err != nil {
				return fmt.Errorf("vantage %s: %w", name, err)
			}
			continue
		}
		direct = true
		if _, err := s.dialer.candidates(ctx, v); err != nil {
			return fmt.Errorf("host %s, vantage %s: %w", s.dialer.host, name, s.dialer.reason(err))
		}
	}
	if !direct {
		return nil
	}
	if _, err := s.dialer.resolve(ctx); err != nil {
		return fmt.Errorf("host %s: %w", s.dialer.host, s.dialer.reason(err))
	}
	return nil
}

// login makes the connection to a jump host.
func (s *Sender) login(ctx context.Context, p *Proxy) error {
	if p.jump == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	if _, err := p.jump.login(ctx); err != nil {
		return p.explain(err, loginTimeout)
	}
	return nil
}

// Explain says in words why the latest connection could not be made, "" if all
// could.
func (s *Sender) Explain() string {
	return string(trace.Clean(s.redactor.Text(s.dialer.explain())))
}

// Reserve implements probe.Sender.
func (s *Sender) Reserve(ctx context.Context, id trace.Identity, fresh bool) (probe.Line, trace.Fault) {
	if !fresh {
		if l := s.pop(id); l != nil {
			return l, trace.FaultNone
		}
	}
	l := &line{s: s, id: id, once: fresh}
	if fault := l.dial(ctx); fault != trace.FaultNone {
		return nil, fault
	}
	return l, trace.FaultNone
}

// pop takes the most recently used idle line that is still open, and drops
// those that are not, or may not be for long. With HTTP/2 a server says farewell, or
// allows no further stream yet.
func (s *Sender) pop(id trace.Identity) *line {
	for {
		s.mu.Lock()
		list := s.idle[id]
		if len(list) == 0 {
			s.mu.Unlock()
			return nil
		}
		l := list[len(list)-1]
		s.idle[id] = list[:len(list)-1]
		s.idleN--
		rest := s.cfg.Now() - l.usedAt
		stale := rest > s.keepFor
		s.mu.Unlock()
		if stale {
			l.drop()
			continue
		}
		if l.speaks.reserve() {
			l.rest = rest
			return l
		}
		announced := l.w.farewell() || l.Alive()
		l.drop()
		if !announced && l.w.gone.Load() {
			s.unannounced(rest, 1)
		}
	}
}

// soon is the rest after which a closed connection is the server's idle timeout
// at work, and no habit of closing.
const soon = time.Second

// unannounced notes that the server closed a connection that had been idle for
// rest, without having said so. After a long rest that is its idle timeout, and
// connections are not left idle for as long again. Two of a short rest, or one
// that cost a request, are a habit, and connections are no longer used twice:
// any further one could cost a request as well.
func (s *Sender) unannounced(rest time.Duration, weight int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rest >= soon {
		s.keepFor = min(s.keepFor, rest*3/4)
		return
	}
	s.unkept += weight
	s.brittle = s.brittle || s.unkept >= 2
}

// keepsFor takes a server at its word that it closes connections idle for d.
func (s *Sender) keepsFor(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keepFor = min(s.keepFor, d*3/4)
}

// push gives a line back for later, or closes it.
func (s *Sender) push(l *line) {
	l.usedAt = s.cfg.Now()
	s.mu.Lock()
	keep := !l.once && !s.closed && !s.brittle && s.idleN < maxIdle
	if keep {
		s.idle[l.id] = append(s.idle[l.id], l)
		s.idleN++
	}
	s.mu.Unlock()
	if !keep {
		l.drop()
	}
}

// Close closes every idle connection, and with those to jump hosts whatever goes
// through them. Others in use close when they come back.
func (s *Sender) Close() {
	s.mu.Lock()
	idle := s.idle
	s.idle, s.idleN, s.closed = map[trace.Identity][]*line{}, 0, true
	s.mu.Unlock()
	for _, list := range idle {
		for _, l := range list {
			l.drop()
		}
	}
	for _, v := range s.cfg.Vantages {
		if v.Proxy != nil {
			v.Proxy.close()
		}
	}
}

// prepared is a request that is ready to be sent.
type prepared struct {
	req *http.Request // less the body
	raw []byte        // the whole of it, in HTTP/1.1
}

// request returns the prepared request of an identity on a route.
func (s *Sender) request(id trace.Identity, route string) (*prepared, error) {
	k := requestKey{id, route}
	if p, ok := s.requests.Load(k); ok {
		return p.(*prepared), nil
	}
	req, err := s.build(id, route)
	if err != nil {
		return nil, err
	}
	p := &prepared{req: req}
	if !s.cfg.HTTP2 {
		if p.raw, err = spell(req, s.cfg.Request.Body); err != nil {
			return nil, err
		}
	}
	s.requests.Store(k, p)
	return p, nil
}

// spell writes a request out in HTTP/1.1.
func spell(req *http.Request, body []byte) ([]byte, error) {
	var b bytes.Buffer
	r := *req
	if len(body) > 0 {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	err := r.Write(&b)
	return b.Bytes(), err
}
