package selftest

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"apisonde/probe/lab/limit"
)

// Schema names the format of a report and its version.
const Schema = "apisonde/selftest/v1"

// Report is what a self-test found out. Shares are of 1; a figure is null where
// nothing was measured.
type Report struct {
	Schema      string     `json:"schema"`
	Trials      int        `json:"trials"` // that are over
	Planned     int        `json:"planned"`
	Seed        uint64     `json:"seed"`
	Disturb     []string   `json:"disturb"`
	All         Group      `json:"all"`
	Families    []Group    `json:"families"`
	Layers      []Group    `json:"layers"` // of pairs: each layer, the inner one first
	Both        *float64   `json:"both"`   // share of pairs with both scopes and both limits right
	Scopes      []Group    `json:"scopes"`
	Brier       *float64   `json:"brier"` // mean square of confidence less truth, which is 0 or 1
	Calibration []Bin      `json:"calibration"`
	Firm        *float64   `json:"firm"` // share of the true statements that are made with a confidence of 0.9 and more
	Wrong       []Mistaken `json:"confidently_wrong"`
	Flawed      []Flawed   `json:"flawed,omitempty"` // every trial that is not wholly right, where that was asked for
}

// Group is what several trials have in common.
type Group struct {
	Name           string   `json:"name"`
	Trials         int      `json:"trials"`
	FamilyIs       Answers  `json:"family_is"`
	ScopeIs        Answers  `json:"scope_is"` // of trials with a limit
	LimitIs        Answers  `json:"limit_is"`
	WindowError    Spread   `json:"window_error"` // relative
	RateError      Spread   `json:"rate_error"`
	Inside         *float64 `json:"inside"`          // share of figures whose interval holds the truth
	Requests       Spread   `json:"requests_per_l1"` // requests / (limit + 1)
	Rejections     Spread   `json:"rejections"`
	Wall           Spread   `json:"wall_per_window"` // duration / window, or / time to refill
	Statements     int      `json:"statements"`
	TrueOnes       int      `json:"true_statements"`
	MeanConfidence *float64 `json:"mean_confidence"`
}

// Answers counts how one question was answered.
type Answers struct {
	Right   int `json:"right"`
	Open    int `json:"open"`
	Unknown int `json:"unknown"`
	Wrong   int `json:"wrong"`
}

func (a *Answers) add(x Answer) {
	switch x {
	case Right:
		a.Right++
	case Open:
		a.Open++
	case Unknown:
		a.Unknown++
	case Wrong:
		a.Wrong++
	}
}

// Spread is the middle and the upper end of a sample; nil where it is empty.
type Spread struct {
	Median *float64 `json:"median"`
	P90    *float64 `json:"p90"`
}

// Bin is the statements whose confidence is in [Lo, Hi), the last one closed.
type Bin struct {
	Lo         float64  `json:"lo"`
	Hi         float64  `json:"hi"`
	Statements int      `json:"statements"`
	Confidence *float64 `json:"mean_confidence"`
	True       *float64 `json:"true"`
}

// Mistaken is a false statement made with confidence.
type Mistaken struct {
	Seed   uint64 `json:"seed"`
	Family string `json:"family"`
	Spec   string `json:"spec"`
	Statement
}

// Flawed is a trial that is not wholly right, and what is amiss, in words.
type Flawed struct {
	Seed   uint64   `json:"seed"`
	Family string   `json:"family"`
	Spec   string   `json:"spec"`
	Flaws  []string `json:"flaws"`
}

// confident is from where on a statement is firm, and a false one confidently
// wrong.
const confident = 0.9

// edges of the bins of the calibration table.
var edges = []float64{0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1}

// Summarise says what the trials of a run show.
func Summarise(cfg Config, trials []Trial) Report {
	r := Report{
		Schema: Schema, Trials: len(trials), Planned: cfg.Trials, Seed: cfg.Seed,
		Disturb: append([]string{}, cfg.Disturb...), Families: []Group{}, Layers: []Group{}, Scopes: []Group{}, Wrong: []Mistaken{},
	}
	single, pairs := split(trials)
	r.All = group("all", single, 0)
	for _, name := range Families() {
		r.Families = appendGroup(r.Families, name, single, func(t *Trial) bool { return t.Family == name })
	}
	for _, by := range scopes {
		r.Scopes = appendGroup(r.Scopes, by, single, func(t *Trial) bool { return len(t.Truth) > 0 && scopeName(t.Truth[0].Scope) == by })
	}
	if len(pairs) > 0 {
		r.Layers = []Group{group("inner", pairs, 0), group("outer", pairs, 1)}
		both := 0
		for _, t := range pairs {
			if !slices.ContainsFunc(t.Layers, func(l Layer) bool { return l.ScopeIs != Right || l.LimitIs != Right }) {
				both++
			}
		}
		r.Both = share(both, len(pairs))
	}
	var statements []Statement
	for _, t := range trials {
		for _, s := range t.Statements {
			statements = append(statements, s)
			if !s.True && s.Confidence >= confident {
				r.Wrong = append(r.Wrong, Mistaken{t.Seed, t.Family, t.Spec, s})
			}
		}
		if cfg.ShowWrong {
			if flaws := t.flaws(); len(flaws) > 0 {
				r.Flawed = append(r.Flawed, Flawed{t.Seed, t.Family, t.Spec, flaws})
			}
		}
	}
	r.Brier, r.Calibration, r.Firm = brier(statements), calibrate(statements), firm(statements)
	return r
}

// flaws are the answers that are not right, layer by layer, and what is false in
// each statement.
func (t *Trial) flaws() []string {
	var out []string
	for i, l := range t.Layers {
		where := ""
		if len(t.Layers) > 1 {
			where = fmt.Sprintf(" of layer %d", i+1)
		}
		for _, q := range []struct {
			what string
			is   Answer
		}{{"algorithm", l.FamilyIs}, {"scope", l.ScopeIs}, {"limit", l.LimitIs}} {
			if q.is != Right && q.is != "" { // "" where nothing is asked
				out = append(out, fmt.Sprintf("%s%s: %s", q.what, where, q.is))
			}
		}
	}
	for _, s := range t.Statements {
		if !s.True {
			out = append(out, fmt.Sprintf("false at %.3f: %s", s.Confidence, strings.Join(s.Misses, "; ")))
		}
	}
	return out
}

// split parts the trials of pairs from the others.
func split(trials []Trial) (single, pairs []Trial) {
	for _, t := range trials {
		if t.Family == layered {
			pairs = append(pairs, t)
		} else {
			single = append(single, t)
		}
	}
	return single, pairs
}

// appendGroup adds those of the trials that belong together, if there are any.
func appendGroup(groups []Group, name string, trials []Trial, belongs func(*Trial) bool) []Group {
	var of []Trial
	for i := range trials {
		if belongs(&trials[i]) {
			of = append(of, trials[i])
		}
	}
	if len(of) == 0 {
		return groups
	}
	return append(groups, group(name, of, 0))
}

// scopeName writes a scope as specs do.
func scopeName(scope []string) string {
	if len(scope) == 0 {
		return "global"
	}
	return strings.Join(scope, "+")
}

// group sums up what trials say of the layer with that index; requests, time and
// statements are those of the whole trial.
func group(name string, trials []Trial, index int) Group {
	g := Group{Name: name, Trials: len(trials)}
	var window, rate, requests, rejections, wall []float64
	var stated, inside int
	var statements []Statement
	for _, t := range trials {
		of, truth := t.Layers[index], limit.Truth{}
		g.FamilyIs.add(of.FamilyIs)
		statements = append(statements, t.Statements...)
		if len(t.Truth) == 0 {
			continue
		}
		truth = t.Truth[index]
		g.ScopeIs.add(of.ScopeIs)
		g.LimitIs.add(of.LimitIs)
		if of.WindowError != nil {
			window = append(window, *of.WindowError)
		}
		if of.RateError != nil {
			rate = append(rate, *of.RateError)
		}
		stated, inside = stated+of.Stated, inside+of.Inside
		requests = append(requests, float64(t.Requests)/float64(size(&truth)+1))
		rejections = append(rejections, float64(t.Limited))
		if w := span(&truth); w > 0 {
			wall = append(wall, t.Wall.Seconds()/w.Seconds())
		}
	}
	g.WindowError, g.RateError, g.Inside = spread(window), spread(rate), share(inside, stated)
	g.Requests, g.Rejections, g.Wall = spread(requests), spread(rejections), spread(wall)
	g.Statements = len(statements)
	g.MeanConfidence, _ = means(statements)
	for _, s := range statements {
		if s.True {
			g.TrueOnes++
		}
	}
	return g
}

// calibrate sorts statements into bins by their confidence.
func calibrate(statements []Statement) []Bin {
	bins := make([]Bin, len(edges)-1)
	for i := range bins {
		b := &bins[i]
		b.Lo, b.Hi = edges[i], edges[i+1]
		var in []Statement
		for _, s := range statements {
			if b.Lo <= s.Confidence && (s.Confidence < b.Hi || i == len(bins)-1) {
				in = append(in, s)
			}
		}
		b.Statements = len(in)
		b.Confidence, b.True = means(in)
	}
	return bins
}

// means are the mean confidence and the share of true statements.
func means(statements []Statement) (confidence, truth *float64) {
	sum, right := 0.0, 0
	for _, s := range statements {
		sum += s.Confidence
		if s.True {
			right++
		}
	}
	if len(statements) > 0 {
		sum /= float64(len(statements))
		confidence = &sum
	}
	return confidence, share(right, len(statements))
}

func brier(statements []Statement) *float64 {
	if len(statements) == 0 {
		return nil
	}
	sum := 0.0
	for _, s := range statements {
		truth := 0.0
		if s.True {
			truth = 1
		}
		sum += (s.Confidence - truth) * (s.Confidence - truth)
	}
	sum /= float64(len(statements))
	return &sum
}

// firm is the share of the true statements that are made with confidence.
func firm(statements []Statement) *float64 {
	all, sure := 0, 0
	for _, s := range statements {
		if s.True {
			all++
			if s.Confidence >= confident {
				sure++
			}
		}
	}
	return share(sure, all)
}

func share(part, whole int) *float64 {
	if whole == 0 {
		return nil
	}
	s := float64(part) / float64(whole)
	return &s
}

// spread takes the values at the ranks ⌈n/2⌉ and ⌈0.9 n⌉.
func spread(xs []float64) Spread {
	if len(xs) == 0 {
		return Spread{}
	}
	slices.Sort(xs)
	at := func(q float64) *float64 { return &xs[int(math.Ceil(q*float64(len(xs))))-1] }
	return Spread{at(0.5), at(0.9)}
}
