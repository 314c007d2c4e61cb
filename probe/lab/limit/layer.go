package limit

import (
	"net/netip"
	"time"
)

// label is what a counter is kept under: the values of the dimensions that its
// layer counts by, and the node.
type label struct {
	ip, key, user, route, forwarded string
	node                            int
}

// tally is one counter with the block that a penalty puts on it.
type tally struct {
	core    core
	blocked instant // refused until then
	asked   instant // last
}

// layer is one limiter with all its counters.
type layer struct {
	config
	epoch   instant
	tallies map[label]*tally
	writer  writer
}

func newLayer(c *config, name string) *layer {
	return &layer{config: *c, tallies: map[label]*tally{}, writer: newWriter(c, name)}
}

// guards says whether the layer looks at requests for that path.
func (l *layer) guards(route string) bool { return l.route == "" || l.route == route }

// ruling is what a layer says of one request.
type ruling struct {
	admit  bool
	status int // of a refusal
	hold   time.Duration
	tally  *tally // charged; nil: no counter had a part in it
}

// clock is what the layer's clock shows at an instant.
func (l *layer) clock(at instant) instant {
	if l.wholeSeconds {
		return at.floor(0, time.Second)
	}
	return at
}

// rule charges the layer for one request.
func (l *layer) rule(at instant, r *Request) ruling {
	at = l.clock(at)
	if l.kind == none {
		return ruling{admit: true}
	}
	key, anonymous := l.label(r)
	if anonymous && l.anonymous == anonUnlimited {
		return ruling{admit: true}
	}
	if anonymous && l.anonymous == anonRefuse {
		return ruling{status: 401}
	}
	t := l.tallies[key]
	if t == nil {
		t = &tally{core: newCore(&l.config, l.epoch)}
		l.tallies[key] = t
	}
	status := l.status
	if at < t.blocked && l.blockStatus > 0 {
		status = l.blockStatus
	}
	admit, hold := l.charge(t, at)
	return ruling{admit: admit, status: status, hold: hold, tally: t}
}

// charge asks the counter, unless a penalty answers for it.
func (l *layer) charge(t *tally, at instant) (admit bool, hold time.Duration) {
	if l.expires && at >= t.asked.add(l.penalty) {
		t.core = newCore(&l.config, l.epoch)
	}
	t.asked = at
	blocked := at < t.blocked
	if !blocked {
		if admit, hold = t.core.take(at); admit {
			return true, hold
		}
	}
	switch {
	case l.clears:
		t.core = newCore(&l.config, l.epoch)
	case l.countRefused:
		t.core.count(at)
	}
	if l.penalty > 0 && (!blocked || l.extends) {
		t.blocked = at.add(l.penalty)
	}
	return false, 0
}

// label builds the counter's key for r, and says whether the caller lacks a
// label that the layer counts by.
func (l *layer) label(r *Request) (key label, anonymous bool) {
	if l.nodes > 1 {
		key.node = ((r.Conn-1)%l.nodes + l.nodes) % l.nodes
	}
	claim := func(v string) string {
		if v != "" {
			return v
		}
		anonymous = true
		if l.anonymous == anonIP {
			return "\x00" + r.IP // which is no caller's label
		}
		return ""
	}
	for _, d := range l.by {
		switch d {
		case byIP:
			key.ip = l.block(r.IP)
		case byKey:
			key.key = claim(r.Key)
		case byUser:
			key.user = claim(r.User)
		case byRoute:
			key.route = r.Route
		case byForwarded:
			key.forwarded = claim(r.Forwarded)
		}
	}
	return key, anonymous
}

// block is the part of an address that has a counter of its own: of IPv6 the
// prefix, otherwise all of it.
func (l *layer) block(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil || !a.Is6() || a.Is4In6() {
		return ip
	}
	p, err := a.WithZone("").Prefix(l.prefix)
	if err != nil {
		return ip
	}
	return p.String()
}

// quota is what the counter has left, its block included.
func (l *layer) quota(t *tally, at instant) quota {
	at = l.clock(at)
	q := t.core.quota(at)
	if block := t.blocked.sub(at); block > 0 {
		if l.clears {
			q = quota{}
		}
		q.remaining, q.wait = 0, max(q.wait, block)
		q.reset = max(q.reset, block)
	}
	return q
}
