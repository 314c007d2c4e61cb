package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"apisonde/analyze/header"
	"apisonde/probe/journal"
	"apisonde/probe/trace"
	"apisonde/report"
)

// responsesWriter is what report.Responses and report.SideBySide are.
type responsesWriter func(io.Writer, []report.Response, ...report.Option) error

// inspectSaved reads a response, or a HAR file with several, from a file or from
// standard input ("-"), and tells what it claims.
func inspectSaved(c *cli.Context, std *streams, r result, path string) error {
	if err := onlySending(c); err != nil {
		return err
	}
	received, given, err := receivedAt(c)
	if err != nil {
		return err
	}
	rules, err := header.ParseRules(c.StringSlice("limited-when"))
	if err != nil {
		return usagef("--limited-when: %w", err)
	}
	in, from := std.in, "standard input"
	if path == "-" {
		if std.inTerminal() {
			fmt.Fprintln(std.err, "paste a response as curl -i prints it, then press Enter and Ctrl-D")
		}
	} else {
		if in, err = openResponse(path); err != nil {
			return err
		}
		defer in.Close()
		from = string(trace.Clean(path))
	}

	list, notes, err := readSaved(in, from)
	if err != nil {
		return err
	}
	for _, n := range notes {
		fmt.Fprintf(std.err, "note: %s\n", n)
	}
	told := make([]inspection, len(list))
	for i, s := range list {
		at, assumed := received, !given
		if assumed && !s.at.IsZero() {
			at, assumed = s.at, false
		}
		told[i] = inspection{request: s.request, response: decode(s.raw, at, rules)}
		told[i].response.Of, told[i].response.Assumed = string(s.request), assumed
		if !given {
			told[i].response.Took = s.took
		}
	}
	switch {
	case r.format == formatJSON && len(told) == 1:
		return printDocument(std, told[0].response.Claims)
	case r.format == formatJSON:
		return printDocument(std, documentOf(told))
	}
	return printResponses(std, r, told, report.Responses)
}

// saved is a response as it was pasted or saved.
type saved struct {
	raw     header.Raw
	at      time.Time // when it arrived, zero where that is not said
	took    time.Duration
	request trace.Text // "GET https://host/path", where that is said
}

// readSaved reads one raw response, or the responses of a HAR file.
func readSaved(in io.Reader, from string) (list []saved, notes []string, err error) {
	buffered := bufio.NewReaderSize(in, 4<<10)
	start, err := buffered.Peek(512)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, nil, runtimef("read %s: %w", from, err)
	case journal.Is(start):
		return nil, nil, usagef("%s is a trace of apisonde; apisonde report reads it", from)
	case looksLikeJSON(start):
		if list, notes, err = readHAR(buffered); err != nil {
			return nil, nil, unreadable(from, err)
		}
		return list, notes, nil
	}
	raw, err := header.ReadResponse(buffered)
	if err != nil {
		return nil, nil, unreadable(from, err)
	}
	return []saved{{raw: raw}}, nil, nil
}

// openResponse opens a file that is there to be read; anything else is a slip of
// whoever typed its name.
func openResponse(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		if at, ok := errors.AsType[*fs.PathError](err); ok {
			err = at.Err // the name may be anything that was pasted by mistake
		}
		return nil, usagef("the file to inspect cannot be opened: %w; a URL begins with http:// or https://", err)
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		_ = f.Close()
		return nil, usagef("a folder cannot be inspected; name a file with a response in it")
	}
	return f, nil
}

// unreadable tells input that is no response, which is for whoever gave it to
// mend, from a reader that fails.
func unreadable(from string, err error) error {
	if errors.Is(err, header.ErrNoResponse) || errors.Is(err, errHAR) {
		return usagef("%s holds no response: %w", from, err)
	}
	return runtimef("%s: %w", from, err)
}

// looksLikeJSON tells a HAR file from a raw response, which begins otherwise.
func looksLikeJSON(start []byte) bool {
	start = bytes.TrimSpace(bytes.TrimPrefix(start, []byte(byteOrderMark)))
	return len(start) > 0 && start[0] == '{'
}

// byteOrderMark begins files that some editors save.
const byteOrderMark = "\ufeff"
