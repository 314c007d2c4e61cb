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

// Judgement is a verdict held against the truth.
type Judgement struct {
	FamilyIs, ScopeIs Answer
	LimitIs           Answer   // Right only where the very number was stated
	WindowError       *float64 // relative, unsigned; nil: not stated, or there is none
	RateError         *float64
	Stated            int // figures that were stated
	Inside            int // of these, how many have the truth in their interval
	Statements        []Statement
}

// judge holds the limits of a verdict against what is true: one layer, or none.
// Of several limits stated where there is one, all but the first true one are
// false, and the family is wrong.
func judge(truths []limit.Truth, limits []verdict.Limit) Judgement {
	j := Judgement{FamilyIs: Unknown, ScopeIs: Unknown, LimitIs: Unknown, Statements: []Statement{}}
	if len(truths) == 0 {
		j.FamilyIs = Right
		for _, l := range limits {
			j.FamilyIs = Wrong
			j.Statements = append(j.Statements, Statement{l.Confidence, false, []string{"there is no limit"}})
		}
		return j
	}
	truth := truths[0]
	best := -1 // the limit that is taken to mean the layer
	for i, l := range limits {
		s := state(&truth, &l)
		if s.True && best >= 0 {
			s.True, s.Misses = false, []string{"there is no second limit"}
		} else if s.True {
			best = i
		}
		j.Statements = append(j.Statements, s)
	}
	if len(limits) == 0 {
		return j
	}
	l := &limits[max(best, 0)]
	j.FamilyIs = family(&truth, l)
	if len(limits) > 1 {
		j.FamilyIs = Wrong
	}
	j.ScopeIs = scope(&truth, l)
	for _, f := range figures(&truth, l) {
		if f.stated == nil {
			continue
		}
		j.Stated++
		if f.inside() {
			j.Inside++
		}
		off := math.Abs(f.stated.Value-f.truth) / f.truth
		switch {
		case f.truth == 0:
		case f.name == "window_s":
			j.WindowError = &off
		case f.name == "rate_per_s":
			j.RateError = &off
		case f.name == countOf(&truth):
			if j.LimitIs = Wrong; off < tiny {
				j.LimitIs = Right
			}
		}
	}
	return j
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
