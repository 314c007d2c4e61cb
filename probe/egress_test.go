package probe_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisonde/probe"
	"apisonde/probe/plan"
	"apisonde/probe/trace"
)

// teller is a Sender whose server tells each vantage an address.
type teller struct {
	*wire
	tells map[string]string
}

type toldLine struct {
	probe.Line
	address string
}

func (s teller) Reserve(ctx context.Context, id trace.Identity, fresh bool) (probe.Line, trace.Fault) {
	l, fault := s.wire.Reserve(ctx, id, fresh)
	if l == nil {
		return nil, fault
	}
	return toldLine{l, s.tells[id.Vantage]}, fault
}

func (l toldLine) Receive() trace.Observation {
	o := l.Line.Receive()
	o.Egress = l.address
	return o
}

const check = "https://ip.example/"

// checked runs a session that asks where the requests of a, b and c arrive from.
func checked(t *testing.T, tells map[string]string, budget int, answer func(call) reply) (*run, probe.Result) {
	t.Helper()
	r := setup(t, trace.Roster{Vantages: []string{"a", "b", "c"}, Keys: []trace.Key{{Name: "k"}}, Routes: []string{"/"}}, answer)
	r.meta.EgressCheck, r.meta.Budget.MaxRequests = check, budget
	r.session = probe.NewSession(probe.Config{Meta: r.meta, Decider: r.script, Sender: r.wire, Egress: teller{r.wire, tells}, Journal: r.wire, Clock: r.clock})
	return r, r.do(context.Background())
}

func sentTo(calls []call) []string {
	var out []string
	for _, c := range calls {
		out = append(out, c.id.String()+" "+c.route)
	}
	return out
}

func TestWhereRequestsArriveFrom(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tells map[string]string
		then  []string // the target is asked as these
		note  string
	}{
		"three":    {map[string]string{"a": "192.0.2.1", "b": "192.0.2.2", "c": "2001:db8::1"}, []string{"a/k /", "b/k /", "c/k /"}, ""},
		"two":      {map[string]string{"a": "192.0.2.1", "b": "192.0.2.1", "c": "192.0.2.3"}, []string{"a/k /", "c/k /"}, "ip b is left out: its requests arrive from the same address as those of a, 192.0.2.1"},
		"one":      {map[string]string{"a": "192.0.2.1", "b": "192.0.2.1", "c": "192.0.2.1"}, []string{"a/k /"}, "ip c is left out: its requests arrive from the same address as those of a, 192.0.2.1"},
		"not told": {map[string]string{"a": "192.0.2.1"}, []string{"a/k /", "b/k /", "c/k /"}, "where the requests of ip b arrive from was not told (status 200)"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, res := checked(t, c.tells, 100, nil)
			// Neither keys nor users go to whoever tells the address.
			want := append([]string{"a " + check, "b " + check, "c " + check}, c.then...)
			if d := cmp.Diff(want, sentTo(r.calls)); d != "" {
				t.Errorf("%s (-want +sent):\n%s", name, d)
			}
			if c.note != "" && !slices.Contains(res.Notes, c.note) || c.note == "" && len(res.Notes) > 0 {
				t.Errorf("%s: notes %q", name, res.Notes)
			}
			for i, o := range res.Trace.Observations {
				if (o.Egress != "") != (i < 3) || i < 3 && (r.intents[i].Egress != trace.EgressUnknown || r.outcomes[i].Egress != o.Egress) {
					t.Errorf("%s: request %d is recorded with %q after %q", name, o.Seq, o.Egress, r.intents[i].Egress)
				}
			}
			if len(r.script.seen) != len(r.calls) {
				t.Errorf("%s: the decider saw %d of %d", name, len(r.script.seen), len(r.calls))
			}
			for _, y := range r.session.Snapshot().Tallies {
				if y.Route == check {
					t.Errorf("%s: the screen counts it as a caller of the target", name)
				}
			}
		})
	}
}

func TestAskingWhereRequestsArriveFromIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, res := checked(t, nil, 2, nil)
		if res.Reason != probe.StopBudget || len(r.calls) != 2 {
			t.Errorf("ended with %q after %d requests", res.Reason, len(r.calls))
		}
	})
	synctest.Test(t, func(t *testing.T) { // a server that fails costs one request each, and no run
		r, res := checked(t, nil, 100, func(c call) reply {
			if strings.HasPrefix(c.route, "https:") {
				return reply{fault: trace.FaultTimeout, after: time.Second}
			}
			return reply{}
		})
		if res.Reason != probe.StopNone || len(r.calls) != 6 {
			t.Errorf("ended with %q, %v after %d requests", res.Reason, res.Err, len(r.calls))
		}
	})
}

func TestThePlanCountsTheFirstQuestions(t *testing.T) {
	t.Parallel()
	p := plan.Plan{Roster: trace.Roster{Vantages: []string{"a", "b"}, Routes: []string{"/"}}, Budget: plan.Budget{MaxRequests: 100, MaxDuration: time.Minute, MaxInflight: 1}}
	without := p.Worst()[0].Requests
	p.EgressCheck = check
	if got := p.Worst()[0].Requests; got != without-2 || p.Opening() != 4 {
		t.Errorf("at most %d instead of %d, %d at first", got, without, p.Opening())
	}
}
