package limit

import (
	"math"
	"slices"
	"strings"
	"time"
)

// The limiters, by the names that specs and verdicts give them.
const (
	none           = "none"
	tokenBucket    = "token-bucket"
	fixedWindow    = "fixed-window"
	slidingLog     = "sliding-log"
	slidingCounter = "sliding-counter"
	leakyQueue     = "leaky-queue"
	slowDown       = "slow-down"
	concurrency    = "concurrency"
)

// EitherWindow is what is true of two windows of which either admits.
const EitherWindow = "either-window"

var kinds = []string{none, tokenBucket, fixedWindow, slidingLog, slidingCounter, leakyQueue, slowDown, concurrency}

// The dimensions that a counter's key may be made of.
const (
	byIP        = "ip"
	byKey       = "key"
	byUser      = "user"
	byRoute     = "route"
	byForwarded = "forwarded"
)

var dims = []string{byIP, byKey, byUser, byRoute, byForwarded}

// What becomes of a caller without a label that by= names.
const (
	anonShared    = "shared"
	anonUnlimited = "unlimited"
	anonIP        = "ip"
	anonRefuse    = "refuse"
)

// The header dialects.
const (
	headersLegacy = "legacy"
	headersIETF   = "ietf"
	headersGitHub = "github"
	headersNone   = "none"
	headersLying  = "lying"
)

// How Retry-After relates to the true wait.
const (
	retryExact = "exact"
	retryFloor = "floor"
	retryLong  = "long"
	retryNone  = "none"
)

// config is one layer's settings, checked and with defaults filled in.
type config struct {
	kind string

	rate  float64 // a second
	burst int
	limit int
	depth int

	undelayed   int           // of a queue
	delay       time.Duration // by which a window that slows down holds each longer than the one before
	maxDelay    time.Duration
	refuseAfter int

	window time.Duration
	tick   time.Duration // of a bucket that is filled in steps; 0: it is filled all the time
	align  string

	orLimit  int // of a second window that admits what the first refuses; 0: none
	orWindow time.Duration

	by        []string // sorted; empty: one counter for everybody
	prefix    int      // bits of an IPv6 address that by=ip counts
	route     string   // "": every path
	anonymous string
	nodes     int

	status       int
	headers      string
	retryAfter   string
	countRefused bool
	wholeSeconds bool // its clock shows whole seconds
	penalty      time.Duration
	extends      bool
	clears       bool // the count begins anew after a block
	expires      bool // and after as long a silence
	blockStatus  int  // of a refusal during the block; 0: status

	latency time.Duration
	jitter  time.Duration

	set map[string]bool // settings that were given
}

// eachTick is how many tokens come in at each tick.
func (c *config) eachTick() int { return int(math.Round(c.rate * c.tick.Seconds())) }

// claimed tells whether by= names a label that a caller may lack.
func (c *config) claimed() bool {
	return slices.ContainsFunc(c.by, func(d string) bool {
		return d == byKey || d == byUser || d == byForwarded
	})
}

// list writes words for a person: "a, b or c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
