package header_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"apisonde/analyze/header"
	"apisonde/probe/trace"

	"github.com/google/go-cmp/cmp"
)

// lines makes headers of "Name: value" lines.
func lines(text string) []trace.Header {
	var hs []trace.Header
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			hs = append(hs, trace.Header{Name: trace.Clean(name), Value: trace.Clean(value)})
		}
	}
	return hs
}

func TestDocumentHasTheFormOfTheContract(t *testing.T) {
	t.Parallel()
	doc := header.Decode(429, lines("RateLimit-Limit: 100, 100;w=60\nRateLimit-Remaining: 0\nRateLimit-Reset: 20\nRetry-After: 20"), nil, received)
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"schema":"apisonde/headers/v1","status":429,"limited":true,"retry_after_s":20,"scope_hint":null,` +
		`"dialects":["ietf-draft-03","retry-after"],` +
		`"quotas":[{"name":null,"limit":100,"remaining":0,"used":null,"window_s":60,"reset_in_s":20,"unit":"requests"}],` +
		`"kind":"limited","why":"status 429","wait_s":20,"wait_from":"retry-after","cost":null,"refill_per_s":null,"unknown":[],"warnings":[]}`
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var back header.Document
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	doc.Quotas[0].Header = "" // the one thing that the document does not write
	if diff := cmp.Diff(doc, back); diff != "" {
		t.Errorf("a document read back differs: -want +got:\n%s", diff)
	}
}

func TestWaits(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]header.Num{
		"0": header.Some(0), "30": header.Some(30), "2.5": header.Some(2.5), `"30"`: header.Some(30), "007": header.Some(7),
		"3024000": header.Some(3024000), "3024001": {}, "50000000": {}, "999999999": {},
		"1767323105": header.Some(60), "1767323105.25": header.Some(60.25), "1767323045000": header.Some(0), "1767323105250": header.Some(60.25),
		"1767323105250000": header.Some(60.25), "1767323105250000000": header.Some(60.25), "9999999999999999999": {}, "99999999999999999999": {},
		"17673231050": {}, "176732310500": {}, "4102444800": {}, "1000000000": header.Some(0),
		"6m0s": header.Some(360), "1h2m3.5s": header.Some(3723.5), "20ms": header.Some(0.02), "250µs": header.Some(0.00025), "2d": header.Some(172800),
		"30 seconds": header.Some(30), "1 hour": header.Some(3600), "36d": {}, "5 fortnights": {}, "s": {}, "5m5": {}, "-5s": {}, "5e2s": {},
		"Fri, 02 Jan 2026 03:05:05 GMT":           header.Some(60),
		"Fri, 02 Jan 2026 03:05:05 UTC":           header.Some(60),
		"Fri, 02 Jan 2026 03:05:05":               header.Some(60),
		"Fri, 2 Jan 2026 03:05:05 GMT":            header.Some(60),
		"Fri, 02 Jan 2026 04:05:05 +0100":         header.Some(60),
		"Fri, 02 Jan 2026 03:05:05 PST":           {},
		"Friday, 02-Jan-26 03:05:05 GMT":          header.Some(60),
		"Fri, 02-Jan-2026 03:05:05 GMT":           header.Some(60),
		"Fri Jan  2 03:05:05 2026":                header.Some(60),
		"Fri Jan  2 03:05:05 UTC 2026":            header.Some(60),
		"Fri Jan 02 2026 04:05:05 GMT+0100 (CET)": header.Some(60),
		"2026-01-02T03:05:05Z":                    header.Some(60),
		"2026-01-02t03:05:05z":                    header.Some(60),
		"2026-01-02T03:05:05.250Z":                header.Some(60.25),
		"2026-01-02T03:05:05+0000":                header.Some(60),
		"2026-01-02T04:05:05+01:00":               header.Some(60),
		"2026-01-02 03:05:05":                     header.Some(60),
		"2026-01-02 03:05:05 UTC":                 header.Some(60),
		"2026-01-02 03:05:05 +0000":               header.Some(60),
		"2026-01-02 03:05:05 +0000 UTC":           header.Some(60),
		"20260102T030505Z":                        header.Some(60),
		"2026-13-02T03:05:05Z":                    {}, "2026-02-30T03:05:05Z": {}, "2026-01-02": {}, "03:05:05": {},
		"2025-01-02T03:05:05Z": header.Some(0), "9999-12-31T23:59:59Z": {},
	} {
		if got := header.Decode(429, lines("Retry-After: "+value), nil, received).RetryAfterS; got != want {
			t.Errorf("Retry-After: %s is %v, want %v", value, got, want)
		}
		hs := lines("X-RateLimit-Limit: 5\nX-RateLimit-Reset: " + value)
		if got := header.Decode(200, hs, nil, received).Quotas[0].ResetInS; got != want {
			t.Errorf("X-RateLimit-Reset: %s is %v, want %v", value, got, want)
		}
	}
}

func TestWhichWaitWins(t *testing.T) {
	t.Parallel()
	type waits struct {
		Retry, Wait header.Num
		From        trace.Text
	}
	const reset = "X-RateLimit-Limit: 5\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 50\n"
	for _, c := range []struct {
		name     string
		hs, body string
		want     waits
	}{
		{"milliseconds before seconds", "Retry-After: 9\nRetry-After-Ms: 1500\n" + reset, `{"retry_after":7}`,
			waits{header.Some(1.5), header.Some(1.5), "retry-after-ms"}},
		{"garbage milliseconds", "Retry-After: 9\nRetry-After-Ms: soon\n", "", waits{header.Some(9), header.Some(9), "retry-after"}},
		{"the longest of a rank", "Retry-After: 9\nX-RateLimit-Retry-After: 12\nRetry-After: 3\n", "",
			waits{header.Some(12), header.Some(12), "x-ratelimit-retry-after"}},
		{"seconds before a reset", "Retry-After: 9\n" + reset, "", waits{header.Some(9), header.Some(9), "retry-after"}},
		{"a reset before the body", reset, `{"retry_after":7}`, waits{header.Some(7), header.Some(50), "x-ratelimit-limit"}},
		{"the body alone", "", `{"retry_after":7,"message":"try again in 9s"}`, waits{header.Some(9), header.Some(9), "the body"}},
		{"nothing", "", "", waits{}},
	} {
		doc := header.Decode(429, lines(c.hs), []byte(c.body), received)
		if diff := cmp.Diff(c.want, waits{doc.RetryAfterS, doc.WaitS, doc.WaitFrom}); diff != "" {
			t.Errorf("%s: -want +got:\n%s", c.name, diff)
		}
	}
}

func TestPrimary(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		hs     string
		want   string // the quota's name, "-" for none
	}{
		{"none", 200, "Server: x", "-"},
		{"a reset alone is no claim to test", 200, "X-RateLimit-Reset: 5", "-"},
		{"the exhausted one of a refusal", 429, "X-RateLimit-Limit-Second: 5\nX-RateLimit-Remaining-Second: 1\nX-RateLimit-Limit-Hour: 100\nX-RateLimit-Remaining-Hour: 0", "hour"},
		{"of two exhausted ones the one that the wait names", 429,
			"X-RateLimit-Limit-a: 5\nX-RateLimit-Remaining-a: 0\nX-RateLimit-Reset-a: 1\nX-RateLimit-Limit-b: 5\nX-RateLimit-Remaining-b: 0\nX-RateLimit-Reset-b: 60\nRetry-After: 1", "a"},
		{"of two exhausted ones the one that lasts", 429,
			"X-RateLimit-Limit-a: 5\nX-RateLimit-Remaining-a: 0\nX-RateLimit-Reset-a: 1\nX-RateLimit-Limit-b: 5\nX-RateLimit-Remaining-b: 0\nX-RateLimit-Reset-b: 60", "b"},
		{"requests before tokens", 200, "x-ratelimit-limit-tokens: 100\nx-ratelimit-remaining-tokens: 1\nx-ratelimit-limit-requests: 100\nx-ratelimit-remaining-requests: 90", "requests"},
		{"with a window before without", 200, "X-RateLimit-Limit-a: 5\nX-RateLimit-Remaining-a: 1\nX-RateLimit-Limit-Minute: 5\nX-RateLimit-Remaining-Minute: 4", "minute"},
		{"the nearest to its end", 200, "X-RateLimit-Limit-Hour: 100\nX-RateLimit-Remaining-Hour: 1\nX-RateLimit-Limit-Minute: 5\nX-RateLimit-Remaining-Minute: 4", "hour"},
	} {
		q, ok := header.Decode(c.status, lines(c.hs), nil, received).Primary()
		if got := string(q.Name); (ok && got != c.want) || (!ok && c.want != "-") {
			t.Errorf("%s: %q (%v), want %q", c.name, got, ok, c.want)
		}
	}
}

func TestUnknownHeadersAreShownRaw(t *testing.T) {
	t.Parallel()
	doc := header.Decode(200, lines("X-RateLimit-Mood: grumpy\nX-RateLimit-NearLimit: true\nX-Upload-Limit: 5\nX-Powered-By: cats\nStripe-Should-Retry: true"), nil, received)
	want := []header.Field{{Name: "x-ratelimit-mood", Value: "grumpy"}, {Name: "x-ratelimit-nearlimit", Value: "true"},
		{Name: "stripe-should-retry", Value: "true"}, {Name: "x-upload-limit", Value: "5"}}
	if diff := cmp.Diff(want, doc.Unknown); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCostAndRefill(t *testing.T) {
	t.Parallel()
	for hs, want := range map[string][2]header.Num{
		"X-RateLimit-Burst-Capacity: 20\nX-RateLimit-Replenish-Rate: 10\nX-RateLimit-Requested-Tokens: 2\nX-RateLimit-Remaining: 18": {header.Some(2), header.Some(10)},
		"X-RateLimit-Limit: 30\nX-RateLimit-FillRate: 30\nX-RateLimit-Interval-Seconds: 10":                                          {{}, header.Some(3)},
		"X-Complexity: 12\nX-RateLimit-Complexity-Limit: 250000":                                                                     {header.Some(12), {}},
		"x-ms-request-charge: 2.83\nx-ms-retry-after-ms: 0":                                                                          {header.Some(2.83), {}},
		"X-LS-API-Bucket-Level: 9/60\nX-LS-API-Drip-Rate: 1":                                                                         {{}, header.Some(1)},
		"Units: 10/20828/64000": {header.Some(10), {}},
	} {
		doc := header.Decode(200, lines(hs), nil, received)
		if got := [2]header.Num{doc.Cost, doc.RefillPerS}; got != want {
			t.Errorf("%s: %v, want %v", hs, got, want)
		}
	}
}

func TestGarbageIsWarnedOf(t *testing.T) {
	t.Parallel()
	doc := header.Decode(200, lines("X-RateLimit-Limit: 1e3\nX-RateLimit-Reset: tomorrow\nX-RateLimit-Remaining: unlimited\nRateLimit-Policy: \"a\";q=1;w=-4"), nil, received)
	want := []trace.Text{
		"x-ratelimit-limit is no plain number and is ignored: 1e3",
		"x-ratelimit-reset is no believable time and is ignored: tomorrow",
		"ratelimit-policy has a window that is not believed: -4",
	}
	if diff := cmp.Diff(want, doc.Warnings); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The receipt's zone must not matter, nor the machine's.
func TestZoneOfTheReceiptDoesNotMatter(t *testing.T) {
	t.Parallel()
	far := received.In(time.FixedZone("far", -11*3600))
	hs := lines("X-RateLimit-Limit: 5\nX-RateLimit-Reset: 2026-01-02 03:05:05")
	if got := header.Decode(200, hs, nil, far).Quotas[0].ResetInS; got != header.Some(60) {
		t.Errorf("reset in %v s, want 60", got)
	}
}
