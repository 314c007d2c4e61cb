package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"apisonde/analyze/header"
	"apisonde/probe/send"
	"apisonde/probe/trace"
)

// Bounds on a HAR file, which holds every body that a browser saw.
const (
	maxHAR       = 64 << 20 // bytes
	maxResponses = 1000     // told of
	maxHARBody   = 1 << 20  // bytes of one body looked at
)

// errHAR is what readHAR wraps when the input is not of its form.
var errHAR = errors.New("it looks like JSON, and is neither a HAR file nor an entry of one")

// harFile is what is read of a HAR file, of one entry, or of one response. Request
// headers are left out: they hold credentials.
type harFile struct {
	Log *struct {
		Entries []harEntry `json:"entries"`
	} `json:"log"`
	harEntry
	harResponse
}

type harEntry struct {
	Started string  `json:"startedDateTime"`
	Took    float64 `json:"time"` // milliseconds
	Request struct {
		Method string `json:"method"`
		URL    string `json:"url"`
	} `json:"request"`
	Response *harResponse `json:"response"`
}

type harResponse struct {
	Status  int `json:"status"`
	Headers []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"headers"`
	Content struct {
		Text     string `json:"text"`
		Encoding string `json:"encoding"`
	} `json:"content"`
}

// readHAR reads the responses of a HAR file. Entries without one, which browsers
// write for requests that were blocked or cancelled, are counted in the notes.
func readHAR(r io.Reader) (list []saved, notes []string, err error) {
	b, err := io.ReadAll(io.LimitReader(r, maxHAR+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("read a HAR file: %w", err)
	case len(b) > maxHAR:
		return nil, nil, fmt.Errorf("%w: it is longer than %d MiB; save fewer requests", errHAR, maxHAR>>20)
	}
	var f harFile
	if err := json.Unmarshal(bytes.TrimPrefix(b, []byte(byteOrderMark)), &f); err != nil {
		if broken, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, nil, fmt.Errorf("%w: it ends or breaks off at byte %d", errHAR, broken.Offset)
		}
		return nil, nil, errHAR
	}
	entries := []harEntry{f.harEntry}
	switch {
	case f.Log != nil:
		entries = f.Log.Entries
	case f.Response == nil && f.Status != 0:
		entries[0].Response = &f.harResponse
	}
	without := 0
	for i, e := range entries {
		if e.Response == nil || e.Response.Status < 100 || e.Response.Status > 999 {
			without++
			continue
		}
		if len(list) == maxResponses {
			notes = append(notes, fmt.Sprintf("only the first %d responses are told of; %d entries follow", maxResponses, len(entries)-i))
			break
		}
		list = append(list, e.saved())
	}
	if len(list) == 0 {
		return nil, nil, fmt.Errorf("%w with a response in it", errHAR)
	}
	if without > 0 {
		notes = append(notes, fmt.Sprintf("entries without a response: %d; they are left out", without))
	}
	return list, notes, nil
}

func (e harEntry) saved() saved {
	s := saved{raw: header.Raw{Status: e.Response.Status}, request: e.title()}
	if t, err := time.Parse(time.RFC3339, e.Started); err == nil {
		s.took = time.Duration(min(max(e.Took, 0), 1e8) * float64(time.Millisecond))
		s.at = t.Add(s.took)
	}
	for _, h := range e.Response.Headers {
		s.raw.Headers = append(s.raw.Headers, trace.Header{Name: trace.Clean(h.Name), Value: trace.Clean(h.Value)})
	}
	body := e.Response.Content.Text
	if e.Response.Content.Encoding == "base64" {
		plain, err := base64.StdEncoding.DecodeString(body)
		if err != nil {
			s.raw.Notes = append(s.raw.Notes, "the body is no base64 and is not read")
		}
		body = string(plain)
	}
	if len(body) > maxHARBody {
		s.raw.Notes = append(s.raw.Notes, "the body is longer than 1 MiB and is cut")
		body = body[:maxHARBody]
	}
	s.raw.Body = []byte(body)
	return s
}

// title says what was asked for, without credentials: "GET https://host/path".
func (e harEntry) title() trace.Text {
	u, err := url.Parse(e.Request.URL)
	if err != nil || u.Host == "" {
		return ""
	}
	return trace.Clean(strings.TrimSpace(e.Request.Method + " " + send.Public(u)))
}
