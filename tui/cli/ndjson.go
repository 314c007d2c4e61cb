package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"sync"

	"apisonde/analyze/verdict"
	"apisonde/probe"
	"apisonde/probe/trace"
	"apisonde/report"
)

// streaming is a journal that also prints each closed request as a line of JSON.
// The lines wait in memory for a slow reader: a full pipe must not delay sending,
// and one that fails must not touch what is recorded.
type streaming struct {
	probe.Journal
	lines *lineWriter
}

// Outcome implements probe.Journal.
func (s *streaming) Outcome(o trace.Observation) error {
	if err := s.Journal.Outcome(o); err != nil {
		return err
	}
	s.lines.add(observationLine(o))
	return nil
}

func observationLine(o trace.Observation) []byte {
	b, err := json.Marshal(map[string]any{"observation": o})
	if err != nil {
		return nil // strings and numbers alone: it cannot fail
	}
	return append(b, '\n')
}

// verdictLine is the last line of ndjson output.
func verdictLine(v verdict.Verdict) ([]byte, error) {
	var doc, line bytes.Buffer
	if err := report.JSON(&doc, v); err != nil {
		return nil, err
	}
	line.WriteString(`{"verdict":`)
	if err := json.Compact(&line, doc.Bytes()); err != nil {
		return nil, err
	}
	line.WriteString("}\n")
	return line.Bytes(), nil
}

// lineWriter writes lines in order from a goroutine of its own.
type lineWriter struct {
	w    io.Writer
	mu   sync.Mutex
	wake *sync.Cond
	open bool
	wait [][]byte
	err  error
	done chan struct{}
}

func newLineWriter(w io.Writer) *lineWriter {
	l := &lineWriter{w: w, open: true, done: make(chan struct{})}
	l.wake = sync.NewCond(&l.mu)
	go l.write()
	return l
}

func (l *lineWriter) add(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.wait = append(l.wait, line)
	}
	l.wake.Signal()
}

func (l *lineWriter) write() {
	defer close(l.done)
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for l.open && len(l.wait) == 0 {
			l.wake.Wait()
		}
		if len(l.wait) == 0 {
			return
		}
		lines := bytes.Join(l.wait, nil)
		l.wait = nil
		l.mu.Unlock()
		_, err := l.w.Write(lines)
		l.mu.Lock()
		if err != nil {
			l.err, l.wait = err, nil
		}
	}
}

// close waits until everything is written and returns what went wrong.
func (l *lineWriter) close() error {
	l.mu.Lock()
	l.open = false
	l.wake.Signal()
	l.mu.Unlock()
	<-l.done
	return l.err
}
