package report

import (
	"strings"

	"apisonde/analyze/verdict"
)

// Screens say what reports say, in the same words. What follows is plain text,
// sanitised and on one line, without markup.

// Headline says what came of the assessment.
func Headline(v verdict.Verdict) string { return headline(v) }

// Stopped says why sending ended before the plan did, "" if it did not.
func Stopped(v verdict.Verdict) string { return stopped(v) }

// TestedUpTo says how far the assessment went, and that nothing is known beyond.
func TestedUpTo(v verdict.Verdict) string { return testedUpTo(v) }

// Cost says what was sent, and what came of it.
func Cost(v verdict.Verdict) string { return spent(v) }

// Sentence says what one layer allows and to whom.
func Sentence(l verdict.Limit) string { return visible(sentence(l)) }

// Sure puts a probability in words and figures; it never rounds up.
func Sure(p float64) string { return sure(p) }

// Probability writes a probability in figures; it never rounds up.
func Probability(p float64) string { return probability(p) }

// Algorithm is a layer's algorithm in words.
func Algorithm(l verdict.Limit) string { return algorithmName(l) }

// Equivalents are the algorithms that the evidence does not exclude, in words;
// "" if there are none.
func Equivalents(l verdict.Limit) string { return or(otherNames(l)) }

// ToTell says what to add so that it can be told whose counter it is, "" where
// nothing is open that an identity would settle.
func ToTell(l verdict.Limit) string { return or(identityHints(l)) }

// RetryAfter says how Retry-After compares with the wait that was needed.
func RetryAfter(r verdict.RetryAfter) string { return retryAfterName(r) }

// Requests names observations by number, "" if there are none.
func Requests(seqs []int) string { return observations(seqs) }

// Advice is the advice in one sentence, or why there is none.
func Advice(v verdict.Verdict) string {
	if v.Advice == nil {
		return upper(noAdvice(v)) + "."
	}
	return adviceLine(v.Advice)
}

// Expectation says what a client that follows the advice will see.
func Expectation(e verdict.Expected) string { return expectation(e) }

// Setting is one setting of the advice, for people.
type Setting struct {
	Key     string // as in the verdict document: "pace.rate_per_s"
	Name    string // "Rate, on average"
	Value   string // with its unit
	Because string // "" where no reason is given
}

// Settings are the settings of an advice in the order in which to read them.
func Settings(a verdict.Advice) []Setting {
	var out []Setting
	for _, r := range settingRows(a) {
		var because []string
		for _, w := range a.Reasons {
			if w.Setting == r[0] {
				because = append(because, visible(w.Because))
			}
		}
		out = append(out, Setting{Key: r[0], Name: settingNames[r[0]], Value: r[1], Because: strings.Join(because, "; ")})
	}
	return out
}
