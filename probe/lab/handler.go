// Package lab is the practice server: a small HTTP API behind the limiters of
// package limit, to try apisonde on and to test it with. It serves on loopback
// only, checks no credentials and logs nothing.
//
// Any path and method is answered, with 200 or the limiter's refusal and one
// line of text. Callers are told apart by
//
//	ip         the TCP source address
//	key        X-Api-Key, else the Authorization header less its scheme (basic
//	           credentials decoded), else the query's api_key, else a cookie of that name
//	user       X-User, else the user whom Options.Owners gives the key to
//	forwarded  the first address of X-Forwarded-For
//	route      the path
//
// Package limit describes the specs, and the headers that they stand for: by
// default X-RateLimit-Limit, -Remaining and -Reset in seconds from now, the
// family most widely understood, with a Retry-After that is true.
package lab

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"apisonde/probe/lab/limit"
)

// Options are what a server may know beside its limiters. The zero value is
// useful.
type Options struct {
	// Owners gives keys to users: a request that carries such a key and no
	// user of its own counts as its owner's.
	Owners map[string]string
}

// Tally counts the requests of one caller on one route.
type Tally struct {
	Caller   limit.Request // Conn is zero; Key is the key itself
	Requests int           // received, whatever became of them
	Admitted int
	Refused  int
}

// Handler serves a stack of limiters. It counts what it receives on its own, so
// that a caller's count can be compared with it. It is safe for concurrent use.
type Handler struct {
	stack   *limit.Stack
	options Options

	mu      sync.Mutex
	tallies map[limit.Request]*Tally
	order   []*Tally
	conns   int
	remotes map[string]int // connections that came without an ordinal
}

// New returns a handler over stack, whose start is now.
func New(stack *limit.Stack, o Options) *Handler {
	stack.Start(time.Now())
	return &Handler{stack: stack, options: o, tallies: map[limit.Request]*Tally{}, remotes: map[string]int{}}
}

// Requests returns a copy of the counts, in the order of first use.
func (h *Handler) Requests() []Tally {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]Tally, len(h.order))
	for i, t := range h.order {
		out[i] = *t
	}
	return out
}

// Total is the number of requests received.
func (h *Handler) Total() int {
	n := 0
	for _, t := range h.Requests() {
		n += t.Requests
	}
	return n
}

type ordinal struct{}

// ConnContext numbers a connection; it is meant for http.Server.ConnContext.
// Without it connections are numbered by their remote address.
func (h *Handler) ConnContext(ctx context.Context, _ net.Conn) context.Context {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns++
	return context.WithValue(ctx, ordinal{}, h.conns)
}

func (h *Handler) conn(r *http.Request) int {
	if n, ok := r.Context().Value(ordinal{}).(int); ok {
		return n
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.remotes[r.RemoteAddr]
	if n == 0 {
		h.conns++
		n = h.conns
		h.remotes[r.RemoteAddr] = n
	}
	return n
}

// ServeHTTP decides at once, holds an admitted request as long as the decision
// says or until its client is gone, and answers.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := caller(r, h.options.Owners)
	t := h.tally(c)
	c.Conn = h.conn(r)
	d := h.stack.Decide(time.Now(), c)
	h.count(t, d.Admit)
	gone := !wait(r.Context(), d.Delay)
	// Before the answer, so that whoever reads it finds the slot free.
	d.Release()
	if gone {
		return
	}
	header := w.Header()
	header["Content-Type"] = []string{"text/plain; charset=utf-8"}
	for _, f := range d.Headers {
		// Not by Set, which would change the case of what dialects spell.
		header[f[0]] = append(header[f[0]], f[1])
	}
	w.WriteHeader(d.Status)
	if d.Admit {
		fmt.Fprintln(w, "ok")
		return
	}
	fmt.Fprintf(w, "%d %s\n", d.Status, http.StatusText(d.Status))
}

// tally counts a request of c as received.
func (h *Handler) tally(c limit.Request) *Tally {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tallies[c]
	if t == nil {
		t = &Tally{Caller: c}
		h.tallies[c] = t
		h.order = append(h.order, t)
	}
	t.Requests++
	return t
}

func (h *Handler) count(t *Tally, admitted bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if admitted {
		t.Admitted++
	} else {
		t.Refused++
	}
}

// wait returns after d, or as soon as ctx ends, which it tells by false.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
