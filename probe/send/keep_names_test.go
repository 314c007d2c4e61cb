package send

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// responses are those of the decoder's tests, whose headers and bodies must reach
// it from the wire.
func responses(t *testing.T, visit func(id string, status int, names []string, body string, limited bool)) {
	t.Helper()
	n := 0
	for _, path := range []string{"../../analyze/header/testdata/corpus.jsonl", "../../analyze/header/testdata/variants.jsonl"} {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var r struct {
				ID      string
				Status  int
				Headers [][2]string
				Body    string
				Expect  struct{ Limited bool }
			}
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, h := range r.Headers {
				names = append(names, h[0])
			}
			visit(r.ID, r.Status, names, r.Body, r.Expect.Limited)
			n++
		}
	}
	if n < 200 {
		t.Fatalf("only %d responses", n)
	}
}

func TestNamesThatTheDecoderReadsAreKept(t *testing.T) {
	t.Parallel()
	// What says nothing of limits, in the same responses.
	unrelated := []string{"access-control-expose-headers", "twilio-request-duration", "x-figma-plan-tier", "x-error-detail-header",
		"x-ms-substatus", "keep-alive", "strict-transport-security", "x-total-count", "mediawiki-api-error", "x-requests-last"}
	responses(t, func(id string, _ int, names []string, _ string, _ bool) {
		for _, name := range names {
			if !wanted(name) && !slices.Contains(unrelated, strings.ToLower(name)) {
				t.Errorf("%s: %s is not kept", id, name)
			}
		}
	})
}

func TestRefusalsWithStatus200AreKept(t *testing.T) {
	t.Parallel()
	responses(t, func(id string, status int, _ []string, body string, limited bool) {
		if status == 200 && limited && !complains([]byte(body)) {
			t.Errorf("%s is a refusal and its body is not kept: %s", id, body)
		}
	})
	for _, data := range []string{"", "limit", `{"items":[1,2,3]}`, `{"limit":20,"items":["` + strings.Repeat("a", shortBody) + `"]}`, "<error/>"} {
		if complains([]byte(data)) {
			t.Errorf("%.40s is data and is kept", data)
		}
	}
}
