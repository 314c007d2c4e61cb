package faulttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// tally is what a trace says when it is read without the program's reader.
type tally struct {
	intents, outcomes int
	budget            int  // most requests
	ended             bool // there is an end record
	reason            string
	seen              []observed // by number of the request
}

// observed is what a test wants to know of a request.
type observed struct {
	Seq     int    `json:"seq"`
	Fault   string `json:"fault"`
	Status  int    `json:"status"`
	Late    bool   `json:"late"`
	Written int64  `json:"written"`
	Done    int64  `json:"done"`
	Conn    int    `json:"conn"`
	Body    struct {
		Bytes int64  `json:"bytes"`
		Text  string `json:"text"`
	} `json:"body"`
	Headers []struct{ N, V string } `json:"headers"`
}

func (o observed) String() string {
	return fmt.Sprintf("#%d status %d fault %q", o.Seq, o.Status, o.Fault)
}

// count reads a trace line by line.
func count(t *testing.T, path string) tally {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var c tally
	open := map[int]bool{}
	for i, line := range bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n")) {
		var r struct {
			Type string
			Meta struct {
				Budget struct {
					MaxRequests int `json:"max_requests"`
				}
			}
			Obs observed
			End *struct{ Reason string }
		}
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("line %d of the trace: %v", i+1, err)
		}
		switch r.Type {
		case "meta":
			// The first: what goes on later has what is left of it.
			if c.budget == 0 {
				c.budget = r.Meta.Budget.MaxRequests
			}
		case "intent":
			c.intents++
			open[r.Obs.Seq] = true
		case "outcome":
			if !open[r.Obs.Seq] {
				t.Errorf("line %d of the trace closes request %d, which is not open", i+1, r.Obs.Seq)
			}
			delete(open, r.Obs.Seq)
			c.outcomes++
			c.seen = append(c.seen, r.Obs)
		case "end":
			c.ended, c.reason = true, r.End.Reason
		}
	}
	return c
}

// faults lists the faults of a trace's requests, in the order of closing.
func (c tally) faults() []string {
	var out []string
	for _, o := range c.seen {
		out = append(out, o.Fault)
	}
	return out
}

// check holds a run to what holds for every one: the code that was wanted, no
// request that the journal does not know, none above the budget, each of them
// closed, and nothing left behind, in memory or in words.
func (o outcome) check(t *testing.T, requests int, codes ...int) tally {
	t.Helper()
	o.hygiene(t)
	right := false
	for _, c := range codes {
		right = right || c == o.code
	}
	if !right {
		t.Errorf("exit %d, want %v\n%s", o.code, codes, o.stderr)
	}
	path := filepath.Join(o.dir, "t.ndjson")
	if _, err := os.Stat(path); err != nil {
		if requests != 0 {
			t.Errorf("no trace, and the server read %d requests", requests)
		}
		return tally{}
	}
	c := count(t, path)
	if requests > c.intents || c.intents > c.budget {
		t.Errorf("the server read %d requests, the trace holds %d, allowed were %d", requests, c.intents, c.budget)
	}
	if c.outcomes != c.intents || !c.ended {
		t.Errorf("of %d requests %d are closed; the trace has an end: %v", c.intents, c.outcomes, c.ended)
	}
	return c
}

// hygiene sees that a run shows no secret and no control character anywhere, and
// that nothing of it goes on.
func (o outcome) hygiene(t *testing.T) {
	t.Helper()
	if o.left != "" {
		t.Errorf("the run left behind:\n%s", o.left)
	}
	inert(t, "standard output", o.stdout)
	inert(t, "standard error", o.stderr)
	err := filepath.WalkDir(o.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !d.Type().IsRegular() || strings.HasPrefix(d.Name(), "given-") {
			return err
		}
		b, err := os.ReadFile(path)
		inert(t, d.Name(), b)
		inert(t, "the name of "+d.Name(), []byte(d.Name()))
		if info, e := d.Info(); e == nil && info.Mode().Perm()&0o077 != 0 && strings.HasSuffix(d.Name(), ".ndjson") {
			t.Errorf("%s may be read by others: %v", d.Name(), info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// inert sees that a text neither shows a secret nor holds a character that acts
// on a terminal, also where JSON hides it in an escape.
func inert(t *testing.T, where string, b []byte) {
	t.Helper()
	for _, l := range leaks(string(b)) {
		t.Errorf("%s shows the %s", where, l)
	}
	if bad := acting(string(b), true); bad != "" {
		t.Errorf("%s holds %s", where, bad)
	}
	for d := json.NewDecoder(bytes.NewReader(b)); ; {
		var v any
		if d.Decode(&v) != nil {
			return
		}
		walk(v, func(s string) {
			if bad := acting(s, false); bad != "" {
				t.Errorf("%s holds, in JSON, %s", where, bad)
			}
			for _, l := range leaks(s) {
				t.Errorf("%s shows, in JSON, the %s", where, l)
			}
		})
	}
}

// walk visits every string of a JSON value.
func walk(v any, visit func(string)) {
	switch v := v.(type) {
	case string:
		visit(v)
	case []any:
		for _, e := range v {
			walk(e, visit)
		}
	case map[string]any:
		for k, e := range v {
			visit(k)
			walk(e, visit)
		}
	}
}

// acting finds the first character that does more than show: controls, those of
// direction, those without width. "" is none.
func acting(s string, lines bool) string {
	for i, r := range s {
		switch {
		case r == '\n' && lines:
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"):
			return fmt.Sprintf("the byte %#x, which is no text, in %q", s[i], near(s, i))
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029':
			return fmt.Sprintf("%U in %q", r, near(s, i))
		}
	}
	return ""
}

func near(s string, i int) string { return s[max(0, i-20):min(len(s), i+20)] }
