// Package journal keeps a trace on disk: newline-delimited JSON, one record a
// line, written before and after each request, so that whatever ends the
// process, the file tells what was sent.
//
// The first line is the meta record, which names the format; then come intents
// (before the first byte of a request leaves) and outcomes (when it is over),
// and leases, made durable before the requests that they allow; the last line is
// the end record, and its absence means that the run did not finish in order. A
// resume record begins a further part, after an end or after a crash. Every line carries its number and a CRC-32C of everything
// before the checksum, so that damage is found and not interpreted.
package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"apisonde/probe/trace"
)

// Format names the format, with its version, in the first line of a trace.
const Format = "apisonde/trace/v1"

const (
	family  = "apisonde/trace/v"
	version = 1
	maxLine = 256 << 10 // bytes of one line
)

// The types of record.
const (
	recordMeta    = "meta"
	recordIntent  = "intent"
	recordOutcome = "outcome"
	recordLease   = "lease"
	recordEnd     = "end"
	recordResume  = "resume"
)

// record is one line. Exactly one of the pointers is set, as Type says.
type record struct {
	Line   int                `json:"line"` // from 1
	Type   string             `json:"type"`
	Format string             `json:"format,omitempty"` // of the meta record
	Meta   *trace.Meta        `json:"meta,omitempty"`
	Obs    *trace.Observation `json:"obs,omitempty"`
	Lease  *lease             `json:"lease,omitempty"`
	End    *trace.End         `json:"end,omitempty"`
	Resume *trace.Resumption  `json:"resume,omitempty"`
}

// lease allows the requests numbered up to Upto. It is durable before any of
// them leaves, so that a machine that loses power, and with it the last lines of
// a file, still knows how many may have been sent.
type lease struct {
	Upto int `json:"upto"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The checksum is the last member of the object, always written the same way,
// so that it can be cut off without parsing: ,"crc":"0123abcd"}
const (
	crcHead = `,"crc":"`
	crcTail = `"}`
	crcLen  = len(crcHead) + 8 + len(crcTail)
)

// seal appends a record to b as a line, its newline included.
func seal(b []byte, r record) ([]byte, error) {
	from := len(b)
	b, err := encode(b, r)
	if err != nil {
		return nil, err
	}
	b = b[:len(b)-1]
	sum := crc32.Checksum(b[from:], castagnoli)
	b = append(b, crcHead...)
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[sum>>shift&15])
	}
	b = append(b, crcTail...)
	b = append(b, '\n')
	if n := len(b) - from; n > maxLine {
		return nil, fmt.Errorf("a record of %d bytes is longer than a line may be", n)
	}
	return b, nil
}

var (
	errChecksum = errors.New("its checksum does not match")
	errShape    = errors.New("it is not a record of a trace")
)

// unseal reads a line without its newline.
func unseal(line []byte) (record, error) {
	cut := len(line) - crcLen
	if cut < 1 || string(line[cut:cut+len(crcHead)]) != crcHead || string(line[len(line)-len(crcTail):]) != crcTail {
		return record{}, errShape
	}
	want, err := strconv.ParseUint(string(line[cut+len(crcHead):len(line)-len(crcTail)]), 16, 32)
	if err != nil {
		return record{}, errShape
	}
	if uint32(want) != crc32.Checksum(line[:cut], castagnoli) {
		return record{}, errChecksum
	}
	var r record
	if err := json.Unmarshal(append(line[:cut:cut], '}'), &r); err != nil {
		return record{}, errShape
	}
	return r, nil
}

// checkFormat refuses formats that this package does not read, and says so of
// later versions of its own.
func checkFormat(format string) error {
	if format == Format {
		return nil
	}
	if v, ok := strings.CutPrefix(format, family); ok {
		if n, err := strconv.Atoi(v); err == nil && n > version {
			return fmt.Errorf("the trace's format is %s%d, newer than %s: read it with a newer apisonde", family, n, Format)
		}
	}
	return fmt.Errorf("%w: its format is %q, not %s", ErrFormat, trace.Clean(format), Format)
}
