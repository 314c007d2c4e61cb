package header_test

import (
	"strings"
	"testing"

	"apisonde/analyze/header"
	"apisonde/probe/trace"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	type h = []trace.Header
	for _, c := range []struct {
		name   string
		status int
		hs     h
		body   string
		want   header.Kind
	}{
		{"429 alone", 429, nil, "", header.KindLimited},
		{"418", 418, nil, "", header.KindLimited},
		{"420", 420, nil, "", header.KindLimited},
		{"200", 200, h{{Name: "X-RateLimit-Remaining", Value: "0"}}, "", header.KindNone},
		{"404 with nothing left", 404, h{{Name: "X-RateLimit-Remaining", Value: "0"}}, "", header.KindNone},
		{"403 alone", 403, nil, "", header.KindNone},
		{"403 of permissions", 403, h{{Name: "X-RateLimit-Remaining", Value: "10"}}, `{"message":"Resource not accessible by integration"}`, header.KindNone},
		{"403 with nothing left", 403, h{{Name: "X-RateLimit-Remaining", Value: "0"}}, "", header.KindLimited},
		{"403 with a wait", 403, h{{Name: "Retry-After", Value: "60"}}, "", header.KindLimited},
		{"403 with garbage for a wait", 403, h{{Name: "Retry-After", Value: "soon"}}, "", header.KindNone},
		{"403 of Google", 403, nil, `{"error":{"errors":[{"domain":"usageLimits","reason":"userRateLimitExceeded"}],"code":403}}`, header.KindLimited},
		{"403 of a full drive", 403, nil, `{"error":{"errors":[{"domain":"global","reason":"storageQuotaExceeded","message":"The user's Drive storage quota has been exceeded."}],"code":403}}`, header.KindNone},
		{"403 in words", 403, nil, `{"message":"API rate limit exceeded for 192.0.2.1."}`, header.KindLimited},
		{"503 alone", 503, nil, "", header.KindOverload},
		{"503 with a wait", 503, h{{Name: "Retry-After", Value: "60"}}, "", header.KindOverload},
		{"503 of S3", 503, nil, `<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>`, header.KindLimited},
		{"529", 529, nil, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, header.KindOverload},
		{"400 of DynamoDB", 400, nil, `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"x"}`, header.KindLimited},
		{"400 by error type", 400, h{{Name: "x-amzn-ErrorType", Value: "ThrottlingException:http://internal.amazon.com/"}}, "", header.KindLimited},
		{"400 by another error type", 400, h{{Name: "x-amzn-ErrorType", Value: "ValidationException"}}, "", header.KindNone},
		{"400 that mentions a rate limit", 400, nil, `{"error":"the field rate_limit must be positive"}`, header.KindNone},
		{"400 of Meta", 400, nil, `{"error":{"message":"(#4) Application request limit reached","type":"OAuthException","code":4}}`, header.KindLimited},
		{"400 with Meta's number alone", 400, nil, `{"error":{"message":"no such page","code":4}}`, header.KindNone},
		{"200 of Shopify", 200, nil, `{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}]}`, header.KindLimited},
		{"200 of Slack", 200, nil, `{"ok":false,"error":"ratelimited"}`, header.KindLimited},
		{"200 of Kraken", 200, nil, `{"error":["EAPI:Rate limit exceeded"],"result":{}}`, header.KindLimited},
		{"200 with data like a code", 200, nil, `{"devices":[{"name":"fan","status":"throttled"}]}`, header.KindNone},
		{"200 of JSON-RPC", 200, nil, `{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"daily request count exceeded"}}`, header.KindLimited},
		{"200 of a map", 200, nil, `{"status":"OVER_QUERY_LIMIT","results":[]}`, header.KindLimited},
		{"billing", 429, nil, `{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","code":"insufficient_quota"}}`, header.KindBilling},
		{"billing words with a wait are a quota", 429, h{{Name: "Retry-After", Value: "20"}}, `{"error":{"message":"You exceeded your current quota, please check your plan and billing details."}}`, header.KindLimited},
		{"busy", 429, nil, `{"error":{"message":"The engine is currently overloaded, please try again later","type":"server_error"}}`, header.KindOverload},
		{"Kubernetes sheds load", 429, h{{Name: "X-Kubernetes-PF-FlowSchema-UID", Value: "x"}, {Name: "Retry-After", Value: "1"}}, "Too many requests, please try again later.", header.KindOverload},
		{"a body cut short", 400, nil, `{"error":{"code":"RATE_LIMITED","message":"too mu`, header.KindLimited},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, why := header.Classify(c.status, c.hs, []byte(c.body))
			if got != c.want {
				t.Errorf("kind = %s (%s), want %s", got, why, c.want)
			}
			if (got == header.KindNone) != (why == "") {
				t.Errorf("kind %s with the reason %q: a refusal has a reason and nothing else has", got, why)
			}
			doc := header.Decode(c.status, c.hs, []byte(c.body), received)
			if doc.Kind != got || doc.Why != why {
				t.Errorf("Decode says %s (%s), Classify %s (%s)", doc.Kind, doc.Why, got, why)
			}
		})
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	hs := []trace.Header{{Name: "X-Blocked-By", Value: "Edge limiter"}}
	for spec, want := range map[string]bool{
		"status=403":                           true,
		"status=400-409":                       true,
		"status=429":                           false,
		"body=Too Fast":                        true,
		"body~too (fast|slow)":                 true,
		"body~^x$":                             false,
		"header=x-blocked-by":                  true,
		"header=X-Blocked-By: edge":            true,
		"header=X-Blocked-By: origin":          false,
		"status=403 and body=too fast":         true,
		"status=404 and body=too fast":         false,
		"status=403 and header=X-Other: thing": false,
		"dropped":                              false,
	} {
		r, err := header.ParseRule(spec)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Match(403, hs, []byte("you are too fast")); got != want {
			t.Errorf("%s: match = %v", spec, got)
		}
		if got := (header.Rules{r}).ReadBody(); got != strings.Contains(spec, "body") {
			t.Errorf("%s: reads bodies: %v", spec, got)
		}
	}
	for _, spec := range []string{"", "status", "status=", "status=abc", "status=500-400", "status=1", "body~(", "colour=red", "header=: x", "status=403 and"} {
		if _, err := header.ParseRules([]string{"status=403", spec}); err == nil {
			t.Errorf("%q parses", spec)
		}
	}
	for spec, want := range map[string]bool{"dropped": true, "body~^": false, "status=403": false, "dropped and status=403": false} {
		if r, err := header.ParseRule(spec); err != nil || r.Match(0, nil, nil) != want {
			t.Errorf("%s of a connection without an answer: %v, want %v (%v)", spec, !want, want, err)
		}
	}
	if (header.Rule{}).Match(429, nil, nil) {
		t.Error("the zero rule matches")
	}
}
