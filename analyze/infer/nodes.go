package infer

import (
	"slices"

	"apisonde/probe/trace"
)

// Several servers behind one address may count for themselves. Whoever keeps a
// connection meets one of them; then a caller with a connection of its own is let
// through whatever it counts by, only because it came to another server. So the
// baseline asks over new connections too, while it is refused over the one it
// keeps: where those are let through, no admission tells whose the counter is.

// renewedAsks is how many requests over new connections have to be refused before
// it is settled that connections make no difference, renewedOwn how many have to be
// let through before it is settled that they do: one may be a token that came just
// then.
const renewedAsks, renewedOwn = 3, 2

// solitary says of every sample whether the baseline sent it over a connection that
// carried nothing else, while another one of its own went on. Where servers close
// connections by themselves none goes on.
func (r *record) solitary(samples []sample) []bool {
	base := r.baseline()
	type use struct{ n, first, last int }
	uses := map[int]*use{}
	kept := 0 // the connection used most
	for i, x := range samples {
		if (counter{x.id, x.route}) != base || x.conn == 0 {
			continue
		}
		u := uses[x.conn]
		if u == nil {
			u = &use{first: i}
			uses[x.conn] = u
		}
		u.n, u.last = u.n+1, i
		if kept == 0 || u.n > uses[kept].n {
			kept = x.conn
		}
	}
	out := make([]bool, len(samples))
	for i, x := range samples {
		if u := uses[x.conn]; u != nil && (counter{x.id, x.route}) == base {
			out[i] = u.n == 1 && uses[kept].first < i && i < uses[kept].last
		}
	}
	return out
}

// share is n of so many.
type share struct{ n, of int }

// renewed reads from the samples what the baseline met over new connections
// between two refusals over the one it keeps, and how often it was let through
// meanwhile over that one right after a refusal, by a token that came just then.
func (r *record) renewed() (c contrast, kept share) {
	base := r.baseline()
	c = contrast{id: base.id, route: base.route}
	samples := r.inOrder()
	alone := r.solitary(samples)
	var before *sample
	var sofar share
	pending := 0
	for i := range samples {
		x := &samples[i]
		if (counter{x.id, x.route}) != base || x.outcome != trace.Admitted && x.outcome != trace.Limited {
			continue
		}
		soon := before != nil && before.outcome == trace.Limited && x.sent-before.sent < r.span
		since := soon && x.sent >= before.sent+before.rtt
		switch {
		case !alone[i]:
			if since && x.outcome == trace.Limited {
				c.own += pending
			}
			if soon {
				sofar.of++
				if x.outcome == trace.Admitted {
					sofar.n++
				}
			}
			before, pending = x, 0
		case since && x.outcome == trace.Limited:
			c.shared++
			kept = sofar
		case since:
			pending++
			kept = sofar
		}
	}
	return c, kept
}

// unrenewed is how many requests over new connections are to be asked, now that
// somebody was let through: it may have been for the connection's sake.
func (r *record) unrenewed() int {
	c, _ := r.renewed()
	own := slices.ContainsFunc(r.contrasts(), func(c contrast) bool { return c.own > 0 })
	switch {
	case !own || c.own >= renewedOwn && often(c) || c.own+c.shared >= 4*renewedAsks:
		return 0
	case c.own > 0:
		return renewedAsks
	}
	return max(0, renewedAsks-c.shared)
}

// spread says whether the baseline met several counters by changing connections:
// it was let through far oftener than over the one it keeps.
func (r *record) spread() bool {
	c, kept := r.renewed()
	oftener := kept.n == 0 || c.own*kept.of > 2*kept.n*(c.own+c.shared)
	return !r.united && c.own >= renewedOwn && often(c) && oftener
}

// often says whether so many new connections led elsewhere as those of two servers do,
// half of them, rather than one now and then by a token.
func often(c contrast) bool { return 2*c.own > c.shared }

// elsewhere says of every sample whether it went over a new connection, where
// those lead to other counters.
func (r *record) elsewhere() []bool {
	if r.spread() {
		return r.solitary(r.samples)
	}
	return make([]bool, len(r.samples))
}

// refusals are the contrasts of which nothing but a refusal is told.
func refusals(cs []contrast) []contrast {
	var out []contrast
	for _, c := range cs {
		if c.vote() < 0 {
			out = append(out, c)
		}
	}
	return out
}

// keeps says whether the baseline sends over a few connections only. Over many of
// them it has met every server already.
func (r *record) keeps() bool {
	used := map[int]bool{}
	for _, x := range r.samples {
		if (counter{x.id, x.route}) == r.baseline() {
			used[x.conn] = true
		}
	}
	return len(used) < renewedAsks
}
