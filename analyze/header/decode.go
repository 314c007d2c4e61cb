package header

import (
	"strings"
	"time"

	"apisonde/probe/trace"
)

// Bounds on what one response can make the decoder keep.
const (
	maxHeaders  = 512     // header lines looked at
	maxName     = 128     // bytes of a name
	maxValue    = 8 << 10 // bytes of a value
	maxCostly   = 8 << 10 // bytes of values with a grammar, of all headers
	maxQuotas   = 64      // quotas kept
	maxWarnings = 32      // warnings, and unknown headers, kept
	maxShown    = 80      // bytes of a value quoted in a warning
)

// Decode reads the claims of one response. hs are its header lines in order, as
// received; body may be cut short; receivedAt is when the response arrived.
//
// The wait that wins is the first of these that is present and valid: fields in
// milliseconds and X-Retry-In; Retry-After and its named variants; the reset of
// the quota that governs; the body. RetryAfterS leaves resets out, which have a
// place of their own.
func Decode(status int, hs []trace.Header, body []byte, receivedAt time.Time) Document {
	d := decoder{status: status, facts: readBody(status, body)}
	hs = hs[:min(len(hs), maxHeaders)]
	d.clock = newClock(dateOf(hs), receivedAt)
	for i := range hs {
		d.header(hs[i])
	}
	d.body()
	d.settle()
	return d.document()
}

func dateOf(hs []trace.Header) string {
	for _, h := range hs {
		if len(h.Name) == len("Date") && strings.EqualFold(string(h.Name), "Date") {
			return string(h.Value)
		}
	}
	return ""
}

// decoder gathers what the headers of one response say.
type decoder struct {
	status int
	clock  clock
	facts  facts

	entries  []entry  // quotas as they grow
	policies []policy // what the IETF fields declare
	states   []state
	lists    []list // positional lists that wait for their partners
	labels   []label
	waits    [2]wait // by rank
	scope    string  // from a header that says it outright
	errType  string  // x-amzn-ErrorType
	overload string  // a header that tells overload from quota
	costly   int     // bytes of values with a grammar so far
	cost     Num
	rate     Num // refill units an interval

	dialects []string
	unknown  []Field
	warnings []trace.Text
}

// wait is a stated wait and the field that states it.
type wait struct {
	known bool
	d     time.Duration
	from  trace.Text
}

// header hands one header line to the first dialect that knows it.
func (d *decoder) header(h trace.Header) {
	if len(h.Name) > maxName || !telling(string(h.Name)) {
		return
	}
	lower := strings.ToLower(string(h.Name))
	if len(h.Value) > maxValue {
		d.warn(lower, "is too long to read", "")
		return
	}
	value := string(h.Value)
	if strings.ContainsAny(value, `{;,="`) {
		if d.costly += len(value); d.costly > maxCostly {
			d.warn(lower, "is not read: there are too many long values before it", "")
			return
		}
	}
	for _, dialect := range dialects {
		if dialect(d, lower, value) {
			return
		}
	}
	if likely(lower) {
		d.raw(lower, value)
	}
}

// dialects in the order in which they are asked; each takes a header or leaves
// it. Exact names come before shapes.
var dialects = [...]func(d *decoder, lower, value string) bool{
	notOurs,
	retryHeader,
	exactHeader,
	weightHeader,
	miniHeader,
	usageHeader,
	pairHeader,
	reasonHeader,
	familyHeader,
	looseHeader,
}

// notOurs drops headers that only name others.
func notOurs(_ *decoder, lower, _ string) bool {
	return strings.HasPrefix(lower, "access-control-") || strings.HasPrefix(lower, "content-") || lower == "vary" || lower == "trailer"
}

// telling is a cheap sieve: whether a name can be of interest at all. Most
// headers of a response fail it without an allocation.
func telling(name string) bool {
	for i := 0; i+3 < len(name); i++ {
		switch name[i] | 0x20 {
		case 'a':
			if fold(name[i:], "available") || fold(name[i:], "allowed") {
				return true
			}
		case 'l':
			if fold(name[i:], "limit") || fold(name[i:], "left") {
				return true
			}
		case 'r':
			if fold(name[i:], "rate") || fold(name[i:], "request-charge") || fold(name[i:], "retry") || fold(name[i:], "remain") || fold(name[i:], "replenish") || fold(name[i:], "reset") {
				return true
			}
		case 'q':
			if fold(name[i:], "quota") || fold(name[i:], "qps-") {
				return true
			}
		case 'u':
			if fold(name[i:], "usage") || fold(name[i:], "used") || fold(name[i:], "units") {
				return true
			}
		case 't':
			if fold(name[i:], "throttle") || fold(name[i:], "token-count") {
				return true
			}
		case 'c':
			if fold(name[i:], "counter-reset") || fold(name[i:], "complexity") || fold(name[i:], "concurren") || fold(name[i:], "credit") {
				return true
			}
		case 'e':
			if fold(name[i:], "errortype") || fold(name[i:], "error-type") || fold(name[i:], "error-code") || fold(name[i:], "envoy-overloaded") {
				return true
			}
		case 'b':
			if fold(name[i:], "bucket") || fold(name[i:], "backoff") {
				return true
			}
		case 'k':
			if fold(name[i:], "kubernetes-pf") {
				return true
			}
		case 'o':
			if fold(name[i:], "order-count") {
				return true
			}
		}
	}
	return false
}

func fold(s, word string) bool { return len(s) >= len(word) && strings.EqualFold(s[:len(word)], word) }

// likely tells a name that is probably about rate limits, though no dialect
// took it.
func likely(lower string) bool {
	if _, end, _ := core(lower); end > 0 {
		return true
	}
	for _, word := range [...]string{"limit-", "-limit", "remaining", "throttle", "retry-", "quota"} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return false
}

// saw records that a dialect was met.
func (d *decoder) saw(dialect string) {
	for _, have := range d.dialects {
		if have == dialect {
			return
		}
	}
	if dialect != "" && len(d.dialects) < maxWarnings {
		d.dialects = append(d.dialects, dialect)
	}
}

// raw keeps a header as it is.
func (d *decoder) raw(lower, value string) {
	if len(d.unknown) < maxWarnings {
		d.unknown = append(d.unknown, Field{trace.Text(lower), trace.Text(clip(bare(value)))})
	}
}

// warn says what could not be read. Both texts are the server's, cleaned at
// ingest.
func (d *decoder) warn(lower, what, value string) {
	if len(d.warnings) >= maxWarnings {
		return
	}
	w := lower + " " + what
	if value != "" {
		w += ": " + clip(value)
	}
	d.warnings = append(d.warnings, trace.Clean(w))
}

func clip(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown], "") + "…"
}

// count reads a figure and warns of garbage.
func (d *decoder) count(lower, value string) Num {
	if v, ok := plain(value); ok {
		return Some(v)
	}
	if !boundless(value) {
		d.warn(lower, "is no plain number and is ignored", value)
	}
	return Num{}
}

// when reads a reset and warns of garbage.
func (d *decoder) when(lower, value string, unit time.Duration) Num {
	if v, ok := d.clock.wait(value, unit); ok {
		return seconds(v)
	}
	if !boundless(value) {
		d.warn(lower, "is no believable time and is ignored", value)
	}
	return Num{}
}
