package limit

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHeaders(t *testing.T) {
	t.Parallel()
	const epoch = "1767322810" // of origin + 10 s
	for _, test := range []struct {
		spec string
		// The answers to the first request and, after the limit was used up, to
		// the one at 6.5 s, which is refused.
		first, refused [][2]string
	}{
		{
			"fixed-window,limit=2,window=10s",
			[][2]string{{"X-RateLimit-Limit", "2"}, {"X-RateLimit-Remaining", "1"}, {"X-RateLimit-Reset", "10"}},
			[][2]string{{"X-RateLimit-Limit", "2"}, {"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "4"}, {"Retry-After", "4"}},
		},
		{
			"fixed-window,limit=2,window=10s,headers=ietf,retry-after=floor",
			[][2]string{{"RateLimit-Policy", `"default";q=2;w=10`}, {"RateLimit", `"default";r=1;t=10`}},
			[][2]string{{"RateLimit-Policy", `"default";q=2;w=10`}, {"RateLimit", `"default";r=0;t=4`}, {"Retry-After", "3"}},
		},
		{
			"fixed-window,limit=2,window=10s,headers=github,retry-after=none",
			[][2]string{{"X-RateLimit-Limit", "2"}, {"X-RateLimit-Remaining", "1"}, {"X-RateLimit-Used", "1"}, {"X-RateLimit-Reset", epoch}},
			[][2]string{{"X-RateLimit-Limit", "2"}, {"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Used", "2"}, {"X-RateLimit-Reset", epoch}},
		},
		{
			"fixed-window,limit=2,window=10s,headers=lying,retry-after=long",
			[][2]string{{"X-RateLimit-Limit", "4"}, {"X-RateLimit-Remaining", "4"}, {"X-RateLimit-Reset", "10"}},
			[][2]string{{"X-RateLimit-Limit", "4"}, {"X-RateLimit-Remaining", "4"}, {"X-RateLimit-Reset", "4"}, {"Retry-After", "7"}},
		},
		{"fixed-window,limit=2,window=10s,headers=none", nil, nil},
		{"fixed-window,limit=2,window=10s,headers=none,retry-after=exact", nil, [][2]string{{"Retry-After", "4"}}},
		{
			"token-bucket,rate=0.1,burst=2,headers=ietf",
			[][2]string{{"RateLimit-Policy", `"default";q=2;w=20`}, {"RateLimit", `"default";r=1;t=10`}},
			[][2]string{{"RateLimit-Policy", `"default";q=2;w=20`}, {"RateLimit", `"default";r=0;t=14`}, {"Retry-After", "4"}},
		},
		{
			"sliding-log,limit=2,window=1500ms,headers=ietf,penalty=20s", // not a whole number of seconds
			[][2]string{{"RateLimit-Policy", `"default";q=2`}, {"RateLimit", `"default";r=1;t=2`}},
			[][2]string{{"RateLimit-Policy", `"default";q=2`}, {"RateLimit", `"default";r=0;t=14`}, {"Retry-After", "14"}},
		},
		{
			"concurrency,limit=2,headers=ietf",
			[][2]string{{"RateLimit-Policy", `"default";q=2`}, {"RateLimit", `"default";r=1`}},
			[][2]string{{"RateLimit-Policy", `"default";q=2`}, {"RateLimit", `"default";r=0`}},
		},
	} {
		t.Run(test.spec, func(t *testing.T) {
			t.Parallel()
			s := mustParse(t, test.spec)
			first := s.Decide(origin, Request{})
			s.Decide(origin, Request{})
			s.Decide(origin, Request{})
			refused := s.Decide(origin.Add(ms(6500)), Request{})
			if !first.Admit || refused.Admit {
				t.Fatalf("first admitted: %v, last admitted: %v", first.Admit, refused.Admit)
			}
			if diff := cmp.Diff(test.first, first.Headers); diff != "" {
				t.Errorf("first (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(test.refused, refused.Headers); diff != "" {
				t.Errorf("refused (-want +got)\n%s", diff)
			}
		})
	}
}
