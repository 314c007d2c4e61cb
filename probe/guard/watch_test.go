package guard_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"apisonde/probe/guard"
	"apisonde/probe/trace"
)

// answer is one closed request in the small language of these tests: when, whose
// and what.
type answer struct {
	at      time.Duration
	key     int
	status  int
	fault   trace.Fault
	outcome trace.Outcome
	body    trace.Text
	wait    time.Duration
	trip    time.Duration
}

func (a answer) observation() trace.Observation {
	o := trace.Observation{Identity: id(a.key), Status: a.status, Fault: a.fault, Body: trace.Body{Text: a.body}}
	if a.trip > 0 {
		o.Written, o.FirstByte, o.Done = a.at+1, a.at+1+a.trip, a.at+1+a.trip
	}
	return o
}

// fine is an admitted request, over one that the limiter refused.
func fine(at time.Duration) answer {
	return answer{at: at, key: 1, status: 200, outcome: trace.Admitted}
}
func over(at time.Duration) answer {
	return answer{at: at, key: 1, status: 429, outcome: trace.Limited}
}

func bad(at time.Duration, status int) answer {
	return answer{at: at, key: 1, status: status, outcome: trace.Ignored}
}

func gone(at time.Duration, f trace.Fault) answer {
	return answer{at: at, key: 1, fault: f, outcome: trace.Ignored}
}

// asks is a refusal that states a wait.
func asks(at, wait time.Duration) answer {
	return answer{at: at, key: 1, status: 429, outcome: trace.Limited, wait: wait}
}

// took is an admitted request that left at an instant and took so long.
func took(at, trip time.Duration) answer {
	return answer{at: at, key: 1, status: 200, outcome: trace.Admitted, trip: trip}
}

const ms = time.Millisecond

func TestAlarms(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for name, tc := range map[string]struct {
		answers []answer
		alarm   guard.Alarm // of the last; all before it are calm
		home    guard.Alarm // the same on loopback
	}{
		"all is well":                     {[]answer{fine(0), over(s), over(s), fine(2 * s)}, guard.Calm, guard.Calm},
		"one failure":                     {[]answer{fine(0), bad(s, 500)}, guard.Calm, guard.Calm},
		"one failure at rest":             {[]answer{fine(0), bad(60*s, 500)}, guard.Calm, guard.Calm},
		"three failures":                  {[]answer{fine(0), bad(s, 500), bad(s, 502), bad(s, 504)}, guard.Distress, guard.Distress},
		"a failure at rest and another":   {[]answer{fine(0), bad(60*s, 500), bad(60*s, 500)}, guard.Distress, guard.Distress},
		"an answer between":               {[]answer{fine(0), bad(s, 500), bad(s, 500), fine(s), bad(s, 500), bad(s, 500)}, guard.Calm, guard.Calm},
		"a rejection between":             {[]answer{fine(0), bad(s, 500), bad(s, 500), over(s), bad(s, 500)}, guard.Calm, guard.Calm},
		"many 503 that quota explains":    {[]answer{fine(0), {0, 1, 503, "", trace.Limited, "", 0, 0}, {0, 1, 503, "", trace.Limited, "", 0, 0}, {0, 1, 503, "", trace.Limited, "", 0, 0}, {0, 1, 503, "", trace.Limited, "", 0, 0}}, guard.Calm, guard.Calm},
		"many 503 that it does not":       {[]answer{fine(0), bad(s, 503), bad(s, 503), bad(s, 503)}, guard.Distress, guard.Distress},
		"client errors":                   {[]answer{fine(0), bad(s, 400), bad(s, 400), bad(s, 405), bad(s, 400)}, guard.Calm, guard.Calm},
		"timeouts":                        {[]answer{fine(0), gone(s, "timeout"), gone(s, "timeout"), gone(s, "timeout")}, guard.Distress, guard.Distress},
		"no connection any more":          {[]answer{fine(0), gone(s, "connect"), gone(s, "connect"), gone(s, "connect")}, guard.Cut, guard.Cut},
		"a mixture":                       {[]answer{fine(0), gone(s, "connect"), bad(s, 500), gone(s, "connect")}, guard.Distress, guard.Distress},
		"cancelled by the operator":       {[]answer{fine(0), gone(s, "cancelled"), gone(s, "cancelled"), gone(s, "cancelled"), gone(s, "cancelled")}, guard.Calm, guard.Calm},
		"resets after a rejection":        {[]answer{fine(0), over(s), gone(s, "reset"), gone(s, "reset"), gone(s, "reset")}, guard.Ban, guard.Distress},
		"no connection after rejections":  {[]answer{fine(0), over(s), gone(s, "connect"), gone(s, "connect"), gone(s, "connect")}, guard.Ban, guard.Cut},
		"403 after 429":                   {[]answer{fine(0), over(s), {2 * s, 1, 403, "", trace.Limited, "", 0, 0}}, guard.Ban, guard.Calm},
		"401 after 429":                   {[]answer{fine(0), over(s), {2 * s, 1, 401, "", trace.Refused, "", 0, 0}}, guard.Ban, guard.Calm},
		"418 after 429":                   {[]answer{fine(0), over(s), {2 * s, 1, 418, "", trace.Limited, "", 0, 0}}, guard.Ban, guard.Calm},
		"a challenge after 429":           {[]answer{fine(0), over(s), {2 * s, 1, 429, "", trace.Limited, "<title>Just a moment...</title>", 0, 0}}, guard.Ban, guard.Calm},
		"403 as the first rejection":      {[]answer{fine(0), {s, 1, 403, "", trace.Limited, "", 0, 0}, {s, 1, 403, "", trace.Limited, "", 0, 0}}, guard.Calm, guard.Calm},
		"429 after 403":                   {[]answer{fine(0), {s, 1, 403, "", trace.Limited, "", 0, 0}, over(s)}, guard.Calm, guard.Calm},
		"403 of a key never admitted":     {[]answer{fine(0), over(s), {2 * s, 2, 403, "", trace.Refused, "", 0, 0}}, guard.Calm, guard.Calm},
		"403 before any rejection":        {[]answer{fine(0), {2 * s, 1, 403, "", trace.Refused, "", 0, 0}}, guard.Calm, guard.Calm},
		"a wait that keeps growing":       {[]answer{fine(0), asks(s, 10*s), asks(20*s, 30*s), asks(60*s, 90*s)}, guard.Ban, guard.Calm},
		"a second layer's longer wait":    {[]answer{fine(0), asks(s, s), asks(2*s, 300*s), asks(3*s, 299*s), asks(4*s, 590*s)}, guard.Calm, guard.Calm},
		"growing, and let through":        {[]answer{fine(0), asks(s, 10*s), asks(20*s, 30*s), fine(60 * s), asks(60*s, 90*s)}, guard.Calm, guard.Calm},
		"growing, and short":              {[]answer{fine(0), asks(s, s), asks(2*s, 3*s), asks(3*s, 9*s), asks(3*s, 27*s)}, guard.Calm, guard.Calm},
		"slow at rest":                    {[]answer{took(0, 100*ms), took(20*s, 3*s), took(40*s, 3*s), took(60*s, 3*s)}, guard.Distress, guard.Distress},
		"slow under own load":             {[]answer{took(0, 100*ms), took(20*s, 3*s), took(23*s, 3*s), took(26*s, 3*s), took(29*s, 3*s), took(32*s, 3*s)}, guard.Calm, guard.Calm},
		"slow soon after own load":        {[]answer{took(0, 100*ms), took(s, 100*ms), took(2*s, 100*ms), took(3*s, 100*ms), took(4*s, 100*ms), took(20*s, 3*s), took(35*s, 3*s), took(50*s, 3*s)}, guard.Calm, guard.Calm},
		"slow, then fast":                 {[]answer{took(0, 100*ms), took(20*s, 3*s), took(40*s, 3*s), took(60*s, 100*ms), took(80*s, 3*s)}, guard.Calm, guard.Calm},
		"a server that always is slow":    {[]answer{took(0, 3*s), took(20*s, 4*s), took(40*s, 4*s), took(60*s, 4*s), took(80*s, 4*s)}, guard.Calm, guard.Calm},
		"this machine, once":              {[]answer{fine(0), gone(s, trace.FaultLocal)}, guard.Calm, guard.Calm},
		"this machine, 64 times":          {append([]answer{fine(0)}, slices.Repeat([]answer{gone(s, trace.FaultLocal)}, 64)...), guard.Cut, guard.Cut},
		"this machine, an answer between": {slices.Concat([]answer{fine(0)}, slices.Repeat([]answer{gone(s, trace.FaultLocal)}, 63), []answer{fine(s)}, slices.Repeat([]answer{gone(s, trace.FaultLocal)}, 63)), guard.Calm, guard.Calm},
		"another certificate":             {[]answer{fine(0), gone(s, trace.FaultChanged)}, guard.Cut, guard.Cut},
	} {
		for _, loopback := range []bool{false, true} {
			w := guard.NewWatch(loopback)
			want := tc.alarm
			if loopback {
				want = tc.home
			}
			for i, a := range tc.answers {
				got, why := w.See(a.at, a.observation(), a.outcome, a.wait)
				expect := guard.Calm
				if i == len(tc.answers)-1 {
					expect = want
				}
				if got != expect || (why != "") != (got != guard.Calm) {
					t.Errorf("%s (loopback %v): answer %d raised %d, %q; want %d", name, loopback, i+1, got, why, expect)
				}
			}
			if noted := len(w.Notes()) > 0; noted != (tc.alarm == guard.Ban && loopback) {
				t.Errorf("%s (loopback %v): notes %q", name, loopback, w.Notes())
			}
		}
	}
}

func TestTheSameSuspicionIsNotedOnce(t *testing.T) {
	t.Parallel()
	w := guard.NewWatch(true)
	for _, a := range []answer{fine(0), over(1), {2, 1, 403, "", trace.Limited, "", 0, 0}, {3, 1, 403, "", trace.Limited, "", 0, 0}} {
		w.See(a.at, a.observation(), a.outcome, a.wait)
	}
	if n := w.Notes(); len(n) != 1 || !strings.Contains(n[0], "status 403 after rejections that were status 429") {
		t.Errorf("notes %q", n)
	}
}
