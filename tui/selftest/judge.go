package selftest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"apisonde/analyze/verdict"
	"apisonde/probe/lab/limit"
)

// Answer is how a question was answered.
type Answer string

const (
	Right   Answer = "right"
	Open    Answer = "open"    // the truth stands among the answers left
	Unknown Answer = "unknown" // nothing was stated
	Wrong   Answer = "wrong"
)

// Statement is one limit of a verdict, held against the truth.
type Statement struct {
	Confidence float64  `json:"confidence"`
	True       bool     `json:"true"`
	Misses     []string `json:"misses"` // what is wrong with it, in words
}

// Judgement is a verdict held against the truth: one layer after another, and
// all that it states.
type Judgement struct {
	Layers     []Layer
	Statements []Statement
}

// Layer is what a verdict says of one layer. A server without a limit has one,
// of which nothing but its family is asked.
type Layer struct {
	FamilyIs, ScopeIs Answer
	LimitIs           Answer   // Right only where the very number was stated
	WindowError       *float64 // relative, unsigned; nil: not stated, or there is none
	RateError         *float64
	Stated            int // figures that were stated
	Inside            int // of these, how many have the truth in their interval
}

// judge holds the limits of a verdict against what is true. Each limit is taken
// to mean the layer that it fits best, one layer at most; one more limit than
// there are layers is false, and so is the family of the layer it copies.
func judge(truths []limit.Truth, limits []verdict.Limit) Judgement {
	j := Judgement{Statements: []Statement{}}
	if len(truths) == 0 {
		none := Layer{FamilyIs: Right}
		for _, l := range limits {
			none.FamilyIs = Wrong
			j.Statements = append(j.Statements, Statement{l.Confidence, false, []string{"there is no limit"}})
		}
		j.Layers = []Layer{none}
		return j
	}
	means := assign(truths, limits)
	for i := range truths {
		l := Layer{FamilyIs: Unknown, ScopeIs: Unknown, LimitIs: Unknown}
		if k := slices.Index(means, i); k >= 0 {
			l = layer(&truths[i], &limits[k])
		}
		j.Layers = append(j.Layers, l)
	}
	for k := range limits {
		if means[k] >= 0 {
			j.Statements = append(j.Statements, state(&truths[means[k]], &limits[k]))
			continue
		}
		j.Statements = append(j.Statements, Statement{limits[k].Confidence, false, []string{"there is no further limit"}})
		if len(truths) == 1 {
			j.Layers[0].FamilyIs = Wrong
		}
	}
	return j
}

// judgeAny judges a verdict where each of several policies may be meant: before
// and after a change, or one node's and that of all. It takes the one that fits
// best.
func judgeAny(policies [][]limit.Truth, limits []verdict.Limit) Judgement {
	best, most := Judgement{}, -1
	for _, truths := range policies {
		j, score := judge(truths, limits), 0
		for _, s := range j.Statements {
			if s.True {
				score += 100
			}
		}
		for _, l := range j.Layers {
			score += l.Inside
		}
		if score > most {
			best, most = j, score
		}
	}
	return best
}

// assign says which layer each limit means, -1 for none: the best match first.
func assign(truths []limit.Truth, limits []verdict.Limit) []int {
	means := make([]int, len(limits))
	for k := range means {
		means[k] = -1
	}
	for range min(len(truths), len(limits)) {
		most, bestK, bestI := -1, 0, 0
		for k := range limits {
			for i := range truths {
				if means[k] >= 0 || slices.Contains(means, i) {
					continue
				}
				if m := match(&truths[i], &limits[k]); m > most {
					most, bestK, bestI = m, k, i
				}
			}
		}
		means[bestK] = bestI
	}
	return means
}

// match weighs what a limit says rightly of a layer.
func match(truth *limit.Truth, l *verdict.Limit) int {
	of := layer(truth, l)
	m := of.Inside
	if of.LimitIs == Right {
		m += 8
	}
	if of.ScopeIs == Right {
		m += 4
	}
	if of.FamilyIs == Right || of.FamilyIs == Open {
		m += 2
	}
	if state(truth, l).True {
		m += 100
	}
	return m
}

// layer judges what one limit says of the layer it means.
func layer(truth *limit.Truth, l *verdict.Limit) Layer {
	of := Layer{FamilyIs: family(truth, l), ScopeIs: scope(truth, l), LimitIs: Unknown}
	for _, f := range figures(truth, l) {
		if f.stated == nil {
			continue
		}
		of.Stated++
		if f.inside() {
			of.Inside++
		}
		off := math.Abs(f.stated.Value-f.truth) / f.truth
		switch {
		case f.truth == 0:
		case f.name == "window_s":
			of.WindowError = &off
		case f.name == "rate_per_s":
			of.RateError = &off
		case f.name == countOf(truth):
			if of.LimitIs = Wrong; off < tiny {
				of.LimitIs = Right
			}
		}
	}
	return of
}

// state judges one limit as confidence means it: scope, algorithm and every
// stated figure are true. What is left open is not false.
func state(truth *limit.Truth, l *verdict.Limit) Statement {
	s := Statement{Confidence: l.Confidence, Misses: []string{}}
	if family(truth, l) == Wrong {
		named := strings.Join(append([]string{l.Algorithm}, l.Equivalent...), " or ")
		s.Misses = append(s.Misses, fmt.Sprintf("algorithm %s, true %s", named, truth.Algorithm))
	}
	if scope(truth, l) == Wrong {
		s.Misses = append(s.Misses, fmt.Sprintf("scope %v, true %v", l.ScopeCandidates, truth.Scope))
	}
	for _, f := range figures(truth, l) {
		if f.stated != nil && !f.inside() {
			s.Misses = append(s.Misses, fmt.Sprintf("%s %.6g in [%.6g, %.6g], true %.6g", f.name, f.stated.Value, f.stated.Lo, f.stated.Hi, f.truth))
		}
	}
	s.True = len(s.Misses) == 0
	return s
}

func family(truth *limit.Truth, l *verdict.Limit) Answer {
	switch {
	case l.Algorithm == verdict.Unknown && truth.Algorithm == limit.EitherWindow && l.RatePerS != nil: // which verdicts have no name for
		return Right
	case l.Algorithm == verdict.Unknown:
		return Unknown
	case slices.Contains(l.Equivalent, truth.Algorithm), l.Algorithm == truth.Algorithm && len(l.Equivalent) > 0:
		return Open
	case l.Algorithm == truth.Algorithm:
		return Right
	}
	return Wrong
}

func scope(truth *limit.Truth, l *verdict.Limit) Answer {
	is := func(s []string) bool { return slices.Equal(s, truth.Scope) }
	switch {
	case l.Scope != nil && is(l.Scope):
		return Right
	case l.Scope != nil:
		return Wrong
	case len(l.ScopeCandidates) == 0:
		return Unknown
	case slices.ContainsFunc(l.ScopeCandidates, is):
		return Open
	}
	return Wrong
}

// figure is a stated quantity and the true one, 0 where there is none.
type figure struct {
	name   string
	stated *verdict.Figure
	truth  float64
}

// tiny is the relative difference that only the rounding of fractions makes.
const tiny = 1e-9

func (f figure) inside() bool {
	room := tiny * math.Abs(f.truth)
	return f.stated.Lo-room <= f.truth && f.truth <= f.stated.Hi+room
}

// figures lists all that a limit may state as a figure. One that is stated of a
// layer that has none is outside every interval.
func figures(truth *limit.Truth, l *verdict.Limit) []figure {
	return []figure{
		{"limit", l.Limit, float64(truth.Limit)},
		{"burst", l.Burst, float64(truth.Burst)},
		{"window_s", l.WindowS, truth.Window.Seconds()},
		{"rate_per_s", l.RatePerS, truth.Rate},
		{"undelayed", l.Undelayed, float64(truth.Undelayed)},
		{"max_delay_s", l.MaxDelayS, truth.MaxDelay.Seconds()},
		{"penalty_s", l.Rejection.PenaltyS, truth.Penalty.Seconds()},
		{"nodes", l.Nodes, float64(truth.Nodes)},
	}
}

// countOf names the figure that says how many a layer admits.
func countOf(truth *limit.Truth) string {
	if truth.Limit == 0 {
		return "burst"
	}
	return "limit"
}

// size is how many a layer admits at once; span is how long it takes to recover
// from that, in the long run, 0 where that is not a matter of time.
func size(truth *limit.Truth) int { return max(truth.Limit, truth.Burst) }

func span(truth *limit.Truth) time.Duration {
	if truth.Window > 0 || truth.Rate == 0 {
		return truth.Window
	}
	return time.Duration(float64(size(truth)) / truth.Rate * float64(time.Second))
}
