// Package trace holds the values that a run is made of: who asked, what came
// back and when. It is a leaf: values only, no I/O and no clock. What an
// observation means (admitted, limited, not evidence) is derived elsewhere, so
// that better rules improve old traces.
package trace

import "time"

// Dim is one dimension along which a limiter may tell callers apart.
type Dim string

// The dimensions. Owner is the account behind a key; a verdict calls it "user".
const (
	DimIP        Dim = "ip"
	DimKey       Dim = "key"
	DimOwner     Dim = "owner"
	DimUser      Dim = "user"
	DimRoute     Dim = "route"
	DimForwarded Dim = "forwarded"
)

// Identity is the set of labels a request goes out under. It never holds a
// secret: Key is the name of a key, not the key. The empty string means that
// the request carries nothing of that kind.
type Identity struct {
	Vantage   string `json:"ip,omitempty"`        // name of the address it leaves from
	Key       string `json:"key,omitempty"`       // name of the API key
	Owner     string `json:"owner,omitempty"`     // account the key belongs to, where it was told
	User      string `json:"user,omitempty"`      // user that travels in a place of its own
	Forwarded string `json:"forwarded,omitempty"` // claimed X-Forwarded-For address
}

// Value returns the label that a request under id and route has in dimension d.
func (id Identity) Value(d Dim, route string) string {
	switch d {
	case DimIP:
		return id.Vantage
	case DimKey:
		return id.Key
	case DimOwner:
		return id.Owner
	case DimUser:
		return id.User
	case DimRoute:
		return route
	case DimForwarded:
		return id.Forwarded
	}
	return ""
}

// Shares tells whether two identities come from one address or belong to one
// account: the key, its owner or the user is the same. Keys whose owner was not
// told are accounts of their own.
func (id Identity) Shares(with Identity) bool {
	same := func(a, b string) bool { return a != "" && a == b }
	return id.Vantage == with.Vantage || same(id.Key, with.Key) || same(id.Owner, with.Owner) || same(id.User, with.User)
}

// String names the identity in a form short enough for a table cell.
func (id Identity) String() string {
	s := ""
	add := func(v string) {
		if v == "" {
			return
		}
		if s != "" {
			s += "/"
		}
		s += v
	}
	add(id.Vantage)
	add(id.Key)
	if id.Owner != "" {
		s += "@" + id.Owner
	}
	add(id.User)
	if id.Forwarded != "" {
		add("xff:" + id.Forwarded)
	}
	if s == "" {
		return "anonymous"
	}
	return s
}

// Header is one response header line as received, sanitised (see Clean).
type Header struct {
	Name  Text `json:"n"`
	Value Text `json:"v"`
}

// Fault is what went wrong in the transport, or "" when a response arrived.
type Fault string

// The transport faults. A fault is never a limiter's rejection by itself.
const (
	FaultNone      Fault = ""
	FaultResolve   Fault = "resolve"   // the name did not resolve
	FaultConnect   Fault = "connect"   // no connection
	FaultTLS       Fault = "tls"       // handshake or certificate
	FaultChanged   Fault = "changed"   // the server shows another certificate than before
	FaultProxy     Fault = "proxy"     // the vantage's proxy or jump host refused
	FaultStream    Fault = "stream"    // HTTP/2: the server reset the stream or said farewell
	FaultReset     Fault = "reset"     // connection closed or reset before a whole response
	FaultTimeout   Fault = "timeout"   // no answer in time
	FaultMalformed Fault = "malformed" // not HTTP, or over a size bound
	FaultLocal     Fault = "local"     // this machine: descriptors, ports
	FaultCancelled Fault = "cancelled" // ended by the operator while in flight
	FaultUnknown   Fault = "unknown"   // sent, fate unknown (an intent without an outcome)
)

// Observation is one request and what came of it. Offsets are measured from
// one monotonic origin, the start of the run; zero FirstByte or Done means that
// the event never happened. The server decided somewhere between Written and
// FirstByte.
type Observation struct {
	Seq      int      `json:"seq"`  // from 1, in the order of sending
	Step     int      `json:"step"` // the plan step it belongs to, from 1; 0 for canaries
	Identity Identity `json:"id"`
	Route    string   `json:"route"`
	Conn     int      `json:"conn"` // ordinal of the connection, from 1

	Planned   time.Duration `json:"planned"`
	Written   time.Duration `json:"written"`
	FirstByte time.Duration `json:"first,omitempty"`
	Done      time.Duration `json:"done,omitempty"`
	Late      bool          `json:"late,omitempty"` // missed its schedule; what counts is when it left

	Status  int      `json:"status,omitempty"`
	Headers []Header `json:"headers,omitempty"` // allow-listed only
	Body    Body     `json:"body,omitzero"`
	Fault   Fault    `json:"fault,omitempty"`

	// Ban is whether the server seemed to have banned the caller with this answer.
	// Whoever shares its address or its account was asked nothing more.
	Ban bool `json:"ban,omitempty"`

	// Egress is "" for requests to the target. Otherwise the request asked
	// Meta.EgressCheck where it arrives from, and this is the address, or
	// EgressUnknown. It says nothing of the target.
	Egress string `json:"egress,omitempty"`
}

// Body is what is kept of a response body: its size, a digest and the first
// bytes of a refusal's text, which sometimes is all that says what happened.
type Body struct {
	Bytes  int64  `json:"bytes,omitempty"`
	Digest string `json:"digest,omitempty"` // hex of the first 8 bytes of its SHA-256
	Text   Text   `json:"text,omitempty"`   // at most 512 bytes, of responses other than 2xx
}

// Outcome is how an observation counts.
type Outcome int

// The outcomes.
const (
	Ignored  Outcome = iota // a transport fault, or an answer that says nothing about quota
	Admitted                // the limiter let it through
	Limited                 // the limiter refused it
	Refused                 // refused for another reason: credentials, method, distress
)

// String names the outcome.
func (o Outcome) String() string {
	return [...]string{"ignored", "admitted", "limited", "refused"}[o]
}

// Target is what is assessed: one origin, one method, a first route.
type Target struct {
	Method string `json:"method"`
	URL    string `json:"url"` // without user information or secret query values
}

// Meta opens a trace.
type Meta struct {
	Tool    string    `json:"tool"` // version that wrote it
	Target  Target    `json:"target"`
	Started time.Time `json:"started"` // wall clock at offset zero
	Seed    uint64    `json:"seed"`
	Roster  Roster    `json:"roster"`
	Budget  Budget    `json:"budget"`
	// LimitedWhen are the user's own signs of a rejection, as they were written.
	LimitedWhen []string `json:"limited_when,omitempty"`
	// EgressCheck is the URL that was asked where requests arrive from, fit to be
	// shown; "" if none was.
	EgressCheck string `json:"egress_check,omitempty"`
	// HTTP is the version that was spoken where it was not 1.1.
	HTTP string `json:"http,omitempty"`
	// Loopback is whether the target was this machine.
	Loopback bool `json:"loopback"`
}

// End closes a trace; its absence means that the run did not finish in order.
type End struct {
	Reason   string        `json:"reason"` // stop reason of the verdict contract, "" for none
	At       time.Duration `json:"at"`
	Requests int           `json:"requests"`
	Ended    time.Time     `json:"ended,omitzero"` // wall clock at At, from which a resumed run tells how long it paused
}

// Resumption begins a further part of a trace: the same assessment, by another
// process. Its offsets go on from At.
type Resumption struct {
	Tool    string        `json:"tool"`
	Started time.Time     `json:"started"` // wall clock at At
	At      time.Duration `json:"at"`
	Budget  Budget        `json:"budget"` // of all parts together, from now on
	// Unplaced is whether the wall clock ran backwards between the parts: then
	// the pause counts as none, and how long it was is unknown.
	Unplaced bool `json:"unplaced,omitempty"`
}

// Trace is a whole run as read back.
type Trace struct {
	Meta         Meta
	Observations []Observation
	End          *End     // nil: incomplete
	Damage       []string // what recovery had to drop, in words

	// Resumptions are the later parts; Meta.Budget is that of the latest.
	Resumptions []Resumption
	// Lost are requests that a crash may have kept from the record: a lease
	// allowed them. They count as spent.
	Lost int
}
