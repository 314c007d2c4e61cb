package probe

import (
	"slices"
	"time"

	"apisonde/probe/trace"
)

// canaryDone is a first request that needs no repeating.
type canaryDone struct {
	id    trace.Identity
	route string
}

// replay tells the Decider, the guard and the watch what earlier parts of the
// run have seen, as they would have learnt it live: the Decider is asked for
// each step before it is shown the answers to it. Nothing of it can end this
// part; the Decider's own budget says what is left.
func (s *Session) replay(t trace.Trace) {
	steps := map[int][]trace.Observation{}
	for _, o := range t.Observations {
		steps[o.Step] = append(steps[o.Step], o)
		s.step0 = max(s.step0, o.Step)
	}
	now := time.Duration(0)
	for no := 0; no <= s.step0; no++ {
		list := steps[no]
		if len(list) > 0 {
			now = list[0].Planned
		}
		if no > 0 && !s.cfg.Survey {
			s.cfg.Decider.Next(now)
		}
		slices.SortStableFunc(list, func(a, b trace.Observation) int { return int(closedAt(a) - closedAt(b)) })
		for _, o := range list {
			s.recall(o)
			now = max(now, closedAt(o))
		}
	}
	s.guard.Lose(s.cfg.Begin, t.Lost)
	s.watch.Forget()
	s.seq = len(t.Observations)
	s.view.earlier(s.seq)
}

// closedAt is when a request was closed, as far as that is recorded.
func closedAt(o trace.Observation) time.Duration { return max(o.Planned, o.Written, o.Done) }

// recall takes in one request of an earlier part.
func (s *Session) recall(o trace.Observation) {
	outcome := s.cfg.Decider.Observe(o)
	claim := s.claim(o)
	s.guard.Replay(s.cfg.Begin, o, outcome, claim)
	_, _ = s.watch.See(closedAt(o), o, outcome, claim.Wait)
	if o.Ban && !s.cfg.LearnBans {
		s.bar(o.Identity, "an earlier part of the run saw signs of a ban")
	}
	s.arrive(o)
	if o.Step == 0 && o.Egress == "" && passes(o, outcome) {
		s.settled = append(s.settled, canaryDone{o.Identity, o.Route})
	}
	if o.Done > 0 {
		s.longest = max(s.longest, o.Done-o.Written)
	}
}
