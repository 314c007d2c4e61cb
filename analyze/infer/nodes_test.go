package infer

import (
	"fmt"
	"slices"
	"testing"

	"apisonde/analyze/model"
	"apisonde/probe/trace"
)

// over is a sample over a connection.
func over(conn int, x sample) sample {
	x.conn, x.rtt = conn, 0.0005
	return x
}

// Whoever is let through over a new connection, while refused over the old one, met
// another server; then an admission of somebody else says nothing either.
func TestNewConnectionsThatLeadElsewhere(t *testing.T) {
	for _, c := range []struct {
		name   string
		anew   []trace.Outcome
		spread bool
	}{
		{"all refused", []trace.Outcome{trace.Limited, trace.Limited, trace.Limited}, false},
		{"one let through, as by a token that came just then", []trace.Outcome{trace.Admitted, trace.Limited, trace.Limited}, false},
		{"two let through", []trace.Outcome{trace.Admitted, trace.Limited, trace.Admitted}, true},
		{"two of six, as by tokens", []trace.Outcome{trace.Admitted, trace.Limited, trace.Limited, trace.Admitted, trace.Limited, trace.Limited}, false},
	} {
		r := newRecord(twoOfEach())
		base := r.base()
		other := base
		other.Key = "k2"
		now := 0.0
		keep := func(conn int, id trace.Identity, o trace.Outcome) {
			now += 0.001
			r.keep(over(conn, at(now, id, "/", o)))
		}
		for range 5 {
			keep(1, base, trace.Admitted)
		}
		keep(1, base, trace.Limited)
		for range 2 {
			keep(2, other, trace.Admitted)
			keep(1, base, trace.Limited)
		}
		for i, o := range c.anew {
			keep(3+i, base, o)
		}
		keep(1, base, trace.Limited)
		x := reading{r: r}
		x.compare()
		open := slices.ContainsFunc(x.scopes, func(s scope) bool { return !s.has(trace.DimKey) })
		if x.spread != c.spread || open != c.spread {
			t.Errorf("%s: several servers is %v, the key's part in it is open is %v", c.name, x.spread, open)
		}
		n := 0
		for _, xs := range r.split(x.part) {
			n += len(xs)
		}
		if want := len(r.samples); c.spread && n != want-len(c.anew) || !c.spread && n != want {
			t.Errorf("%s: %d of %d requests belong to a counter", c.name, n, want)
		}
	}
}

// Servers that close connections by themselves leave the controls what they are.
func TestControlsOverEverNewConnections(t *testing.T) {
	r, base, other := sandwichRecord()
	for i := range r.samples {
		r.samples[i] = over(i+1, r.samples[i])
	}
	r.keep(over(20, at(0.007, other, "/", trace.Admitted)))
	r.keep(over(21, at(0.008, base, "/", trace.Limited)))
	if cs := r.contrasts(); cs[0].own != 1 {
		t.Errorf("%+v", cs)
	}
}

// Each server counts for itself, and connections are dealt to them: no scope is
// stated that the connections alone explain, and one server's figures are right.
func TestServersThatCountForThemselves(t *testing.T) {
	for i, by := range []string{"key", "ip+route", "user"} {
		w := world{specs: []string{fmt.Sprintf("sliding-log,limit=15,window=4s,headers=none,by=%s,nodes=%d", by, i+2)}, roster: twoOfEach(), seed: 3, net: loopback}
		tr, stack := assess(t, w)
		for _, l := range Judge(tr).Limits {
			if l.Scope != nil && !slices.Equal(l.Scope, stack.Truth()[0].Scope) {
				t.Errorf("%s: stated as %v", w.specs[0], l.Scope)
			}
			if !within(l.Limit, 15, 0) || l.Settle == "" {
				t.Errorf("%s: limit %v, to settle: %q", w.specs[0], l.Limit, l.Settle)
			}
		}
	}
}

// A window that ended within a burst, each time, explains anything.
func TestStrainOfCoincidences(t *testing.T) {
	v := &model.Bank[0]
	bout := func(s float64, n int) model.Event { return model.Event{S: s, E: s + 0.02, Admitted: n, Limited: 2} }
	strained := func(q model.Params, evs ...model.Event) bool {
		m := model.New(v, q)
		c := m.Run(evs, 1e9)
		p := posterior{fits: []fit{{v: v, best: c.Total}}, prob: []float64{1}, doubts: doubts([][]model.Event{evs})}
		return p.strained()
	}
	q := model.Params{L: 10, W: 5, Phase: 0.5}
	if strained(q, bout(1, 10), bout(6, 10), model.Event{S: 8, E: 8.1, Unknown: 1}, bout(11, 10)) {
		t.Error("a window that shows whole each time is under strain")
	}
	q.Phase = 0.01
	if !strained(q, bout(0, 14), bout(5, 17)) {
		t.Error("two windows that ended within bursts are under none")
	}
}
