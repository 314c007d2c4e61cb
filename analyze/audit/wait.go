package audit

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"apisonde/analyze/header"
	"apisonde/analyze/verdict"
)

// The words of the contract for Retry-After.
const (
	exact        = "exact"
	early        = "early"
	late         = "late"
	inconsistent = "inconsistent"
	absent       = "absent"
)

// The claims that a stated moment makes.
const (
	waits    = "wait %s s"
	resetsIn = "resets in %s s"
)

// Tolerances on stated waits, in seconds.
const (
	timer = 0.025 // by which a server's own timer may be late
	whole = 1     // waits are stated in whole seconds, rounded up
)

// held is a stated wait and the wait that the trace shows.
type held struct {
	stay
	stated float64
	slack  float64
}

// early says that a caller who waited as told was refused again. A wait of
// nothing excuses no timer.
func (h held) early() bool {
	slack := timer + h.slack
	if h.stated == 0 {
		slack = h.slack
	}
	return h.refused != nil && h.atLeast > h.stated+slack
}

// late says that a caller was let through, or would have been, more than the
// rest of a second before the time told.
func (h held) late() bool { return h.stated > h.atMost+whole+timer+h.slack }

// enough says that a caller was let through within the time told.
func (h held) enough() bool { return h.atMost <= h.stated+timer }

// needed says that the time told was needed but for the rest of a second.
func (h held) needed() bool { return h.stated <= h.atLeast+whole+timer }

// tight says that the wait itself is known.
func (h held) tight() bool { return h.atMost-h.atLeast < 0.2 }

func (h held) bias() float64 { return h.stated - (h.atLeast+h.atMost)/2 }

// sums are the stated waits of one limit by what became of them.
type sums struct {
	early, late    []held
	enough, needed int
	biases         []float64
	lack           float64 // the worst, in seconds
}

func tally(hs []held) sums {
	var s sums
	for _, h := range hs {
		switch {
		case h.early():
			s.early = append(s.early, h)
			s.lack = max(s.lack, h.atLeast-h.stated)
		case h.late():
			s.late = append(s.late, h)
		}
		if h.enough() {
			s.enough++
		}
		if h.needed() {
			s.needed++
		}
		if h.tight() {
			s.biases = append(s.biases, h.bias())
		}
	}
	return s
}

// proven counts the late ones. Where no admission shows it of any, by the limit as
// inferred alone, they prove nothing: another layer may have refused, or the
// inference be wrong and the header right.
func (s *sums) proven() int {
	if !slices.ContainsFunc(s.late, func(h held) bool { return h.admitted != nil }) {
		return 0
	}
	return len(s.late)
}

// verdict is the word for the waits of one limit. Short and long waits together
// are inconsistent only where neither is a straggler.
func (s *sums) verdict() string {
	switch e, l := len(s.early), s.proven(); {
	case e > 1 && l > 1 && min(e, l)*10 >= max(e, l):
		return inconsistent
	case e > 0 && e*10 >= l:
		return early
	case l > 0:
		return late
	}
	return exact
}

// retryAfter judges the stated waits of l. A wait that was stated and that the
// trace cannot test stays "exact", since nothing contradicts it, without a bias
// and with a warning. What contradicts it must come from one connection; loose, the
// same stays over all connections, may confirm it, since many servers close those
// that wait.
func (a *audit) retryAfter(l *verdict.Limit, stays, loose []stay) {
	hs := a.heldOf(l, stays)
	l.Rejection.RetryAfter = verdict.RetryAfter{Verdict: absent}
	if len(hs) == 0 {
		return
	}
	s := tally(hs)
	ra := &l.Rejection.RetryAfter
	ra.Verdict = s.verdict()
	switch ra.Verdict {
	case early:
		ra.BiasS = rounded(-s.lack)
		a.tooEarly(hs[0].waitHeader(), waits, s.early)
	case late:
		var over []float64
		for _, h := range s.late {
			over = append(over, h.stated-h.atMost)
		}
		ra.BiasS = rounded(median(over))
		if len(s.biases) > 0 {
			ra.BiasS = rounded(median(s.biases))
		}
		a.tooLate(hs[0].waitHeader(), waits, s.late)
	case inconsistent:
		a.tooEarly(hs[0].waitHeader(), waits, s.early)
		a.tooLate(hs[0].waitHeader(), waits, s.late)
	case exact:
		if s.enough == 0 || s.needed == 0 || len(s.biases) == 0 {
			if wide := tally(a.heldOf(l, loose)); wide.verdict() == exact {
				s = wide
			}
		}
		if s.enough == 0 || s.needed == 0 {
			a.warnings = append(a.warnings, hs[0].waitHeader()+" was stated and this run could not test it: no request came close enough to the time it names")
		} else if len(s.biases) > 0 {
			ra.BiasS = rounded(0) // what is left is the rest of a whole second, and a timer's lateness
		}
	}
}

// heldOf holds the waits that the refusals of l state against those they took.
func (a *audit) heldOf(l *verdict.Limit, stays []stay) []held {
	var out []held
	for _, s := range stays {
		if s.doc.RetryAfterS.Known && !(s.absolute[0] && s.slack > whole) && !a.ofAnother(l, s.exchange) {
			out = append(out, a.hold(s, s.doc.RetryAfterS, 0))
		}
	}
	return out
}

// ofAnother says whether a refusal tells of a spent counter with another limit
// than l's: then it comes from another layer, and so does its wait.
func (a *audit) ofAnother(l *verdict.Limit, x *exchange) bool {
	other := false
	for _, q := range x.doc.Quotas {
		if q.Limit.Known && q.Remaining.Known && q.Remaining.Value == 0 {
			if agreesOnLimit(l, q.Limit.Value, q.WindowS) {
				return false
			}
			other = true
		}
	}
	return other
}

func (a *audit) hold(s stay, n header.Num, figure int) held {
	h := held{stay: s, stated: n.Value}
	if s.absolute[figure] {
		h.slack = s.slack
	}
	return h
}

// tooEarly reports a stated moment at which callers are still refused.
func (a *audit) tooEarly(name, claim string, hs []held) {
	worst := slices.MaxFunc(hs, func(x, y held) int { return cmp.Compare(x.atLeast-x.stated, y.atLeast-y.stated) })
	a.conflict(name, fmt.Sprintf(claim, number(worst.stated)),
		fmt.Sprintf("too early: still refused %s later (%s)", span(worst.atLeast), times(len(hs))),
		worst.seq, worst.refused.seq)
}

// tooLate reports a stated moment before which callers are let through.
func (a *audit) tooLate(name, claim string, hs []held) {
	worst := slices.MaxFunc(hs, func(x, y held) int { return cmp.Compare(x.stated-x.atMost, y.stated-y.atMost) })
	seqs := []int{worst.seq}
	measured := fmt.Sprintf("too late: the limit as measured lets one through within %s (%s)", span(worst.atMost), times(len(hs)))
	if worst.admitted != nil {
		seqs = append(seqs, worst.admitted.seq)
		measured = fmt.Sprintf("too late: let through %s later (%s)", span(worst.atMost), times(len(hs)))
	}
	a.conflict(name, fmt.Sprintf(claim, number(worst.stated)), measured, seqs...)
}

func times(n int) string {
	if n == 1 {
		return "seen once"
	}
	return fmt.Sprintf("seen %d times", n)
}

// resets holds the resets that refusals state against the wait. A reset may be
// the window's end, the next place or the whole limit's return: all of them
// admit a request, save the end of a window that the next one still remembers;
// and only where nothing comes back before the end is a long one wrong.
func (a *audit) resets(l *verdict.Limit, stays []stay) {
	if !trusted(l) || l.Algorithm == verdict.SlidingCounter || slices.Contains(l.Equivalent, verdict.SlidingCounter) {
		return
	}
	var order []string
	by := map[string][]held{}
	for _, s := range stays {
		for i, q := range s.doc.Quotas {
			ours := q.Remaining.Known && q.Remaining.Value == 0 || q.Limit.Known && agreesOnLimit(l, q.Limit.Value, q.WindowS)
			if !q.ResetInS.Known || !ours || s.absolute[1+i] && s.slack > whole {
				continue
			}
			name := s.sibling(q.Header, "reset")
			if by[name] == nil {
				order = append(order, name)
			}
			by[name] = append(by[name], a.hold(s, q.ResetInS, 1+i))
		}
	}
	for _, name := range order {
		s := tally(by[name])
		if len(s.early) > 0 {
			a.tooEarly(name, resetsIn, s.early)
		}
		// What a block leaves of the window is each server's own affair.
		if s.proven() > 1 && l.Algorithm == verdict.FixedWindow && len(l.Equivalent) == 0 && l.Rejection.PenaltyS == nil {
			a.tooLate(name, resetsIn, s.late)
		}
	}
}

func median(vs []float64) float64 {
	slices.Sort(vs)
	return vs[len(vs)/2]
}

func rounded(v float64) *float64 {
	v = math.Round(v*1000) / 1000
	return &v
}
