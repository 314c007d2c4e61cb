package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"apisonde/analyze/verdict"
	"apisonde/probe/trace"
	"apisonde/report"
)

func summary(t *testing.T, f fixture, opts ...report.Option) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Text(&b, f.verdict, f.trace, opts...); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// many is a verdict with more layers and more to say than a screen holds.
func many() fixture {
	f := hostile()
	f.name = "many layers"
	l := layers().verdict.Limits
	for range 4 {
		f.verdict.Limits = append(f.verdict.Limits, l...)
	}
	f.verdict.Warnings = []string{strings.Repeat("a", 300)}
	f.trace.End = nil
	return f
}

func TestTextFitsTheScreen(t *testing.T) {
	t.Parallel()
	for _, f := range append(fixtures(), many()) {
		for _, width := range []int{40, 80, 132} {
			got := summary(t, f, report.Width(width))
			lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
			if len(lines) > 40 {
				t.Errorf("%s at %d columns: %d lines, want at most 40:\n%s", f.name, width, len(lines), got)
			}
			for _, l := range lines {
				if n := utf8.RuneCountInString(l); n > width {
					t.Errorf("%s: %d columns, want at most %d: %s", f.name, n, width, l)
				}
			}
		}
	}
}

func TestTextNeverLosesWhatMattersMost(t *testing.T) {
	t.Parallel()
	got := summary(t, many())
	for _, want := range []string{"INCOMPLETE", "17 limits were found", "more layers; the full report has them", "set ", "cost "} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing from\n%s", want, got)
		}
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestTextHasNoEscapesUnlessColored(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures() {
		plain := summary(t, f)
		if strings.ContainsAny(plain, "\x1b\x00\r\t\u202e") {
			t.Errorf("%s: a control character in\n%q", f.name, plain)
		}
		colored := summary(t, f, report.Color(true))
		if colored == plain {
			t.Errorf("%s: no colour", f.name)
		}
		if d := cmp.Diff(plain, sgr.ReplaceAllString(colored, "")); d != "" {
			t.Errorf("%s: colour changes more than colour (-plain +coloured):\n%s", f.name, d)
		}
	}
}

func TestASCIIPictures(t *testing.T) {
	t.Parallel()
	got := summary(t, tokenBucket(), report.ASCII(true))
	if strings.ContainsAny(got, "▁█") || !strings.Contains(got, "admitted  #") {
		t.Errorf("the pictures are not in 7 bits:\n%s", got)
	}
}

func TestJSONIsOneDocumentThatReadsBack(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures() {
		var b bytes.Buffer
		if err := report.JSON(&b, f.verdict); err != nil {
			t.Fatal(err)
		}
		var got verdict.Verdict
		d := json.NewDecoder(&b)
		d.DisallowUnknownFields()
		if err := d.Decode(&got); err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		if d.More() {
			t.Errorf("%s: more than one document", f.name)
		}
		if d := cmp.Diff(f.verdict, got, emptyIsNil); d != "" {
			t.Errorf("%s (-want +got):\n%s", f.name, d)
		}
	}
}

// emptyIsNil tells lists that JSON may write the same way. Of these three null
// and empty are different answers.
var emptyIsNil = cmp.FilterPath(func(p cmp.Path) bool {
	switch p.Last().String() {
	case ".Scope", ".Routes", ".Per":
		return false
	}
	return true
}, cmpopts.EquateEmpty())

func TestJSONListsAreNeverNull(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	v := verdict.Verdict{Limits: []verdict.Limit{{Evidence: []verdict.Evidence{{}}}}, Advice: &verdict.Advice{}}
	v.Headers.Claims, v.Headers.Conflicts = []verdict.Claim{{}}, []verdict.Conflict{{}}
	if err := report.JSON(&b, v); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	// Null means something in these: nothing stated, or every route.
	meant := []string{
		"scope", "limit", "burst", "window_s", "rate_per_s", "undelayed", "max_delay_s", "alignment", "routes", "nodes", "anonymous",
		"counts_against_limit", "charged_by_other_rejections", "penalty_s", "penalty_extends", "bias_s", "stop_reason",
		"per", "concurrency", "min_spacing_s", "efficiency", "rejects_per_1000",
	}
	for _, name := range nulls(got) {
		if !strings.Contains(" "+strings.Join(meant, " ")+" ", " "+name+" ") {
			t.Errorf("%s is null", name)
		}
	}
	if v.Limits[0].Evidence[0].Observations == nil && !strings.Contains(b.String(), `"observations": []`) {
		t.Error("observations are not an empty list")
	}
}

func nulls(v any) []string {
	var out []string
	switch x := v.(type) {
	case map[string]any:
		for k, v := range x {
			if v == nil {
				out = append(out, k)
			}
			out = append(out, nulls(v)...)
		}
	case []any:
		for _, v := range x {
			out = append(out, nulls(v)...)
		}
	}
	return out
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

var errBroken = errors.New("no space left")

func TestErrorsReachTheCaller(t *testing.T) {
	t.Parallel()
	f := fixedWindow()
	for name, err := range map[string]error{
		"markdown": report.Markdown(broken{}, f.verdict, f.trace),
		"text":     report.Text(broken{}, f.verdict, f.trace),
		"json":     report.JSON(broken{}, f.verdict),
	} {
		if !errors.Is(err, errBroken) {
			t.Errorf("%s: got %v, want the writer's error", name, err)
		}
	}
	f.verdict.Limits[0].Limit = fig(math.Inf(1), 1, 2)
	if err := report.JSON(&bytes.Buffer{}, f.verdict); err == nil {
		t.Error("an infinite figure was written as JSON")
	}
}

// A trace from elsewhere may hold any offsets and nothing else.
func TestOddTracesAreReported(t *testing.T) {
	t.Parallel()
	v := noLimit().verdict
	for name, tr := range map[string]trace.Trace{
		"empty": {},
		"offsets out of range": {Observations: []trace.Observation{
			{Seq: 1, Written: -5, Done: math.MaxInt64, Status: 200}, {Seq: 2, Written: math.MaxInt64 - 1, Status: 429}, {Seq: 3, Written: math.MinInt64},
		}, End: &trace.End{At: math.MaxInt64}},
	} {
		var b bytes.Buffer
		if err := report.Markdown(&b, v, tr); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := report.Text(&b, v, tr); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := report.Markdown(&bytes.Buffer{}, verdict.Verdict{}, trace.Trace{}); err != nil {
		t.Error(err)
	}
}

func TestSentence(t *testing.T) {
	t.Parallel()
	limit := func(change func(*verdict.Limit)) verdict.Limit {
		l := verdict.Limit{Scope: []string{"key"}, Algorithm: verdict.FixedWindow, Limit: verdict.Exact(30), WindowS: verdict.Exact(5)}
		change(&l)
		return l
	}
	for _, tt := range []struct {
		limit verdict.Limit
		want  string
	}{
		{limit(func(l *verdict.Limit) { l.Alignment = ptr(verdict.AlignFirstRequest) }),
			"Each API key gets 30 requests per 5-second window, counted from its first request."},
		{limit(func(l *verdict.Limit) {
			l.Scope = []string{}
			l.WindowS = verdict.Exact(60)
			l.Limit = verdict.Exact(1)
		}),
			"Everybody together gets 1 request per 1-minute window."},
		{limit(func(l *verdict.Limit) { l.Scope = []string{"ip", "route"}; l.WindowS = nil }),
			"Each combination of client address and path gets 30 requests per window of a length that is not known."},
		{limit(func(l *verdict.Limit) { l.Limit = nil; l.WindowS = fig(10, 9, 11) }),
			"Each API key gets a number of requests that is not known per about-10-second window."},
		{limit(func(l *verdict.Limit) { l.Algorithm = verdict.SlidingLog; l.Limit = fig(30, 28, 33) }),
			"Each API key gets about 30 requests in any period of 5 s."},
		{limit(func(l *verdict.Limit) {
			l.Algorithm = verdict.TokenBucket
			l.Limit = nil
			l.RatePerS = verdict.Exact(0.5)
		}),
			"Each API key gets a bucket of requests of unknown size, refilled at 30 requests per minute."},
		{limit(func(l *verdict.Limit) { l.Algorithm = verdict.TokenBucket; l.RatePerS = nil }),
			"Each API key gets a bucket of 30 requests, refilled at a rate that is not known."},
		{limit(func(l *verdict.Limit) { l.Algorithm = verdict.Concurrency; l.Scope = []string{"user"} }),
			"Each user gets 30 requests in flight at once."},
		{limit(func(l *verdict.Limit) { l.Algorithm = verdict.Unknown; l.Limit, l.WindowS = nil, nil }),
			"Each API key gets a limited number of requests: how many and how often is not known."},
		{limit(func(l *verdict.Limit) { l.Scope = nil; l.ScopeCandidates = [][]string{{}, {"ip"}, {"ip", "key"}} }),
			"A caller gets 30 requests per 5-second window. Whose counter it is stays open: one for everybody, one per client address or one per combination of client address and API key."},
		{limit(func(l *verdict.Limit) { l.Routes = []string{"/a", "/b"}; l.Unit = "points" }),
			"On /a and /b, each API key gets 30 points per 5-second window."},
		{limit(func(l *verdict.Limit) {
			l.Algorithm = verdict.LeakyQueue
			l.RatePerS = verdict.Exact(10)
			l.MaxDelayS = verdict.Exact(2)
			l.Burst = verdict.Exact(20)
		}),
			"Each API key gets 10 requests per second, and what comes faster waits in a queue for up to 2 s; more than 20 at once are refused."},
	} {
		if got := report.Sentence(tt.limit); got != tt.want {
			t.Errorf("\n got %s\nwant %s", got, tt.want)
		}
	}
}

func TestConfidenceIsNeverRoundedUp(t *testing.T) {
	t.Parallel()
	for p, want := range map[float64]string{
		1: "near certain, 1", 0.99996: "near certain, over 0.999", 0.9949: "near certain, 0.994", 0.98999: "very likely, 0.98",
		0.95: "very likely, 0.95", 0.9499: "likely, 0.94", 0.8: "likely, 0.8", 0.5: "more likely than not, 0.5", 0.29: "open, 0.29", 0: "open, 0",
	} {
		if got := report.Sure(p); got != want {
			t.Errorf("%v is %q, want %q", p, got, want)
		}
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	long := make([]int, 40)
	for i := range long {
		long[i] = 3 * i
	}
	for _, tt := range []struct {
		seqs []int
		want string
	}{
		{nil, ""}, {[]int{4}, "request 4"}, {[]int{4, 5}, "requests 4, 5"}, {[]int{4, 5, 6, 9}, "requests 4–6, 9"},
		{long, "requests 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33 and more, 40 in all"},
	} {
		if got := report.Requests(tt.seqs); got != tt.want {
			t.Errorf("%v is %q, want %q", tt.seqs, got, tt.want)
		}
	}
}

// The table of what was sent and the verdict's cost are drawn from the same
// requests; where they differ the report must not hide it.
func TestADifferentCountIsSaid(t *testing.T) {
	t.Parallel()
	f := fixedWindow()
	const said = "The table counts the requests in the trace"
	if bytes.Contains(markdown(t, f.verdict, f.trace), []byte(said)) {
		t.Error("a difference is claimed where there is none")
	}
	f.verdict.Cost.Limited++
	if !bytes.Contains(markdown(t, f.verdict, f.trace), []byte(said)) {
		t.Error("a different count is not mentioned")
	}
}

func ExampleText() {
	f := fixedWindow()
	var b bytes.Buffer
	if err := report.Text(&b, f.verdict, f.trace); err != nil {
		fmt.Println(err)
	}
	fmt.Println(strings.Join(strings.Split(b.String(), "\n")[3:5], "\n"))
	// Output:
	// Each API key gets 30 requests per 5-second window, counted from its first
	// request.
}
