package infer

import "math/rand/v2"

// reading is what a record says of the one limit that it may show.
type reading struct {
	r      *record
	rng    *rand.Rand
	cs     []contrast
	scopes []scope
	part   scope // by which the record splits into counters
	post   *posterior
	// charged: the refusals of another limit on the path count in this one.
	charged bool
}

// read fits the bank to the record.
func (r *record) read(rng *rand.Rand) *reading { return r.readOn(nil, rng) }

// readOn fits the bank to the record, of a part of which before is the belief.
func (r *record) readOn(before *posterior, rng *rand.Rand) *reading {
	x := &reading{r: r, rng: rng}
	x.compare()
	if len(x.scopes) == 0 { // no partition makes sense, so no fit does
		x.post = fitBank(r.arms(x.part), before, 1, rng)
		return x
	}
	x.post = inferBank(r.arms(x.part), before, rng)
	if w := (&whose{again: true}); len(w.open(r)) > 0 { // a later look may have settled it
		r.recovery, _ = x.post.recovery()
		x.compare()
	}
	return x
}

func (x *reading) compare() {
	x.cs = x.r.contrasts()
	x.scopes = x.r.candidates(x.cs)
	x.part = partition(x.scopes, x.r.tested())
}

// explains says whether one limit can have given all the answers: somebody's,
// and of a kind that the bank knows.
func (x *reading) explains() bool { return len(x.scopes) > 0 && x.post.misfit <= misfitLimit }
