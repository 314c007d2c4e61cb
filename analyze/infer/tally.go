package infer

import (
	"cmp"
	"math"
	"slices"
)

// tally adds up how much outcomes of programs tell about the explanation. Its
// scratch space serves one program after another, of which there are thousands.
type tally struct {
	weight []float64
	label  grouping
	kin    grouping
	order  []int     // particles, by outcome
	masses []float64 // of groups
	both   []float64 // mass of each label within one outcome, zero in between
	seen   []int     // labels within one outcome
}

// grouping numbers the groups of particles from 0.
type grouping struct {
	of      []int
	n       int
	entropy float64
}

func newTally(d *designer) *tally {
	t := &tally{order: make([]int, len(d.parts))}
	for _, q := range d.parts {
		t.weight = append(t.weight, q.weight)
	}
	t.label, t.kin = t.group(d.label), t.group(d.kin)
	t.both = make([]float64, max(t.label.n, t.kin.n))
	return t
}

func (t *tally) group(hashes []uint64) grouping {
	g := grouping{}
	numbers := map[uint64]int{}
	var masses []float64
	for i, h := range hashes {
		k, ok := numbers[h]
		if !ok {
			k = len(masses)
			numbers[h] = k
			masses = append(masses, 0)
		}
		g.of = append(g.of, k)
		masses[k] += t.weight[i]
	}
	g.n, g.entropy = len(masses), entropy(masses)
	return g
}

// most is the most that any outcome can tell.
func (t *tally) most() float64 { return t.label.entropy + familyWeight*t.kin.entropy }

// information weighs what the outcome tells about the family above what it tells
// about the figures.
func (t *tally) information(outcome []uint64) float64 {
	for i := range t.order {
		t.order[i] = i
	}
	slices.SortFunc(t.order, func(a, b int) int {
		if c := cmp.Compare(outcome[a], outcome[b]); c != 0 {
			return c
		}
		return a - b
	})
	t.masses = t.masses[:0]
	for j, i := range t.order {
		if j == 0 || outcome[i] != outcome[t.order[j-1]] {
			t.masses = append(t.masses, 0)
		}
		t.masses[len(t.masses)-1] += t.weight[i]
	}
	h := entropy(t.masses)
	return t.mutual(outcome, h, &t.label) + familyWeight*t.mutual(outcome, h, &t.kin)
}

// mutual is H(outcome) + H(label) - H(both), in bits.
func (t *tally) mutual(outcome []uint64, ofOutcome float64, g *grouping) float64 {
	t.masses = t.masses[:0]
	flush := func() {
		for _, k := range t.seen {
			t.masses = append(t.masses, t.both[k])
			t.both[k] = 0
		}
		t.seen = t.seen[:0]
	}
	for j, i := range t.order {
		if j > 0 && outcome[i] != outcome[t.order[j-1]] {
			flush()
		}
		k := g.of[i]
		if t.both[k] == 0 && t.weight[i] > 0 {
			t.seen = append(t.seen, k)
		}
		t.both[k] += t.weight[i]
	}
	flush()
	return ofOutcome + g.entropy - entropy(t.masses)
}

// entropy is that of groups with these masses, in bits. It sorts them: a fixed
// order of adding keeps runs repeatable to the bit.
func entropy(masses []float64) float64 {
	slices.Sort(masses)
	h := 0.0
	for _, w := range masses {
		if w > 0 {
			h -= w * math.Log2(w)
		}
	}
	return h
}
