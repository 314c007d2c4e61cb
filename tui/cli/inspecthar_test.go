package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"apisonde/probe/trace"
)

func harOf(n int) string {
	entry := `{"response":{"status":200,"headers":[{"name":"Retry-After","value":"1"}]}}`
	return `{"log":{"entries":[` + strings.Repeat(entry+",", n-1) + entry + `]}}`
}

func TestReadHARKeepsToItsBounds(t *testing.T) {
	t.Parallel()
	list, notes, err := readHAR(strings.NewReader(harOf(maxResponses + 7)))
	if err != nil || len(list) != maxResponses || fmt.Sprint(notes) != "[only the first 1000 responses are told of; 7 entries follow]" {
		t.Errorf("%d responses, %q, %v", len(list), notes, err)
	}
	if _, _, err := readHAR(io.MultiReader(strings.NewReader("{"), zeros{})); !errors.Is(err, errHAR) {
		t.Errorf("a file without an end: %v", err)
	}
	long := `{"status":200,"content":{"text":"` + strings.Repeat("x", maxHARBody+1) + `"}}`
	list, _, err = readHAR(strings.NewReader(long))
	if err != nil || len(list[0].raw.Body) != maxHARBody || len(list[0].raw.Notes) != 1 {
		t.Errorf("a long body: %v", err)
	}
	list, _, err = readHAR(strings.NewReader(`{"status":200,"content":{"text":"aGk=","encoding":"base64"}}`))
	if err != nil || string(list[0].raw.Body) != "hi" {
		t.Errorf("a body in base64: %+v, %v", list, err)
	}
	if _, _, err := readHAR(iotest.ErrReader(io.ErrUnexpectedEOF)); errors.Is(err, errHAR) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a reader that fails: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func FuzzReadHAR(f *testing.F) {
	for _, seed := range []string{
		harOf(2), `{"status":429,"headers":[{"name":"Retry-After","value":"1"}]}`, `{"log":null}`, `{"log":{"entries":[null]}}`,
		`{"startedDateTime":"2026-01-02T03:04:05Z","time":1e308,"request":{"method":"GET","url":"http://u:p@h/\u001b?key=x"},"response":{"status":403,"headers":[{"name":"\u202e","value":"\u0000"}],"content":{"text":"!","encoding":"base64"}}}`,
		"\ufeff{}", `{"time":"x"}`, `{"status":99}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		list, _, err := readHAR(bytes.NewReader(in))
		if err != nil {
			if len(list) > 0 || !errors.Is(err, errHAR) {
				t.Fatalf("%d responses with %v", len(list), err)
			}
			return
		}
		for _, s := range list {
			if s.took < 0 || s.took > 48*time.Hour || s.request != trace.Clean(string(s.request)) {
				t.Fatalf("%+v", s)
			}
			for _, h := range s.raw.Headers {
				if h.Name != trace.Clean(string(h.Name)) || h.Value != trace.Clean(string(h.Value)) {
					t.Fatalf("%q is not cleaned", h)
				}
			}
			decode(s.raw, time.Unix(0, 0), nil)
		}
	})
}
