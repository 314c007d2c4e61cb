package faulttest

import (
	"bytes"
	"compress/gzip"
	"testing"
)

// gzipped is n zeros, compressed.
func gzipped(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	block := make([]byte, 1<<20)
	for n > 0 {
		part := min(n, len(block))
		if _, err := w.Write(block[:part]); err != nil {
			t.Fatal(err)
		}
		n -= part
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
