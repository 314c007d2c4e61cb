package report_test

import (
	"strings"
	"testing"
	"time"

	"apisonde/probe/trace"
)

func TestTheWidthOfABurstAndLateRequestsAreTold(t *testing.T) {
	t.Parallel()
	tr := traceOf(6, []trace.Identity{{Vantage: "ip1"}}, func(int, trace.Identity) int { return 200 })
	at := 10 * time.Second
	for i := range tr.Observations {
		o := &tr.Observations[i]
		o.Step, o.Planned = 1, at
		if i < 2 {
			o.Planned = time.Second // a smaller burst before
		}
		o.Written = o.Planned + time.Duration(i)*700*time.Microsecond
		o.FirstByte, o.Done = o.Written+1, o.Written+2
		o.Late = i == 5
	}
	page := string(markdown(t, base(tr), tr))
	if want := "The largest burst, of 4 requests, left within 2.1 ms. 1 request left later than planned."; !strings.Contains(page, want) {
		t.Errorf("no %q in:\n%s", want, page)
	}
}
