package limit

import (
	"strings"
	"testing"
	"time"
)

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ spec, say string }{
		{"", `"" is not a limiter: give none, token-bucket, fixed-window`},
		{"bucket,rate=5", `"bucket" is not a limiter`},
		{"token-bucket", "token-bucket needs rate="},
		{"token-bucket,rate=5", "token-bucket needs burst="},
		{"token-bucket,rate=5,burst=2,limit=3", `"limit" makes no sense for token-bucket, which takes rate, burst, tick, align, by`},
		{"token-bucket,rat=5,burst=2", `unknown setting "rat": token-bucket takes rate, burst`},
		{"token-bucket,rate=5,burst=2,", `unknown setting ""`},
		{"token-bucket,rate=5,rate=6,burst=2", `"rate" is given twice`},
		{"token-bucket,rate,burst=2", `"rate" needs a value`},
		{"token-bucket,rate=-5,burst=2", `rate: "-5" is not a rate`},
		{"token-bucket,rate=NaN,burst=2", `rate: "NaN" is not a rate`},
		{"token-bucket,rate=Inf,burst=2", `rate: "Inf" is not a rate`},
		{"token-bucket,rate=5,burst=2.5", `burst: "2.5" is not a count`},
		{"token-bucket,rate=5,burst=0", `burst: "0" is not a count`},
		{"token-bucket,rate=5,burst=2,align=clock", `"align" makes no sense for token-bucket`},
		{"token-bucket,rate=5,burst=2,tick=300ms", "tick=300ms brings 1.5 tokens at rate=5: give a tick that brings whole ones"},
		{"token-bucket,rate=5,burst=2,tick=1ms", "tick=1ms brings 0.005 tokens"},
		{"token-bucket,rate=5,burst=2,tick=1s,align=last-request", `align: "last-request" is not known here: give clock, first-request or process-start`},
		{"fixed-window,limit=5", "fixed-window needs window="},
		{"fixed-window,limit=5,window=60", `window: "60" is not a duration: give one such as 500ms`},
		{"fixed-window,limit=5,window=0s", `window: "0s" is not a duration`},
		{"fixed-window,limit=5,window=1m,align=utc", `align: "utc" is not known here: give clock, first-request, process-start or last-request`},
		{"sliding-counter,limit=5,window=1m,align=last-request", `give clock, first-request or process-start`},
		{"sliding-log,limit=5,window=1m,align=clock", `"align" makes no sense for sliding-log`},
		{"fixed-window,limit=5,window=1m,by=owner", `by: "owner" is not known here: give global, or ip, key, user, route or forwarded, joined with +`},
		{"fixed-window,limit=5,window=1m,by=ip+", `by: "" is not known here`},
		{"fixed-window,limit=5,window=1m,by=ip+ip", `by: "ip" stands twice`},
		{"fixed-window,limit=5,window=1m,by=ip+global", `by: "global" is not known here`},
		{"fixed-window,limit=5,window=1m,route=a", `route: "a" is not a path`},
		{"fixed-window,limit=5,window=1m,route=/a?b", `route: "/a?b" is not a path`},
		{"fixed-window,limit=5,window=1m,route=/a,by=route", "by=route makes no sense with route="},
		{"fixed-window,limit=5,window=1m,status=200", `status: "200" is not a status of refusal`},
		{"fixed-window,limit=5,window=1m,headers=draft", `headers: "draft" is not known here: give legacy, ietf, github, none or lying`},
		{"fixed-window,limit=5,window=1m,retry-after=soon", `retry-after: "soon" is not known here: give exact, floor, long or none`},
		{"fixed-window,limit=5,window=1m,count-rejected=yes", `"count-rejected" takes no value`},
		{"fixed-window,limit=5,window=1m,penalty-extends", "penalty-extends, -clears, -expires and -status need penalty="},
		{"fixed-window,limit=5,window=1m,penalty=9s,penalty-status=200", `penalty-status: "200" is not a status of refusal`},
		{"fixed-window,limit=5,window=1m,or=100", `or: "" is not a duration`},
		{"concurrency,limit=5,penalty=9s,penalty-clears", `"penalty-clears" makes no sense for concurrency`},
		{"fixed-window,limit=5,window=1m,penalty=0s", `penalty: "0s" is not a duration`},
		{"fixed-window,limit=5,window=1m,anonymous=ip", "anonymous makes no sense without key, user or forwarded in by="},
		{"fixed-window,limit=5,window=1m,by=key,anonymous=ban", `anonymous: "ban" is not known here: give shared, unlimited, ip or refuse`},
		{"fixed-window,limit=5,window=1m,nodes=0", `nodes: "0" is not a count`},
		{"leaky-queue,rate=10,depth=2,count-rejected", `"count-rejected" makes no sense for leaky-queue`},
		{"leaky-queue,rate=0.001,depth=1000", "the last of 1000 waiting would wait for more than 24h0m0s"},
		{"leaky-queue,rate=10,depth=2,undelayed=0", `undelayed: "0" is not a count`},
		{"slow-down,limit=5,window=1m", "slow-down needs delay="},
		{"slow-down,limit=5,window=1m,delay=1s,max-delay=9s,refuse-after=4", "refuse-after=4 makes no sense below limit=5"},
		{"concurrency,limit=5,window=1m", `"window" makes no sense for concurrency`},
		{"concurrency,limit=5,retry-after=exact", "retry-after makes no sense for concurrency without penalty"},
		{"none,limit=5", `"limit" makes no sense for none, which takes route, latency or jitter`},
		{"none,latency=-5ms", `latency: "-5ms" is not a duration`},
	} {
		_, err := Parse([]string{"none", test.spec})
		if err == nil {
			t.Errorf("%q parsed", test.spec)
			continue
		}
		if got := err.Error(); !strings.Contains(got, test.say) || !strings.HasPrefix(got, "limiter 2 (") {
			t.Errorf("%q: %s\nwant it to say: %s", test.spec, got, test.say)
		}
	}
	if _, err := Parse(nil); err == nil {
		t.Error("no spec at all parsed")
	}
}

func TestParseTakes(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{
		"none", "none,route=/slow,latency=50ms,jitter=5ms",
		" fixed-window , limit=5, window=1m ",
		"token-bucket,rate=5,burst=20,by=key",
		"fixed-window,limit=100,window=60s,by=ip,align=clock",
		"leaky-queue,rate=10,depth=20,by=ip",
		"concurrency,limit=5,by=user", "concurrency,limit=5,retry-after=none", "concurrency,limit=5,penalty=10s,retry-after=exact",
		"sliding-log,limit=5,window=90s,by=ip+key,status=503,penalty=10s,penalty-extends,count-rejected",
		"sliding-counter,limit=5,window=1h30m,by=global,nodes=3",
	} {
		if _, err := Parse([]string{spec}); err != nil {
			t.Errorf("%q: %v", spec, err)
		}
	}
}

// FuzzParse looks for specs that parse and then break a limiter.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"none,latency=1ms,jitter=2ms",
		"token-bucket,rate=0.001,burst=20,by=key+user,anonymous=ip,count-rejected",
		"fixed-window,limit=1,window=1ms,align=last-request,headers=github,retry-after=long",
		"sliding-log,limit=3,window=8760h,penalty=10s,penalty-extends",
		"sliding-counter,limit=1000000000,window=1s,align=process-start,headers=ietf,retry-after=floor",
		"leaky-queue,rate=1000000,depth=5,by=global,status=503",
		"concurrency,limit=1,by=forwarded,nodes=1000,headers=lying,route=/a",
	} {
		f.Add(seed, int64(time.Second), 3)
	}
	f.Fuzz(func(t *testing.T, spec string, gap int64, conn int) {
		s, err := Parse([]string{spec})
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		now := origin
		for range 20 {
			d := s.Decide(now, Request{IP: "i", Route: "/a", Conn: conn})
			if d.Delay < 0 || d.Admit != (d.Status == 200) {
				t.Fatalf("%q: %+v", spec, d)
			}
			for _, h := range d.Headers {
				if strings.HasPrefix(h[1], "-") {
					t.Fatalf("%q: %s: %s", spec, h[0], h[1])
				}
			}
			d.Release()
			now = now.Add(time.Duration(gap))
		}
	})
}
