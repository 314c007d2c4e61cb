package infer

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
)

// Belief returns the current picture; it is safe from any goroutine.
func (e *Engine) Belief() *Belief { return e.belief.Load() }

// publish replaces the picture that screens see.
func (e *Engine) publish() {
	b := &Belief{Stage: "done", Findings: slices.Clone(e.findings), Scope: e.scopeViews()}
	if len(e.tour) > 0 {
		b.Stage = e.tour[0].stage()
	}
	switch {
	case e.either != nil:
		b.Hypotheses = []Hypothesis{{Name: eitherName, Figures: e.either.best.words(), Probability: e.either.confidence()}}
	case e.post != nil:
		for i, p := range e.post.prob {
			if p > 0.005 {
				f := e.post.fits[i]
				b.Hypotheses = append(b.Hypotheses, Hypothesis{Name: f.v.Name, Figures: figures(f), Probability: p})
			}
		}
		slices.SortFunc(b.Hypotheses, func(x, y Hypothesis) int { return cmpFloat(y.Probability, x.Probability) })
	}
	b.Headline = e.headline(b)
	e.belief.Store(b)
}

func (e *Engine) headline(b *Belief) string {
	n, limited := e.log.spent()
	switch {
	case len(b.Hypotheses) > 0:
		h := b.Hypotheses[0]
		return fmt.Sprintf("%s, %s (%.0f %%)", h.Name, h.Figures, 100*h.Probability)
	case limited:
		return fmt.Sprintf("a limit: refused after %d requests", n)
	}
	return fmt.Sprintf("no refusal in %d requests so far", len(e.log.samples))
}

// figures words the most probable parameters of a fit.
func figures(f fit) string {
	if len(f.parts) == 0 {
		return "no figures yet"
	}
	q := f.best1()
	if f.v.Algorithm() == verdict.TokenBucket {
		return fmt.Sprintf("burst %.0f, %s per s", q.p.L, plain(f.v.Rate(q.p)))
	}
	return fmt.Sprintf("%.0f per %s s", q.p.L, plain(q.p.W))
}

// plain writes a number to three digits without an exponent.
func plain(x float64) string {
	digits := 2 - int(math.Floor(math.Log10(max(math.Abs(x), 1e-6))))
	s := strconv.FormatFloat(x, 'f', max(0, digits), 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// best1 is the particle that explains the trace best.
func (f fit) best1() particle {
	return slices.MinFunc(f.parts, func(a, b particle) int { return cmpFloat(a.cost, b.cost) })
}

func (e *Engine) scopeViews() []ScopeView {
	cs := e.log.contrasts()
	var out []ScopeView
	for _, d := range dims {
		n := e.cfg.Roster.Count(d)
		if n == 0 && (d == trace.DimOwner || d == trace.DimForwarded) {
			continue
		}
		v := ScopeView{Dim: string(d), Values: n, State: "not tested"}
		if e.log.roster.Count(d) > 1 {
			v.State = "asking"
			for i := range cs {
				if cs[i].changes&scopeOf(d) == 0 || bits(cs[i].changes) != 1 {
					continue
				}
				switch cs[i].vote() {
				case 1:
					v.State = "own counter each"
				case -1:
					v.State = "shared"
				}
			}
		}
		out = append(out, v)
	}
	return out
}
