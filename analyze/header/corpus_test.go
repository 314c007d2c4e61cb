package header_test

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"apisonde/analyze/header"
	"apisonde/probe/trace"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// record is one response of a service and what a reader of its documentation
// would say that it claims. The source of each is kept in it.
type record struct {
	ID         string      `json:"id"`
	Vendor     string      `json:"vendor"`
	Source     string      `json:"source"`
	Status     int         `json:"status"`
	ReceivedAt time.Time   `json:"received_at"`
	Headers    [][2]string `json:"headers"`
	Body       *string     `json:"body"`
	Notes      string      `json:"notes"`
	Expect     expectation `json:"expect"`
}

// received is the receipt of every response that a test makes up.
var received = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

type expectation struct {
	Limited   bool       `json:"limited"`
	Quotas    []quota    `json:"quotas"`
	RetryS    header.Num `json:"retry_after_s"`
	ScopeHint *string    `json:"scope_hint"`
}

// quota is a quota as the contract writes it.
type quota struct {
	Name      *string    `json:"name"`
	Limit     header.Num `json:"limit"`
	Remaining header.Num `json:"remaining"`
	Used      header.Num `json:"used"`
	WindowS   header.Num `json:"window_s"`
	ResetInS  header.Num `json:"reset_in_s"`
	Unit      string     `json:"unit"`
}

// undecodable lists the ambiguous records that nothing in the response settles,
// and why. It is checked both ways: a record that decodes has no place in it.
var undecodable = map[string]string{}

func records(t testing.TB, path string) []record {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []record
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%s: %v in %.80s", path, err, lines.Text())
		}
		out = append(out, r)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func (r record) decode() header.Document {
	hs := make([]trace.Header, 0, len(r.Headers))
	for _, h := range r.Headers {
		hs = append(hs, trace.Header{Name: trace.Clean(h[0]), Value: trace.Clean(h[1])})
	}
	var body []byte
	if r.Body != nil {
		body = []byte(*r.Body)
	}
	return header.Decode(r.Status, hs, body, r.ReceivedAt)
}

// claims reads a document back from its JSON, as another program would.
func claims(t testing.TB, doc header.Document) expectation {
	t.Helper()
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatalf("a document must marshal: %v", err)
	}
	var got expectation
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatalf("a document must be JSON: %v", err)
	}
	return got
}

func TestCorpusDecodes(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"testdata/corpus.jsonl", "testdata/variants.jsonl"} {
		rs := records(t, file)
		if len(rs) < 50 {
			t.Fatalf("%s: only %d records", file, len(rs))
		}
		for _, r := range rs {
			got := claims(t, r.decode())
			diff := cmp.Diff(r.Expect, got, cmpopts.EquateEmpty(), cmpopts.EquateApprox(0, 1e-6))
			reason, known := undecodable[r.ID]
			switch {
			case diff != "" && !known:
				t.Errorf("%s (%s) -want +got:\n%s\n%s", r.ID, r.Vendor, diff, r.Notes)
			case diff == "" && known:
				t.Errorf("%s decodes; it need not be excused (%s)", r.ID, reason)
			}
			if known && !strings.HasPrefix(r.Notes, "AMBIGUOUS") {
				t.Errorf("%s is excused but not ambiguous", r.ID)
			}
		}
	}
}
