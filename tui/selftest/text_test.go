package selftest

import (
	"strings"
	"testing"
)

// A confidently wrong statement is shown with its limiter, and the command shown
// repeats it.
func TestTextSaysHowToRepeat(t *testing.T) {
	t.Parallel()
	cfg := Config{Trials: 9, Seed: 1, Disturb: []string{"jitter", "loss"}, ShowWrong: true}
	r := Summarise(cfg, []Trial{{Seed: 4, Family: "none", Spec: "none", Judgement: Judgement{
		Layers: []Layer{{FamilyIs: Wrong}}, Statements: []Statement{{Confidence: 0.97, Misses: []string{"there is no limit"}}},
	}}})
	var b strings.Builder
	if err := Text(&b, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"1 of 9 random limiters assessed in virtual time, seed 1, disturbed by jitter, loss.\n",
		"Confidently wrong (confidence of 0.90 and more): 1\n" +
			"  none\n    0.970: there is no limit\n" +
			"    again: apisonde selftest --trials 1 --family none --seed 4 --disturb jitter --disturb loss\n",
		"Not wholly right: 1\n" +
			"  none\n    algorithm: wrong\n    false at 0.970: there is no limit\n" +
			"    again: apisonde selftest --trials 1 --family none --seed 4 --disturb jitter --disturb loss\n",
		"of the true statements, - are made at 0.90 and more\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &b)
		}
	}
}
