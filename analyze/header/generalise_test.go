package header_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"apisonde/analyze/header"
	"apisonde/probe/trace"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// What a response claims depends neither on the case of its headers' names, nor
// on their order, nor on what stands between them.
func TestCaseOrderAndNeighboursDoNotMatter(t *testing.T) {
	t.Parallel()
	var rs []record
	for _, file := range []string{"testdata/corpus.jsonl", "testdata/variants.jsonl"} {
		rs = append(rs, records(t, file)...)
	}
	for _, r := range rs {
		want := claims(t, r.decode())
		for name, change := range map[string]func([][2]string) [][2]string{
			"upper case": func(hs [][2]string) [][2]string { return mapNames(hs, strings.ToUpper) },
			"lower case": func(hs [][2]string) [][2]string { return mapNames(hs, strings.ToLower) },
			"reversed":   func(hs [][2]string) [][2]string { slices.Reverse(hs); return hs },
			"neighbours": func(hs [][2]string) [][2]string {
				return slices.Concat([][2]string{{"Server", "nginx/1.27"}, {"X-Request-Id", "1767323045"}, {"Vary", "X-RateLimit-Limit"}}, hs,
					[][2]string{{"Content-Length", "42"}, {"Keep-Alive", "timeout=5, max=100"}, {"Alt-Svc", `h3=":443"; ma=86400`}})
			},
		} {
			changed := r
			changed.Headers = change(slices.Clone(r.Headers))
			if diff := cmp.Diff(want, claims(t, changed.decode()), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s, %s: -as recorded +changed:\n%s", r.ID, name, diff)
			}
		}
	}
}

func mapNames(hs [][2]string, f func(string) string) [][2]string {
	for i := range hs {
		hs[i][0] = f(hs[i][0])
	}
	return hs
}

// Every spelling of the family's name takes every spelling of its fields.
func TestSpellingsGeneralise(t *testing.T) {
	t.Parallel()
	families := []string{"RateLimit", "X-RateLimit", "X-Rate-Limit", "Rate-Limit", "X-Acme-RateLimit", "Acme-Rate-Limit", "X-Acme-Api-Rate-Limit",
		"X-RateLimits", "X-RateLimiting", "Acme-X-Ratelimit", "x-api-ratelimit"}
	limits := []string{"Limit", "Max", "Total", "Quota", "Capacity", "Allowed"}
	lefts := []string{"Remaining", "Remain", "Left", "Available", "Limit-Remaining"}
	resets := map[string]string{"Reset": "60", "Reset-After": "60", "Reset-In": "60", "ResetTime": "2026-01-02T03:05:05Z", "Reset-At": "1767323105",
		"Reset-Ms": "60000", "Resets": "1767323105000", "Reset-Seconds": "60", "Reset-Minutes": "1", "Expires": "Fri, 02 Jan 2026 03:05:05 GMT",
		"Time-To-Reset": "1m0s", "Reset-Timestamp": "1767323105000000"}
	for _, family := range families {
		for _, limit := range limits {
			for _, left := range lefts {
				for reset, value := range resets {
					hs := lines(fmt.Sprintf("%[1]s-%[2]s: 100\n%[1]s-%[3]s: 7\n%[1]s-%[4]s: %[5]s", family, limit, left, reset, value))
					want := []header.Quota{{Limit: header.Some(100), Remaining: header.Some(7), ResetInS: header.Some(60), Unit: "requests",
						Header: trace.Text(strings.ToLower(family + "-" + limit))}}
					if diff := cmp.Diff(want, header.Decode(200, hs, nil, received).Quotas); diff != "" {
						t.Fatalf("%v -want +got:\n%s", hs, diff)
					}
				}
			}
		}
	}
}

// A window, a scope or a unit may stand before or behind the field's word, and in
// several spellings.
func TestQualifiersGeneralise(t *testing.T) {
	t.Parallel()
	const minute, hour, day = 60, 3600, 86400
	for word, window := range map[string]float64{"Minute": minute, "Per-Minute": minute, "PerMinute": minute, "Hourly": hour, "Hour": hour, "1h": hour,
		"Day": day, "Daily": day, "24hour": day, "15min": 15 * minute, "10-Minutes": 10 * minute, "Requests-Minute": minute, "Second": 1, "10s": 10} {
		for _, form := range []string{"X-RateLimit-Limit-%s\nX-RateLimit-Remaining-%s", "X-RateLimit-%s-Limit\nX-RateLimit-%s-Remaining",
			"X-Acme-Rate-Limit-%s-Limit\nX-Acme-Rate-Limit-%s-Remaining", "RateLimit-Limit-%s\nRateLimit-Remaining-%s"} {
			names := strings.Split(fmt.Sprintf(form, word, word), "\n")
			q := header.Decode(200, lines(names[0]+": 100\n"+names[1]+": 7"), nil, received).Quotas
			if len(q) != 1 || q[0].WindowS != header.Some(window) || q[0].Limit != header.Some(100) || q[0].Remaining != header.Some(7) {
				t.Errorf("%v is read as %+v, want one quota of %v s", names, q, window)
			}
			if len(q) == 1 && string(q[0].Name) != strings.ToLower(word) {
				t.Errorf("%v is called %q", names, q[0].Name)
			}
		}
	}
}
