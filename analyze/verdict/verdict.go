// Package verdict is the document that an assessment ends in, as other programs
// read it: apisonde/verdict/v1. A figure is null (nothing is stated) or a value
// with the ends of a 95 % interval; a made-up number has no way in.
package verdict

import "time"

// Schema names the format and its version.
const Schema = "apisonde/verdict/v1"

// Figure is a stated quantity with the ends of its 95 % interval.
type Figure struct {
	Value float64 `json:"value"`
	Lo    float64 `json:"lo"`
	Hi    float64 `json:"hi"`
}

// Exact is a figure known without error.
func Exact(v float64) *Figure { return &Figure{v, v, v} }

// The outcomes of an assessment.
const (
	OutcomeLimited      = "limited"
	OutcomeNoLimit      = "no-limit-found"
	OutcomeInconclusive = "inconclusive"
	OutcomeStopped      = "stopped"
)

// The algorithms a limit may follow.
const (
	FixedWindow    = "fixed-window"
	SlidingLog     = "sliding-log"
	SlidingCounter = "sliding-counter"
	TokenBucket    = "token-bucket"
	LeakyQueue     = "leaky-queue"
	Concurrency    = "concurrency"
	Unknown        = "unknown"
)

// The alignments of a window.
const (
	AlignClock        = "clock"
	AlignFirstRequest = "first-request"
	AlignProcessStart = "process-start"
	AlignTick         = "tick"
	AlignLastRequest  = "last-request"
)

// Egress is the address that a vantage is seen from.
type Egress struct {
	IP      string  `json:"ip"`      // the vantage's name
	Address *string `json:"address"` // null: not told
	SameAs  *string `json:"same_as"` // the earlier vantage it shares the address with, and counts as; null: none
}

// Verdict is the whole document.
type Verdict struct {
	Schema     string     `json:"schema"`
	Tool       Tool       `json:"tool"`
	Target     Target     `json:"target"`
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt time.Time  `json:"finished_at"`
	Outcome    string     `json:"outcome"`
	StopReason *string    `json:"stop_reason"`
	Cost       Cost       `json:"cost"`
	TestedUpTo TestedUpTo `json:"tested_up_to"`
	Limits     []Limit    `json:"limits"`
	// Egress is where the requests of each vantage arrive from, where that was
	// asked.
	Egress    []Egress   `json:"egress,omitempty"`
	Headers   Headers    `json:"headers"`
	Costs     []RouteUse `json:"costs"`
	Advice    *Advice    `json:"advice"` // null where nothing can be advised
	Warnings  []string   `json:"warnings"`
	NotTested []string   `json:"not_tested"`
}

// Tool is the program that wrote the document.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Target is what was assessed.
type Target struct {
	Method string `json:"method"`
	URL    string `json:"url"`
}

// Cost is what the assessment spent: Requests = Admitted + Limited + Ignored.
type Cost struct {
	Requests int     `json:"requests"`
	Admitted int     `json:"admitted"`
	Limited  int     `json:"limited"`
	Ignored  int     `json:"ignored"`
	WallS    float64 `json:"wall_s"`
	Bytes    int64   `json:"bytes"`
}

// TestedUpTo is the most that was sent without meeting a further layer.
type TestedUpTo struct {
	RequestsPerWindow int     `json:"requests_per_window"`
	RatePerS          float64 `json:"rate_per_s"`
	Concurrency       int     `json:"concurrency"`
	DurationS         float64 `json:"duration_s"`
}

// Limit is one layer that was met.
type Limit struct {
	Scope               []string   `json:"scope"` // null unless one candidate remains; [] is shared by everybody
	ScopeCandidates     [][]string `json:"scope_candidates"`
	ScopeConfidence     float64    `json:"scope_confidence"`
	Algorithm           string     `json:"algorithm"`
	Equivalent          []string   `json:"equivalent"`
	AlgorithmConfidence float64    `json:"algorithm_confidence"`
	Limit               *Figure    `json:"limit"`
	Burst               *Figure    `json:"burst"`
	WindowS             *Figure    `json:"window_s"`
	RatePerS            *Figure    `json:"rate_per_s"`
	Undelayed           *Figure    `json:"undelayed"`
	MaxDelayS           *Figure    `json:"max_delay_s"`
	Alignment           *string    `json:"alignment"`
	Routes              []string   `json:"routes"` // null: every route probed
	Unit                string     `json:"unit"`
	Nodes               *Figure    `json:"nodes"`
	IPv6Prefix          *Figure    `json:"ipv6_prefix,omitempty"` // leading bits of an IPv6 address that have a counter
	Anonymous           *string    `json:"anonymous"`
	Rejection           Rejection  `json:"rejection"`
	Confidence          float64    `json:"confidence"`
	Source              string     `json:"source"`
	Evidence            []Evidence `json:"evidence"`
	// Settle names the experiment that would decide what is left open; "" where
	// nothing is.
	Settle string `json:"settle,omitempty"`
}

// Rejection is how this layer refuses.
type Rejection struct {
	Statuses                 []int      `json:"statuses"`
	CountsAgainstLimit       *bool      `json:"counts_against_limit"`
	ChargedByOtherRejections *bool      `json:"charged_by_other_rejections"`
	PenaltyS                 *Figure    `json:"penalty_s"`
	PenaltyExtends           *bool      `json:"penalty_extends"`
	RetryAfter               RetryAfter `json:"retry_after"`
}

// RetryAfter says how the Retry-After of this layer compares with the wait that
// was needed: exact, early, late, inconsistent or absent. BiasS is the stated
// wait less the needed one, in seconds; 0 where it is exact but for the rest of a
// whole second, nil where that was not seen.
type RetryAfter struct {
	Verdict string   `json:"verdict"`
	BiasS   *float64 `json:"bias_s"`
}

// Evidence is one claim and the observations (by sequence number) it rests on.
type Evidence struct {
	Claim        string `json:"claim"`
	Observations []int  `json:"observations"`
}

// Headers is what the responses claim about limits, and where behaviour differs.
type Headers struct {
	Dialects  []string   `json:"dialects"`
	Claims    []Claim    `json:"claims"`
	Conflicts []Conflict `json:"conflicts"`
}

// Claim is one thing that headers state, with how often it was seen.
type Claim struct {
	Header       string   `json:"header"`
	Says         string   `json:"says"`
	Limit        *float64 `json:"limit"`
	WindowS      *float64 `json:"window_s"`
	Observations []int    `json:"observations"`
}

// Conflict is a header against which behaviour speaks.
type Conflict struct {
	Header       string `json:"header"`
	Claim        string `json:"claim"`
	Measurement  string `json:"measurement"`
	Observations []int  `json:"observations"`
}

// RouteUse is what a route costs in the unit of the limit, where it is not one.
type RouteUse struct {
	Route string `json:"route"`
	Cost  Figure `json:"cost"`
}

// Advice is what a client should set.
type Advice struct {
	Pace     Pace     `json:"pace"`
	Backoff  Backoff  `json:"backoff"`
	Expected Expected `json:"expected"`
	// Reasons says, for people, where each setting comes from.
	Reasons []Reason `json:"reasons"`
}

// Pace is a client-side token bucket: RatePerS on average, Burst at once, no two
// requests closer than MinSpacingS once the burst is spent, for each combination
// of the dimensions in Per.
type Pace struct {
	Per         []string `json:"per"` // null where the scope is open: then for the whole client
	RatePerS    *float64 `json:"rate_per_s"`
	Burst       *float64 `json:"burst"`
	Concurrency *int     `json:"concurrency"`
	MinSpacingS *float64 `json:"min_spacing_s"`
}

// Backoff is how to retry a rejected request.
type Backoff struct {
	BaseS           float64 `json:"base_s"`
	Factor          float64 `json:"factor"`
	CapS            float64 `json:"cap_s"`
	MaxAttempts     int     `json:"max_attempts"`
	Jitter          string  `json:"jitter"`
	HonorRetryAfter bool    `json:"honor_retry_after"`
	// RetryAfterMarginS is what to add to a Retry-After that comes too short.
	RetryAfterMarginS float64 `json:"retry_after_margin_s,omitempty"`
}

// Expected is what a client that follows the advice should see.
type Expected struct {
	Efficiency     *float64 `json:"efficiency"`       // share of the limit's capacity used
	RejectsPer1000 *float64 `json:"rejects_per_1000"` // null where a layer that was met is not known well enough
}

// Reason explains one setting.
type Reason struct {
	Setting string `json:"setting"` // "pace.rate_per_s"
	Because string `json:"because"`
}
