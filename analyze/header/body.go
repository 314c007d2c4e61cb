package header

import (
	"bytes"
	"strings"
	"time"

	"apisonde/probe/trace"
)

// Bounds on the part of a body that is read.
const (
	maxBody = 64 << 10 // bytes walked for codes
	maxText = 4 << 10  // bytes searched for phrases
)

// facts are what a body says about a refusal.
type facts struct {
	code     string // an error code or number that means "limited"
	phrase   bool   // words that mean it
	billing  string // what says that a plan or a balance is spent
	overload string // what says that the server is busy
	scope    string
	waits    []bodyWait
	backoff  bool     // a wait that an answer asks for though it is no refusal
	counters []param  // figures of a quota: key is the field's word
	name     string   // of that quota
	plain    bool     // that quota counts requests, not points
	oauth    bool     // Meta's error type was seen
	meta     string   // a code that means a limit if it was
	violated []string // policies that problem+json names
}

// bodyWait is a wait as written, and the unit of a bare number.
type bodyWait struct {
	text string
	unit time.Duration
}

// hints are the byte sequences without which an answer below 400 is not worth a
// walk.
var hints = [...][]byte{[]byte("imit"), []byte("IMIT"), []byte("hrottl"), []byte("HROTTL"), []byte("oo many"), []byte("ooMany"),
	[]byte("OO_MANY"), []byte("oo_many"), []byte(`"backoff"`), []byte("429"), []byte("uota"), []byte("UOTA"), []byte("RESOURCE_EXHAUSTED"),
	[]byte(`"error`), []byte(`"err`), []byte(`"retCode"`), []byte(`"complexity"`), []byte(`"code"`)}

// readBody reads what a body says. Bodies of answers below 400 are walked only
// where they are JSON and hold a telling word; texts are searched only in
// refusals.
func readBody(status int, body []byte) (f facts) {
	body = bytes.TrimSpace(body[:min(len(body), maxBody)])
	if len(body) == 0 {
		return f
	}
	structured := body[0] == '{' || body[0] == '['
	if status < 400 {
		worth := false
		for _, hint := range hints {
			worth = worth || bytes.Contains(body, hint)
		}
		if !structured || !worth {
			return f
		}
	}
	if structured {
		scanJSON(string(body), func(path []string, value string, quoted bool) { f.value(status, path, value, quoted) })
		if f.meta != "" && f.oauth && f.code == "" {
			f.code = f.meta
		}
	}
	if status >= 400 || f.code != "" {
		f.text(string(body[:min(len(body), maxText)]), structured)
	}
	return f
}

// value takes one scalar of a JSON body.
func (f *facts) value(status int, path []string, value string, quoted bool) {
	key, parent := "", ""
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == "" {
			continue
		}
		if key == "" {
			key = path[i]
			continue
		}
		parent = path[i]
		break
	}
	key, parent = squeeze(key), squeeze(parent)
	if quoted {
		f.word(status, key, parent, value)
	}
	f.number(key, parent, value)
	if unit, ok := waitKeys[key]; ok {
		f.backoff = f.backoff || (key == "backoff" && len(path) == 1)
		f.wait(value, unit)
	}
	f.counter(key, parent, value, len(path))
	if key == "global" && value == "true" && !quoted {
		f.scope = "global"
	}
}

// erring tells places where errors are told.
func erring(key, parent string) bool {
	switch parent {
	case "error", "errors", "extensions", "parameters", "fault", "exception", "details":
		return true
	}
	return key == "error" || key == "errors"
}

// codeKeys are the keys whose text may be an error's code.
var codeKeys = words(`code errorcode errcode error errors err type reason name status message msg title label id detail retmsg errmsg result note
	information tag errorsummary errortype errorname errormessage errorstatus err ecode info faultcode faultstring kind exception cause description errordescription`)

// word takes a text: a code, or a message.
func (f *facts) word(status int, key, parent, value string) {
	if codeKeys[key] && f.code == "" && codeIn(limitedCodes, value) && (status >= 400 || !plainKey(key) || erring(key, parent) || parent == "") {
		f.code = value
	}
	if codeKeys[key] && f.billing == "" && codeIn(billingCodes, value) {
		f.billing = value
	}
	if codeKeys[key] && f.overload == "" && codeIn(overloadCodes, value) {
		f.overload = value
	}
	if key == "type" && strings.Contains(value, "OAuth") || key == "fbtraceid" {
		f.oauth = true
	}
	if key == "violatedpolicies" && len(f.violated) < maxMembers {
		f.violated = append(f.violated, clip(value))
	}
	if strings.HasPrefix(value, "Thank you for using Alpha Vantage") || strings.Contains(value, "standard API call frequency") {
		f.code = "call frequency"
	}
}

// plainKey tells keys that ordinary data has too.
func plainKey(key string) bool {
	switch key {
	case "type", "name", "status", "id", "kind", "label", "tag", "reason", "result", "description", "note":
		return true
	}
	return false
}

// number takes a numeric code, quoted or not.
func (f *facts) number(key, parent, value string) {
	if len(value) > 9 || f.code != "" || value == "" {
		return
	}
	if n := digits(strings.TrimPrefix(value, "-")); n == 0 || n < len(value)-1 {
		return
	}
	if parent == "error" && key == "code" {
		if known, needsType := metaCode(value); known && needsType {
			f.meta = value
		} else if known {
			f.code = value
		}
	}
	if numberCodes[parent+"."+key+"="+value] {
		f.code = value
	}
}

// waitKeys are the keys under which bodies state a wait, and the unit of a bare
// number there.
var waitKeys = map[string]time.Duration{
	"retryafter": time.Second, "retryafterseconds": time.Second, "retryaftersecs": time.Second, "retryaftersec": time.Second,
	"retryafters": time.Second, "retryafterms": time.Millisecond, "retryaftermillis": time.Millisecond,
	"retryaftermilliseconds": time.Millisecond, "retryin": time.Second, "retryinseconds": time.Second, "retryinms": time.Millisecond,
	"retrydelay": time.Second, "retrydelayms": time.Millisecond, "wait": time.Second, "waitseconds": time.Second, "waittime": time.Second,
	"backoff": time.Second, "backoffseconds": time.Second, "resetsinseconds": time.Second, "resetinseconds": time.Second,
	"resetinxseconds": time.Second, "secondsuntilreset": time.Second, "retryat": time.Second, "retryafterdate": time.Second,
	"cooldownseconds": time.Second, "throttleseconds": time.Second, "ratelimitduration": time.Second, "timetowait": time.Second, "secondstowait": time.Second,
}

func (f *facts) wait(text string, unit time.Duration) {
	if len(f.waits) < maxMembers && len(text) <= maxName {
		f.waits = append(f.waits, bodyWait{text, unit})
	}
}

// counterKeys are the figures of GraphQL's cost and rate-limit objects.
var counterKeys = map[string]string{
	"throttlestatus.maximumavailable": "limit", "throttlestatus.currentlyavailable": "remaining", "throttlestatus.restorerate": "rate",
	"ratelimit.limit": "limit", "ratelimit.remaining": "remaining", "ratelimit.used": "used", "ratelimit.resetat": "reset",
	"ratelimit.cost": "cost", "cost.actualquerycost": "cost",
	".quotamax": "limit", ".quotaremaining": "remaining",
	"complexity.after": "remaining", "complexity.query": "cost", "complexity.resetinxseconds": "reset",
}

func (f *facts) counter(key, parent, value string, depth int) {
	if word, ok := counterKeys[parent+"."+key]; ok && (depth >= 3) == (parent != "") && len(f.counters) < maxMembers {
		f.counters = append(f.counters, param{word, value})
		f.plain = parent == ""
		if parent == "complexity" {
			f.name = parent
		}
	}
}

// text searches the words of a refusal.
func (f *facts) text(body string, structured bool) {
	lower := strings.ToLower(body)
	find := func(list []string) string {
		for _, phrase := range list {
			if strings.Contains(lower, phrase) {
				return phrase
			}
		}
		return ""
	}
	f.phrase = find(limitPhrases) != "" && !strings.Contains(lower, "storagequota") && !strings.Contains(lower, "storage quota")
	if f.billing == "" {
		f.billing = find(billingPhrases)
	}
	if f.overload == "" {
		f.overload = find(overloadPhrases)
	}
	if !structured && f.code == "" {
		f.code = xmlCode(body)
	}
	f.phraseWaits(lower)
	if f.scope == "" {
		f.scope = textScope(lower)
	}
}

// xmlCode finds a known code between the tags of an XML error.
func xmlCode(body string) string {
	for _, tag := range [...]string{"<Code>", "<code>", "<ErrorCode>", "<errorCode>", "<Message>", "<title>"} {
		if _, rest, found := strings.Cut(body, tag); found {
			if code, _, closed := strings.Cut(rest, "<"); closed && codeIn(limitedCodes, code) {
				return code
			}
		}
	}
	return ""
}

// body adds the quota that only the body tells.
func (d *decoder) body() {
	f := &d.facts
	if len(f.counters) == 0 {
		return
	}
	d.saw("body")
	e := entry{family: "body", valueName: true, Quota: Quota{Name: Label(f.name), Unit: unitPoints, Header: trace.Text("the body")}}
	if f.plain {
		e.Unit = unitRequests
	}
	for _, c := range f.counters {
		switch c.key {
		case "cost":
			d.cost = d.count("the body", c.value)
		case "rate":
			d.rate = d.count("the body", c.value)
		default:
			d.figure(&e, fieldWords[c.key], "the body", c.value, time.Second, false)
		}
	}
	if e.says() {
		d.add(e)
	}
}
