package selftest

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"apisonde/probe/lab/limit"
)

func ptr(x float64) *float64 { return &x }

var near = cmpopts.EquateApprox(0, 1e-12)

func TestCalibrate(t *testing.T) {
	t.Parallel()
	got := calibrate([]Statement{{Confidence: 0.2}, {Confidence: 0.9, True: true}, {Confidence: 0.94}, {Confidence: 0.95, True: true}, {Confidence: 1, True: true}})
	want := []Bin{
		{0, 0.5, 1, ptr(0.2), ptr(0)}, {0.5, 0.7, 0, nil, nil}, {0.7, 0.8, 0, nil, nil}, {0.8, 0.9, 0, nil, nil},
		{0.9, 0.95, 2, ptr(0.92), ptr(0.5)}, {0.95, 0.99, 1, ptr(0.95), ptr(1)}, {0.99, 1, 1, ptr(1), ptr(1)},
	}
	if diff := cmp.Diff(want, got, near); diff != "" {
		t.Error(diff)
	}
}

func TestBrier(t *testing.T) {
	t.Parallel()
	if got := brier([]Statement{{Confidence: 0.9, True: true}, {Confidence: 0.8}}); got == nil || math.Abs(*got-0.325) > 1e-12 {
		t.Errorf("%v", got)
	}
	if brier(nil) != nil {
		t.Error("a score of nothing")
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	xs := make([]float64, 10)
	for i := range xs {
		xs[i] = float64(10 - i)
	}
	if diff := cmp.Diff(Spread{ptr(5), ptr(9)}, spread(xs)); diff != "" {
		t.Error(diff)
	}
}

func TestSummarise(t *testing.T) {
	t.Parallel()
	truth := []limit.Truth{{Algorithm: "fixed-window", Limit: 9, Window: 2 * time.Second}}
	r := Summarise(Config{Trials: 3, Seed: 4, Disturb: []string{"loss"}}, []Trial{
		{Seed: 4, Family: "fixed-window", Spec: "a", Truth: truth, Requests: 50, Limited: 7, Wall: 10 * time.Second, Judgement: Judgement{
			Layers:     []Layer{{FamilyIs: Right, ScopeIs: Open, LimitIs: Right, WindowError: ptr(0.5), Stated: 4, Inside: 3}},
			Statements: []Statement{{Confidence: 0.9, Misses: []string{"limit"}}, {Confidence: 0.89}},
		}},
		{Seed: 5, Family: "none", Spec: "none", Requests: 1000, Judgement: Judgement{Layers: []Layer{{FamilyIs: Right}}}},
	})
	want := Group{
		Name: "all", Trials: 2, FamilyIs: Answers{Right: 2}, ScopeIs: Answers{Open: 1}, LimitIs: Answers{Right: 1},
		WindowError: Spread{ptr(0.5), ptr(0.5)}, Inside: ptr(0.75), Requests: Spread{ptr(5), ptr(5)}, Rejections: Spread{ptr(7), ptr(7)},
		Wall: Spread{ptr(5), ptr(5)}, Statements: 2, MeanConfidence: ptr(0.895),
	}
	if diff := cmp.Diff(want, r.All, near); diff != "" {
		t.Errorf("all:\n%s", diff)
	}
	if len(r.Families) != 2 || r.Families[1].Name != "none" || r.Trials != 2 || r.Planned != 3 {
		t.Errorf("%+v", r)
	}
	if len(r.Scopes) != 1 || r.Scopes[0].Name != "global" || r.Scopes[0].Trials != 1 {
		t.Errorf("scopes: %+v", r.Scopes)
	}
	mistaken := []Mistaken{{4, "fixed-window", "a", Statement{Confidence: 0.9, Misses: []string{"limit"}}}}
	if diff := cmp.Diff(mistaken, r.Wrong); diff != "" {
		t.Errorf("confidently wrong:\n%s", diff)
	}
}

// The share of true statements that are firm leaves false ones out.
func TestFirm(t *testing.T) {
	t.Parallel()
	if got := firm([]Statement{{Confidence: 0.9, True: true}, {Confidence: 0.89, True: true}, {Confidence: 0.99}}); got == nil || *got != 0.5 {
		t.Errorf("%v", got)
	}
	if firm([]Statement{{Confidence: 0.99}}) != nil {
		t.Error("a share of nothing")
	}
}

// A trial has a flaw for each answer that is not right and each false statement,
// be it timid; a server without a limit is asked for nothing but its family.
func TestFlaws(t *testing.T) {
	t.Parallel()
	right := Layer{FamilyIs: Right, ScopeIs: Right, LimitIs: Right}
	trials := []Trial{
		{Seed: 1, Judgement: Judgement{Layers: []Layer{right}, Statements: []Statement{{Confidence: 0.9, True: true}}}},
		{Seed: 2, Family: "none", Judgement: Judgement{Layers: []Layer{{FamilyIs: Right}}}},
		{Seed: 3, Family: layered, Spec: "a and b", Judgement: Judgement{
			Layers:     []Layer{{FamilyIs: Open, ScopeIs: Right, LimitIs: Right}, {FamilyIs: Right, ScopeIs: Unknown, LimitIs: Wrong}},
			Statements: []Statement{{Confidence: 0.3, Misses: []string{"limit 1", "scope"}}},
		}, Truth: make([]limit.Truth, 2)},
	}
	want := []Flawed{{3, layered, "a and b", []string{
		"algorithm of layer 1: open", "scope of layer 2: unknown", "limit of layer 2: wrong", "false at 0.300: limit 1; scope",
	}}}
	if diff := cmp.Diff(want, Summarise(Config{Trials: 3, ShowWrong: true}, trials).Flawed); diff != "" {
		t.Error(diff)
	}
	if r := Summarise(Config{Trials: 3}, trials); r.Flawed != nil {
		t.Errorf("unasked: %v", r.Flawed)
	}
}

// Pairs stand apart from the others, layer by layer.
func TestSummarisePairs(t *testing.T) {
	t.Parallel()
	truth := []limit.Truth{{Limit: 9, Window: 2 * time.Second}, {Limit: 19, Window: 5 * time.Second}}
	right := Layer{FamilyIs: Right, ScopeIs: Right, LimitIs: Right}
	r := Summarise(Config{Trials: 3}, []Trial{
		{Family: layered, Truth: truth, Requests: 40, Judgement: Judgement{Layers: []Layer{right, {FamilyIs: Open, ScopeIs: Right, LimitIs: Wrong}}}},
		{Family: layered, Truth: truth, Requests: 40, Judgement: Judgement{Layers: []Layer{right, right}}},
		{Family: "none", Judgement: Judgement{Layers: []Layer{{FamilyIs: Right}}}},
	})
	if r.All.Trials != 1 || len(r.Layers) != 2 || r.Both == nil || *r.Both != 0.5 {
		t.Fatalf("%+v", r)
	}
	inner, outer := r.Layers[0], r.Layers[1]
	if inner.LimitIs.Right != 2 || outer.LimitIs != (Answers{Right: 1, Wrong: 1}) || *inner.Requests.Median != 4 || *outer.Requests.Median != 2 {
		t.Errorf("%+v\n%+v", inner, outer)
	}
}
