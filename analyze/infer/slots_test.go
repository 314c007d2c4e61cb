package infer

import (
	"slices"
	"strings"
	"testing"
	"time"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

func TestLimitsOnRequestsInFlight(t *testing.T) {
	for _, c := range []struct {
		spec  string
		scope []string
		limit float64
	}{
		{"concurrency,limit=5,by=ip,latency=250ms", []string{"ip"}, 5},
		{"concurrency,limit=8,by=user,latency=100ms", []string{"user"}, 8},
		{"concurrency,limit=5,by=global,latency=30ms", []string{}, 5},
		{"concurrency,limit=20,by=key,latency=2ms", []string{"key"}, 20},
	} {
		tr, _ := assess(t, world{specs: []string{c.spec}, roster: twoOfEach(), seed: 3, net: loopback})
		l := Judge(tr).Limits[0]
		if l.Algorithm != verdict.Concurrency || !within(l.Limit, c.limit, 0) || l.Scope == nil || !slices.Equal(l.Scope, c.scope) {
			t.Errorf("%s: %s of %v, scope %v", c.spec, l.Algorithm, l.Limit, l.Scope)
		}
		if l.RatePerS != nil || l.WindowS != nil || l.Burst != nil {
			t.Errorf("%s: a limit in flight has no rate, window or burst: %+v", c.spec, l)
		}
	}
}

// Bursts that are to be cut again are a little larger than what got through, not as large
// as the one that met the limit.
func TestSlotsAreMetWithLittleToSpare(t *testing.T) {
	tr, _ := assess(t, world{specs: []string{"concurrency,limit=34,by=ip,latency=100ms"}, roster: twoOfEach(), seed: 3, net: loopback})
	largest := map[int]int{} // by how many were in the step
	for _, o := range tr.Observations {
		if o.Identity == tr.Meta.Roster.Baseline() && o.Route == "/" {
			largest[o.Step]++
		}
	}
	met := 0
	for step := range largest {
		met = max(met, step)
	}
	for step := met - 4; step <= met; step++ {
		if n := largest[step]; n > 34*5/4+slotMargin {
			t.Errorf("%d requests in step %d", n, step)
		}
	}
}

// A bucket that a burst exhausts is not taken for slots.
func TestRateLimitsAreNotSlots(t *testing.T) {
	for _, spec := range []string{"token-bucket,rate=10,burst=20,by=ip,latency=10ms", "fixed-window,limit=20,window=5s,by=ip,latency=10ms"} {
		tr, _ := assess(t, world{specs: []string{spec}, roster: oneOfEach(), seed: 3, net: loopback})
		for _, l := range Judge(tr).Limits {
			if l.Algorithm == verdict.Concurrency {
				t.Errorf("%s is called a limit in flight", spec)
			}
		}
	}
}

// bursts are three of twelve requests at a limit of five in flight, each of which
// holds its slot for 20 ms, that leave over a span; single requests in between.
func bursts(over time.Duration) trace.Trace {
	tr := trace.Trace{Meta: trace.Meta{Roster: oneOfEach(), Budget: trace.Budget{MaxRequests: 1000, MaxDuration: time.Hour, MaxInflight: 100}}}
	send := func(step int, at, trip time.Duration, status int) {
		tr.Observations = append(tr.Observations, trace.Observation{
			Seq: len(tr.Observations) + 1, Step: step, Identity: oneOfEach().Baseline(), Route: "/",
			Written: at, FirstByte: at + trip, Done: at + trip, Status: status,
		})
	}
	const trip, hold, limit, size = time.Millisecond, 20 * time.Millisecond, 5, 12
	for no := range 3 {
		at := time.Duration(1+2*no) * time.Second
		var busy []time.Duration // when each slot is free again
		for i := range size {
			sent := at + over*time.Duration(i)/(size-1)
			busy = slices.DeleteFunc(busy, func(end time.Duration) bool { return end <= sent })
			if len(busy) == limit {
				send(2*no+1, sent, trip, 429)
				continue
			}
			busy = append(busy, sent+hold)
			send(2*no+1, sent, trip+hold, 200)
		}
		for i := range 3 {
			send(2*no+2, at+time.Second+time.Duration(i)*50*time.Millisecond, trip+hold, 200)
		}
	}
	return tr
}

// A burst that took longer to leave than a request holds its slot, because the
// sender did not get the processor, does not say how many slots there are.
func TestABurstThatMissedItsScheduleDoesNotCountSlots(t *testing.T) {
	t.Parallel()
	for over, want := range map[time.Duration]struct{ lo, hi float64 }{
		0: {5, 5}, 15 * time.Millisecond: {5, 5}, 30 * time.Millisecond: {1, 9},
	} {
		l := Judge(bursts(over)).Limits[0]
		if l.Algorithm != verdict.Concurrency || l.Limit == nil || l.Limit.Lo != want.lo || l.Limit.Hi != want.hi {
			t.Errorf("bursts that left over %v: %s of %+v, want a limit in flight of %v", over, l.Algorithm, l.Limit, want)
		}
		if vague := want.lo < want.hi; vague != (l.Confidence <= 0.5) || vague != strings.Contains(l.Settle, "took longer to leave") {
			t.Errorf("bursts that left over %v: confidence %v, %q", over, l.Confidence, l.Settle)
		}
	}
	// One such burst among others is left out.
	tr := bursts(0)
	late := bursts(30 * time.Millisecond).Observations[:12]
	for _, o := range late {
		o.Seq, o.Step = len(tr.Observations)+1, 9
		o.Written, o.FirstByte, o.Done = o.Written+time.Minute, o.FirstByte+time.Minute, o.Done+time.Minute
		tr.Observations = append(tr.Observations, o)
	}
	if l := Judge(tr).Limits[0]; l.Limit == nil || l.Limit.Lo != 5 || l.Limit.Hi != 5 {
		t.Errorf("with one wide burst among three: %+v", l.Limit)
	}
}

// A refusal is alone where no other request was under way, whichever was sent or
// answered first.
func TestRefusedAlone(t *testing.T) {
	t.Parallel()
	at := func(sent, rtt float64, o trace.Outcome) sample { return sample{sent: sent, rtt: rtt, outcome: o} }
	for _, c := range []struct {
		name string
		xs   []sample
		want bool
	}{
		{"nothing", nil, false},
		{"one", []sample{at(1, 1, trace.Limited)}, true},
		{"after another", []sample{at(0, 1, trace.Admitted), at(1, 1, trace.Limited)}, true},
		{"under one sent before", []sample{at(1, 1, trace.Limited), at(0, 1.5, trace.Admitted)}, false},
		{"under a long one", []sample{at(0, 9, trace.Admitted), at(1, 1, trace.Admitted), at(3, 1, trace.Limited)}, false},
		{"under one sent after", []sample{at(0, 1, trace.Limited), at(0.5, 1, trace.Admitted)}, false},
		{"before another", []sample{at(0, 1, trace.Limited), at(1, 1, trace.Admitted)}, true},
		{"admitted alone", []sample{at(0, 1, trace.Admitted), at(2, 1, trace.Admitted)}, false},
	} {
		if got := refusedAlone(c.xs); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
