package infer

import (
	"math"
	"math/rand/v2"
	"slices"

	"apisonde/analyze/model"
	"apisonde/analyze/verdict"
)

// A program is a short series of phases on one counter. Programs are compared
// by what they would teach: the mutual information, in bits, between their
// outcome and the explanation, over particles of the belief.
type phase struct {
	wait float64 // seconds since the end of the phase before
	n    int     // requests to send; with drain, the most
	// drain stops at the second rejection; hammer goes on through them all.
	drain  bool
	hammer bool
	// comb has offsets from the phase's start; one request at each, until the
	// first that is admitted. n is their number.
	comb []float64
}

type program struct {
	arm    int
	phases []phase
	why    string
}

// Below this many bits no program is worth its requests: what is left open are
// explanations that the catalogue cannot tell apart.
const leastBits = 0.06

// designer chooses the next program.
type designer struct {
	rng     *rand.Rand
	now     float64 // when a program could begin
	left    float64 // seconds until the budget of time ends
	spare   int     // requests left
	rtt     float64
	jitter  float64
	spacing float64 // seconds between requests sent one by one
	width   float64 // two durations closer than this, relatively, count as one explanation
	parts   []particle
	claimed int      // how many of them, the first, do what headers claim
	label   []uint64 // explanations, as finely as a verdict cares
	kin     []uint64 // their families alone
	arms    []armState
	seen    int  // largest count admitted from rest so far
	wide    bool // the requests of a phase are sent together
	scratch []model.Model
	tally   *tally
	expect  []predicted
}

// armState is what each particle knows of one counter.
type armState struct {
	state    []model.Model
	fresh    bool    // hardly anything was asked of it
	patience float64 // seconds of silence that a program must begin with
}

// newDesigner replays every arm under every particle of the belief, and under those
// that do what the headers claim.
func newDesigner(p *posterior, claimed []particle, arms [][]model.Event, rng *rand.Rand) *designer {
	d := &designer{rng: rng, width: 0.02, parts: slices.Clone(claimed), claimed: len(claimed)}
	var total float64
	for _, q := range claimed {
		total += q.weight
	}
	for i, f := range p.fits {
		if p.prob[i] < 2e-4 {
			continue
		}
		for _, q := range f.parts {
			q.weight *= max(p.prob[i], 0.004)
			d.parts = append(d.parts, q)
			total += q.weight
		}
	}
	for i := range d.parts {
		d.parts[i].weight /= total
		d.label = append(d.label, d.labelOf(d.parts[i]))
		d.kin = append(d.kin, hashFamily(d.parts[i].v))
	}
	for _, ev := range arms {
		st := make([]model.Model, len(d.parts))
		for i, q := range d.parts {
			st[i] = model.New(q.v, q.p)
			st[i].Run(ev, math.Inf(1))
		}
		d.arms = append(d.arms, armState{state: st, fresh: len(ev) <= 2})
	}
	return d
}

// FNV-1a, for hashes of small values.
const fnvOffset, fnvPrime = 14695981039346656037, 1099511628211

func hashFamily(v *model.Variant) uint64 {
	f := familyOf(v)
	h := uint64(fnvOffset)
	mix := func(x uint64) { h = (h ^ x) * fnvPrime }
	for _, c := range f.algorithm {
		mix(uint64(c))
	}
	mix(uint64(f.anchor))
	mix(uint64(f.reject))
	return h
}

// labelOf hashes the explanation a particle stands for, as finely as a verdict
// cares.
func (d *designer) labelOf(q particle) uint64 {
	h := hashFamily(q.v)
	mix := func(x uint64) { h = (h ^ x) * fnvPrime }
	perToken := q.p.W
	if q.v.HasTick() { // ticks of one token are a steady refill, for all that can be seen
		perToken /= q.p.K
		mix(uint64(q.p.K))
	} else if q.v.Algorithm() == verdict.TokenBucket {
		mix(1)
	}
	mix(uint64(int64(math.Round(math.Log(perToken)/d.width))) + 1<<20)
	if q.v.HasPenalty() {
		mix(uint64(int64(math.Round(math.Log(q.p.P)/d.width))) + 1<<21)
	}
	mix(uint64(q.p.L))
	return h
}

// choose returns the program with the best ratio of bits to cost.
func (d *designer) choose() (program, float64, bool) {
	scale := d.scale()
	d.tally = newTally(d)
	var best program
	bits, score, found := 0.0, 0.0, false
	for arm := range d.arms {
		for _, p := range d.catalogue(arm, scale) {
			if p.seconds() > d.left || p.silence() < d.arms[arm].patience || d.tally.most() <= score*(0.4+p.waits()/scale.typical) {
				continue // no time for it, or no way to be better
			}
			b, seconds, requests := d.teaches(p)
			if b < 0.02 || requests > float64(d.spare) {
				continue
			}
			s := b / (0.4 + seconds/scale.typical + requests/float64(d.seen+1))
			if s > score {
				best, bits, score, found = p, b, s, true
			}
		}
	}
	return best, bits, found
}

// drainMargin is how many times the largest count seen so far are sent together to
// exhaust a counter.
const drainMargin = 1.15

// scale is the time and size of things under the belief.
type scale struct {
	typical float64 // median recovery, seconds
	longest float64
	drain   int // requests that surely reach a rejection from rest
}

func (d *designer) scale() scale {
	type rec struct{ r, w float64 }
	var rs []rec
	most := 0.0
	for _, q := range d.parts {
		rs = append(rs, rec{q.v.Recovery(q.p), q.weight})
		if q.weight > 1e-4 {
			most = max(most, q.p.L)
		}
	}
	slices.SortFunc(rs, func(a, b rec) int { return cmpFloat(a.r, b.r) })
	at := func(share float64) float64 {
		acc := 0.0
		for _, x := range rs {
			if acc += x.w; acc >= share {
				return x.r
			}
		}
		return rs[len(rs)-1].r
	}
	s := scale{typical: max(at(0.5), 0.02)}
	s.longest = min(at(0.9), 4*s.typical)
	s.drain = int(min(most, float64(2*d.seen))) + 2
	if d.wide { // so that all of them are sent, whatever is refused
		s.drain = int(min(most, drainMargin*float64(d.seen))) + 2
	}
	return s
}

// draw picks a particle by weight, or evenly so that unlikely explanations get
// programs of their own.
func (d *designer) draw(byWeight bool) int {
	if !byWeight {
		return d.rng.IntN(len(d.parts))
	}
	u := d.rng.Float64()
	for i := range d.parts {
		if u -= d.parts[i].weight; u <= 0 {
			return i
		}
	}
	return len(d.parts) - 1
}

// catalogue lists programs for one arm: probes and drains at the instants at
// which particles expect something to become available, and the series that
// tell families apart.
func (d *designer) catalogue(arm int, sc scale) []program {
	var out []program
	add := func(why string, phases ...phase) { out = append(out, program{arm: arm, phases: phases, why: why}) }
	drain := func(wait float64) phase { return phase{wait: wait, n: sc.drain, drain: true} }
	count := func(wait float64, n float64) phase { return phase{wait: wait, n: max(1, int(n))} }
	st := &d.arms[arm]
	soon := 0.2 * d.rtt

	var at []float64
	for k := range 12 {
		i := d.draw(k%2 == 1)
		need := 1.0
		if k%3 == 0 {
			need = math.Ceil(d.parts[i].p.L * d.rng.Float64())
		}
		t := d.available(&st.state[i], need, 3*sc.longest)
		at = append(at, max(soon, t*(1+0.002*d.rng.NormFloat64())+0.3*d.jitter*d.rng.NormFloat64()))
	}
	if st.patience > 0 {
		at = append(at, st.patience, 1.6*st.patience)
	}
	slices.Sort(at)
	for i, t := range at {
		add("when does it let the next request through", count(t, 1))
		add("how many does it let through by then", drain(t))
		add("do several get through at once", count(t, 3))
		if i > 0 {
			add("when does it let the next request through", count((t+at[i-1])/2, 1))
		}
	}
	for i := range 8 {
		t := d.rtt * math.Pow(2.5*sc.longest/d.rtt, float64(i+1)/8)
		add("when does it let the next request through", count(t, 1))
		add("how many does it let through by then", drain(t))
	}
	for _, first := range []float64{-1, soon, 1.1 * sc.typical} {
		for _, teeth := range []int{3, 6, 10} {
			if p, ok := d.combed(arm, first, sc, teeth); ok {
				out = append(out, p)
			}
		}
	}
	for _, first := range []float64{soon, 1.1 * sc.typical, 2.05 * sc.typical} {
		for _, pairs := range []int{2, 4, 8} {
			if phases, ok := d.graded(pairs); ok {
				phases[0].wait = first
				add("how old must requests be to be forgotten", append(phases, drain(soon))...)
			}
		}
	}
	for k := range 20 {
		i := d.draw(k%2 == 1)
		q := d.parts[i]
		rec := q.v.Recovery(q.p)
		first := soon
		switch {
		case st.fresh:
		case k%3 == 1:
			first = rec * (0.2 + 1.3*d.rng.Float64())
		case k%3 == 2:
			first = rec * 2.05
		}
		part := max(1, (0.25+0.6*d.rng.Float64())*q.p.L)
		back := rec
		if q.v.HasPenalty() && d.rng.IntN(2) == 0 { // what counts below the block shows only before it
			back = q.v.Refill(q.p)
		}
		gap := back * (0.15 + 0.8*d.rng.Float64())
		gap2 := back * (0.05 + 1.1*d.rng.Float64())
		add("how much comes back after a while", drain(first), drain(gap2))
		add("are early and late requests forgotten together", count(first, part), drain(gap), drain(gap2))
		add("does what was spent at two instants come back at one", count(first, part), drain(gap))
		add("does a limit that is spent but not passed come back as soon", count(first, q.p.L), count(gap2, 1))
		add("are halves that were spent apart forgotten together", count(first, q.p.L/2), count(gap, q.p.L-max(1, math.Floor(q.p.L/2))), drain(gap2))
		add("does a request renew the window", count(first, q.p.L-2), count(0.6*rec, 1), count(0.65*rec, 3))
		add("when does it let the first request through again", drain(first), count(gap2, 1))
		if k < 6 {
			h := max(3, int(q.p.L/3))
			add("do rejected requests count", phase{wait: soon, n: h, hammer: true}, drain(gap2))
			add("does asking prolong the wait", phase{wait: rec * 0.5, n: h, hammer: true}, drain(gap2))
		}
	}
	return out
}

// combed is a comb over the instants at which the particles expect the next
// request to get through, at even shares of their weight: each rejection cuts
// the belief by that share. With first >= 0 the counter is drained before, after
// waiting so long.
func (d *designer) combed(arm int, first float64, sc scale, teeth int) (program, bool) {
	p := program{arm: arm, why: "when exactly does it let the next request through"}
	st := d.copies(arm)
	now := d.now
	if first >= 0 {
		ph := phase{wait: first, n: sc.drain, drain: true}
		p.phases = append(p.phases, ph)
		d.simulate(st, ph, now+first, nil)
		now += first + float64(ph.n)*d.spacing + d.rtt
	}
	type instant struct{ t, w float64 }
	var at []instant
	for i := range st {
		at = append(at, instant{availableAt(&st[i], now, 1, 3*sc.longest), d.parts[i].weight})
	}
	slices.SortFunc(at, func(a, b instant) int { return cmpFloat(a.t, b.t) })
	ph := phase{}
	share, next := 0.0, 0
	for k := 1; k <= teeth; k++ {
		goal := float64(k) / float64(teeth+1)
		for next < len(at)-1 && share+at[next].w < goal {
			share += at[next].w
			next++
		}
		t := max(at[next].t+0.5*d.jitter, 0.2*d.rtt)
		if n := len(ph.comb); n == 0 || t > ph.comb[n-1]+2*d.rtt {
			ph.comb = append(ph.comb, t)
		}
	}
	if last := at[len(at)-1].t * 1.01; last > ph.comb[len(ph.comb)-1]+2*d.rtt && last < 3*sc.longest {
		ph.comb = append(ph.comb, last)
	}
	ph.n = len(ph.comb)
	p.phases = append(p.phases, ph)
	return p, ph.n > 1
}

// copies are the arm's states, to be changed.
func (d *designer) copies(arm int) []model.Model {
	if d.scratch == nil {
		d.scratch = make([]model.Model, len(d.parts))
	}
	for i := range d.scratch {
		d.arms[arm].state[i].CopyTo(&d.scratch[i])
	}
	return d.scratch
}

// available is how long to wait until m would admit need requests, by
// bisection; at most longest.
func (d *designer) available(m *model.Model, need, longest float64) float64 {
	return availableAt(m, d.now, need, longest)
}

// availableAt is available from another instant on.
func availableAt(m *model.Model, now, need, longest float64) float64 {
	lo, hi := 0.0, longest
	for range 24 {
		mid := (lo + hi) / 2
		a, b := m.Bounds(now+mid, now+mid)
		if (a+b)/2 >= need {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}

// teaches returns the bits that p's outcome would tell about the explanation,
// the seconds it takes and the requests it is expected to send.
func (d *designer) teaches(p program) (bits, took, requests float64) {
	st := d.copies(p.arm)
	outcome := make([]uint64, len(st))
	now := d.now
	for _, ph := range p.phases {
		start := now + ph.wait
		length, sent := d.simulate(st, ph, start, outcome)
		now = start + length + d.rtt
		requests += sent
	}
	return d.information(outcome), now - d.now, requests
}

// predicted is what one particle expects of a phase.
type predicted struct {
	i     int
	count float64
	doubt float64
}

// simulate commits a phase that starts at start under every particle, each with
// the outcome it predicts, and mixes the outcomes into their hashes. It returns
// how long the phase takes and how many requests it is expected to send.
func (d *designer) simulate(st []model.Model, ph phase, start float64, outcome []uint64) (length, sent float64) {
	if ph.comb != nil {
		return d.simulateComb(st, ph, start, outcome)
	}
	end := start + float64(ph.n)*d.spacing + 0.3*d.jitter
	if d.expect == nil {
		d.expect = make([]predicted, len(st))
	}
	for i := range st {
		lo, hi := st[i].Bounds(start, end)
		got := min(float64(ph.n), math.Floor((lo+hi)/2+0.5*float64(i%2)))
		doubt := 0.0
		if float64(ph.n) > lo {
			doubt = (min(hi, float64(ph.n)) - lo) / 2
		}
		d.expect[i] = predicted{i, got, doubt}
		refused := ph.n - int(got)
		if !ph.hammer {
			refused = min(refused, 2)
		}
		st[i].Commit(start, end, int(got), refused)
	}
	slices.SortFunc(d.expect, func(a, b predicted) int { return cmpFloat(a.count, b.count) })
	sent = float64(ph.n)
	if !ph.hammer {
		sent = min(sent, d.expect[len(st)/2].count+2)
	}
	if outcome == nil {
		return end - start, sent
	}
	apart := 0.5
	if ph.n > 3 {
		apart = 1 + 0.01*float64(ph.n)
	}
	group := uint64(0)
	for j, x := range d.expect {
		if j > 0 {
			fuzz := 0.0
			if ph.n > 1 {
				fuzz = 0.5 * (x.doubt + d.expect[j-1].doubt)
			}
			if x.count-d.expect[j-1].count > apart+fuzz {
				group++
			}
		}
		outcome[x.i] = outcome[x.i]*1000003 + group + 1
	}
	return end - start, sent
}

func (d *designer) simulateComb(st []model.Model, ph phase, start float64, outcome []uint64) (length, sent float64) {
	for i := range st {
		k := 0
		for ; k < len(ph.comb); k++ {
			t := start + ph.comb[k]
			e := t + 0.3*d.jitter
			lo, hi := st[i].Bounds(t, e)
			if (lo+hi)/2+0.25*float64(i%2) >= 1 {
				st[i].Commit(t, e, 1, 0)
				break
			}
			st[i].Commit(t, e, 0, 1)
		}
		// A rejection counts twice: rejections are what annoys a server.
		sent += d.parts[i].weight * (float64(min(k+1, len(ph.comb))) + float64(k))
		length += d.parts[i].weight * ph.comb[min(k, len(ph.comb)-1)]
		if outcome != nil {
			outcome[i] = outcome[i]*1000003 + uint64(k) + 1
		}
	}
	return length, sent
}

// familyWeight is how much more a bit about the family counts than one about
// its figures: figures get sharper with every program, the family only with the
// right ones.
const familyWeight = 2

// information is the mutual information of outcome and explanation, with the
// part about the family weighted.
func (d *designer) information(outcome []uint64) float64 {
	return d.tally.information(outcome)
}
