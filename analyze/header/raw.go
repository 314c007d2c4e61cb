package header

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"apisonde/probe/trace"
)

// Bounds on a raw response.
const (
	maxLine    = 64 << 10  // bytes of one line of a head
	maxHead    = 512 << 10 // bytes of all heads
	maxRawBody = 1 << 20   // bytes of body kept
	maxPreface = 64        // lines before the first status line
	maxFolds   = 16        // folded lines of one head
)

// ErrNoResponse is what ReadResponse wraps when there is no status line.
var ErrNoResponse = errors.New("no status line like \"HTTP/1.1 200 OK\"")

// Raw is a response as it was pasted or saved.
type Raw struct {
	Status  int
	Headers []trace.Header // in order, cleaned
	Body    []byte
	// Notes says what was skipped or cut, in words.
	Notes []string
}

// ReadResponse reads a raw response: a status line, header lines, an empty line
// and a body, with CRLF or LF. Of several heads, which `curl -i` prints for
// 100 Continue, a proxy's CONNECT and redirects, the last one counts. The marks
// of `curl -v` ("< ") are taken off. What is over the bounds is cut, and told
// in Notes; only a failing reader or a missing status line is an error.
func ReadResponse(r io.Reader) (Raw, error) {
	p := rawReader{in: bufio.NewReaderSize(r, 4<<10)}
	status, found, err := p.preface()
	if err != nil {
		return Raw{}, fmt.Errorf("read a raw response: %w", err)
	}
	if !found {
		return Raw{}, fmt.Errorf("read a raw response: %w; paste the output of curl -i", ErrNoResponse)
	}
	for {
		raw := Raw{Status: status}
		if raw.Headers, err = p.head(); err != nil {
			return Raw{}, fmt.Errorf("read a raw response's headers: %w", err)
		}
		next, again, err := p.another()
		if err != nil {
			return Raw{}, fmt.Errorf("read a raw response's body: %w", err)
		}
		if again {
			status = next
			continue
		}
		if raw.Body, err = p.body(); err != nil {
			return Raw{}, fmt.Errorf("read a raw response's body: %w", err)
		}
		raw.Notes = p.notes
		return raw, nil
	}
}

// rawReader reads lines within bounds.
type rawReader struct {
	in      *bufio.Reader
	read    int  // bytes of heads so far
	count   int  // header lines so far
	verbose bool // lines carry the marks of curl -v
	ended   bool
	notes   []string
}

func (p *rawReader) note(what string) {
	for _, have := range p.notes {
		if have == what {
			return
		}
	}
	p.notes = append(p.notes, what)
}

// line is the next line without its end. A line over the bound is cut.
func (p *rawReader) line() (string, error) {
	var b []byte
	for {
		part, err := p.in.ReadSlice('\n')
		p.read += len(part)
		if room := maxLine - len(b); len(part) > room {
			part = part[:room]
			p.note("a line was too long and is cut")
		}
		b = append(b, part...)
		switch {
		case err == nil:
		case errors.Is(err, bufio.ErrBufferFull):
			if p.read > maxHead {
				p.ended = true
			} else {
				continue
			}
		case errors.Is(err, io.EOF):
			p.ended = true
		default:
			return "", err
		}
		return strings.TrimRight(string(b), "\r\n"), nil
	}
}

// preface looks for the first status line. What stands before it, a shell's
// prompt or the chatter of curl -v, is skipped.
func (p *rawReader) preface() (status int, found bool, err error) {
	for range maxPreface {
		line, err := p.line()
		if err != nil {
			return 0, false, err
		}
		if status, ok := statusLine(strings.TrimPrefix(line, "\ufeff")); ok {
			return status, true, nil
		}
		if rest, marked := strings.CutPrefix(line, "< "); marked {
			if status, ok := statusLine(rest); ok {
				p.verbose = true
				return status, true, nil
			}
		}
		if p.ended {
			break
		}
		if strings.TrimSpace(line) != "" {
			p.note("lines before the status line are skipped")
		}
	}
	return 0, false, nil
}

// statusLine reads "HTTP/1.1 200 OK", with or without a reason.
func statusLine(line string) (status int, ok bool) {
	version, rest, found := strings.Cut(strings.TrimLeft(line, " \t"), " ")
	if !found || len(version) < len("HTTP/2") || !strings.EqualFold(version[:5], "HTTP/") {
		return 0, false
	}
	if v := version[5:]; strings.Trim(v, "0123456789.") != "" {
		return 0, false
	}
	code, _, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	if len(code) != 3 || digits(code) != 3 {
		return 0, false
	}
	status, err := strconv.Atoi(code)
	return status, err == nil && status >= 100
}

// head reads header lines up to the empty line or the end.
func (p *rawReader) head() ([]trace.Header, error) {
	var hs []trace.Header
	folds := 0
	for !p.ended {
		line, err := p.line()
		if err != nil {
			return nil, err
		}
		if p.verbose {
			marked := false
			for _, mark := range [...]string{"< ", "<"} {
				if rest, ok := strings.CutPrefix(line, mark); ok {
					line, marked = rest, true
					break
				}
			}
			if !marked && line != "" {
				continue // chatter
			}
		}
		if strings.TrimSpace(line) == "" {
			break
		}
		if p.read > maxHead || p.count >= maxHeaders {
			p.note("there are too many headers; the rest is skipped")
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			if folds++; len(hs) > 0 && folds <= maxFolds { // an obsolete folded line continues the one before
				last := &hs[len(hs)-1]
				last.Value += " " + trace.Clean(strings.TrimSpace(line))
			}
			continue
		}
		name, value, found := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !found || name == "" {
			p.note("a line that is no header is skipped")
			continue
		}
		p.count++
		hs = append(hs, trace.Header{Name: trace.Clean(name), Value: trace.Clean(strings.Trim(value, " \t"))})
	}
	return hs, nil
}

// another is whether a further head begins here, where a body would.
func (p *rawReader) another() (status int, again bool, err error) {
	if p.ended {
		return 0, false, nil
	}
	peek, err := p.in.Peek(len("< HTTP/1.1 200"))
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, false, err
	}
	text := string(peek)
	if p.verbose {
		text = strings.TrimPrefix(text, "< ")
	}
	if len(text) > len("HTTP/1.1 200") {
		text = text[:len("HTTP/1.1 200")]
	}
	if i := strings.IndexAny(text, "\r\n"); i >= 0 {
		text = text[:i]
	}
	if !strings.HasPrefix(text, "HTTP/") {
		return 0, false, nil
	}
	if strings.HasPrefix(text, "HTTP/2 ") || strings.HasPrefix(text, "HTTP/3 ") {
		text = text[:min(len(text), len("HTTP/2 200"))]
	}
	if _, ok := statusLine(text); !ok {
		return 0, false, nil
	}
	line, err := p.line()
	if err != nil {
		return 0, false, err
	}
	status, again = statusLine(strings.TrimPrefix(line, "< "))
	return status, again, nil
}

// body reads the rest, up to its bound.
func (p *rawReader) body() ([]byte, error) {
	if p.ended {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(p.in, maxRawBody+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxRawBody {
		p.note("the body is longer than 1 MiB and is cut")
		body = body[:maxRawBody]
	}
	return body, nil
}
