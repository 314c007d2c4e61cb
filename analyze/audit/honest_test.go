package audit_test

import (
	"testing"
)

// Layers, nodes, penalties and queues make honest headers look wrong.
func TestHonestStacks(t *testing.T) {
	t.Parallel()
	for _, specs := range [][]string{
		{"fixed-window,limit=20,window=5s,by=ip,nodes=2,align=first-request,headers=ietf"},
		{"fixed-window,limit=10,window=1s,by=ip", "fixed-window,limit=100,window=60s,by=key"},
		{"token-bucket,rate=20,burst=20,by=ip,headers=none", "sliding-counter,limit=60,window=20s,by=user"},
		{"token-bucket,rate=10,burst=10,by=ip,headers=none", "fixed-window,limit=1000,window=300s,by=ip,headers=ietf"},
		{"token-bucket,rate=1000,burst=100,by=ip", "token-bucket,rate=10,burst=10,by=ip,headers=none,retry-after=exact"},
		{"leaky-queue,rate=20,depth=20,by=ip,headers=ietf"},
		{"fixed-window,limit=5,window=2s,by=ip,penalty=7s,penalty-extends,headers=github"},
		{"fixed-window,limit=1,window=2s,by=ip"},
	} {
		t.Run(specs[len(specs)-1], func(t *testing.T) {
			t.Parallel()
			_, v := probe(t, 6, lan, specs...)
			if len(v.Headers.Conflicts) > 0 {
				t.Errorf("%v: %+v", specs, v.Headers.Conflicts)
			}
		})
	}
}
