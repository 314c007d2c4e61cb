package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"apisonde/probe/trace"
)

// ErrFormat is wrapped by the error for bytes that are no trace at all.
var ErrFormat = errors.New("not a trace of apisonde")

// Is tells whether a file that begins with these bytes may be a trace.
func Is(start []byte) bool {
	return bytes.HasPrefix(start, []byte(`{"line":1,"type":"meta","format":"`+family))
}

// Open reads the trace in a file; see Read.
func Open(path string) (trace.Trace, error) {
	f, err := os.Open(path)
	if err != nil {
		return trace.Trace{}, fmt.Errorf("the trace cannot be opened: %w", err)
	}
	defer f.Close()
	t, err := Read(f)
	if err != nil {
		return trace.Trace{}, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// Read reads a trace. Observations are in the order of sending (Seq). What a
// crash leaves is recovered: a last line that is torn is dropped, which Damage
// tells; a request without an outcome was sent and its fate is FaultUnknown; a
// trace without its end has a nil End. Damage anywhere else is an error that
// names the line. All text is cleaned again, whoever wrote the file.
func Read(r io.Reader) (trace.Trace, error) {
	f, err := fold(r)
	if err != nil {
		return trace.Trace{}, err
	}
	return f.t, nil
}

// fold reads all records.
func fold(r io.Reader) (*folder, error) {
	f := &folder{open: map[int]bool{}}
	br := bufio.NewReaderSize(r, 32<<10)
	var line []byte
	for {
		var err error
		line, err = readLine(br, line[:0])
		if errors.Is(err, errLength) {
			return nil, fmt.Errorf("line %d: %w", f.lines+1, err)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("the trace cannot be read: %w", err)
		}
		if len(line) == 0 {
			break
		}
		last := errors.Is(err, io.EOF)
		if !last {
			_, peek := br.Peek(1)
			last = errors.Is(peek, io.EOF)
		}
		if bad := f.fold(bytes.TrimSuffix(line, []byte("\n"))); bad != nil {
			if f.lines == 0 {
				return nil, bad
			}
			if !last || !errors.Is(bad, errShape) && !errors.Is(bad, errChecksum) {
				return nil, fmt.Errorf("line %d: %w", f.lines+1, bad)
			}
			f.t.Damage = append(f.t.Damage, fmt.Sprintf("line %d, the last, is torn and was dropped", f.lines+1))
			break
		}
		f.size += int64(len(line))
		f.glue = !bytes.HasSuffix(line, []byte("\n"))
		if last {
			break
		}
	}
	if f.lines == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrFormat)
	}
	f.finish()
	return f, nil
}

var errLength = fmt.Errorf("it is longer than %d bytes", maxLine)

// readLine appends the next line, its newline included, to buf.
func readLine(br *bufio.Reader, buf []byte) ([]byte, error) {
	for {
		part, err := br.ReadSlice('\n')
		if buf = append(buf, part...); len(buf) > maxLine {
			return nil, errLength
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return buf, err
		}
	}
}

// folder builds a trace out of records.
type folder struct {
	t     trace.Trace
	lines int
	size  int64        // bytes of the records read
	glue  bool         // the last of them has no newline
	open  map[int]bool // intents without an outcome, by Seq
	fate  int          // requests of earlier parts without an outcome
	lease int          // requests up to this number may have been sent
}

func (f *folder) fold(line []byte) error {
	r, err := unseal(line)
	if f.lines == 0 {
		if err != nil {
			// What a later version seals differently still names its format.
			var named struct{ Format string }
			if json.Unmarshal(line, &named) == nil && named.Format != "" {
				if err := checkFormat(named.Format); err != nil {
					return err
				}
			}
		}
		if err != nil || r.Type != recordMeta || r.Meta == nil {
			return fmt.Errorf("%w: its first line does not open one", ErrFormat)
		}
		if err := checkFormat(r.Format); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	if r.Line != f.lines+1 {
		return fmt.Errorf("it says that it is line %d: lines are missing or doubled", r.Line)
	}
	if f.t.End != nil && r.Type != recordResume {
		return errors.New("it follows the end record")
	}
	if err := f.take(r); err != nil {
		return err
	}
	f.lines++
	return nil
}

func (f *folder) take(r record) error {
	switch {
	case r.Type == recordMeta && r.Meta != nil && f.lines == 0:
		f.t.Meta = cleanMeta(*r.Meta)
		return checkMeta(f.t.Meta)
	case r.Type == recordIntent && r.Obs != nil && f.lines > 0:
		o := cleanObservation(*r.Obs)
		if err := checkObservation(o); err != nil {
			return err
		}
		if o.Seq != len(f.t.Observations)+1 {
			return fmt.Errorf("request %d follows request %d", o.Seq, len(f.t.Observations))
		}
		o.Fault = trace.FaultUnknown
		f.t.Observations = append(f.t.Observations, o)
		f.open[o.Seq] = true
		return nil
	case r.Type == recordOutcome && r.Obs != nil && f.lines > 0:
		o := cleanObservation(*r.Obs)
		if err := checkObservation(o); err != nil {
			return err
		}
		if !f.open[o.Seq] {
			return fmt.Errorf("request %d ends that is not under way", o.Seq)
		}
		delete(f.open, o.Seq)
		f.t.Observations[o.Seq-1] = o
		return nil
	case r.Type == recordEnd && r.End != nil && f.lines > 0:
		e := *r.End
		e.Reason = string(trace.Clean(e.Reason))
		if e.At < 0 || e.Requests < 0 {
			return errors.New("the end record holds a negative figure")
		}
		f.t.End = &e
		return nil
	case r.Type == recordLease && r.Lease != nil && f.lines > 0:
		if r.Lease.Upto < len(f.t.Observations) || r.Lease.Upto > maxLease {
			return errors.New("a lease that allows nothing")
		}
		f.lease = r.Lease.Upto
		return nil
	case r.Type == recordResume && r.Resume != nil && f.lines > 0:
		return f.resume(*r.Resume)
	}
	return fmt.Errorf("a record of type %q has no place here", trace.Clean(r.Type))
}

// maxLease bounds what a forged lease can make of the requests that are lost.
const maxLease = 1 << 40

func (f *folder) resume(r trace.Resumption) error {
	clean(&r.Tool)
	if err := checkBudget(r.Budget); err != nil {
		return err
	}
	if r.At < f.t.Last() {
		return errors.New("it resumes the run before the latest that is recorded of it")
	}
	f.part()
	f.fate += len(f.open)
	clear(f.open)
	f.t.End = nil
	f.t.Meta.Budget = r.Budget
	f.t.Resumptions = append(f.t.Resumptions, r)
	return nil
}

// part ends one part of a run: what a lease allowed and no record shows may have
// been sent, unless the part ended in order.
func (f *folder) part() {
	if f.t.End == nil {
		f.t.Lost += max(0, f.lease-len(f.t.Observations))
	}
	f.lease = 0
}

func (f *folder) finish() {
	f.part()
	if f.t.Lost > 0 {
		f.t.Damage = append(f.t.Damage, fmt.Sprintf("%d requests that were about to be sent count as sent: what became of them is not recorded", f.t.Lost))
	}
	if n := len(f.open) + f.fate; n > 0 {
		f.t.Damage = append(f.t.Damage, fmt.Sprintf("%d requests were sent whose outcome was not recorded", n))
	}
}
