package infer

// Belief is an immutable picture of what the engine thinks in mid-run, for
// screens. It is replaced whole after every decision.
type Belief struct {
	Stage      string       // what the engine is finding out: "limit", "scope", "window", "algorithm", "validation"
	Headline   string       // one line: the best statement so far, in words
	Hypotheses []Hypothesis // leading ones, most probable first; they sum to at most 1
	Scope      []ScopeView  // what is known of each dimension
	Findings   []string     // what was established so far, oldest first
}

// Hypothesis is one candidate explanation with its probability.
type Hypothesis struct {
	Name        string  // algorithm of the verdict contract, with its variant in words
	Figures     string  // "30 per 5 s", "burst 20, 5/s"
	Probability float64 // within the families that the engine knows
}

// ScopeView is the state of one dimension.
type ScopeView struct {
	Dim    string // ip, key, user, route, forwarded
	Values int    // how many values the roster has
	State  string // "own counter each", "shared", "not tested", "asking"
}
