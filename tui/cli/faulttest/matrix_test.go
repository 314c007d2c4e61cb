package faulttest

import (
	"fmt"
	"slices"
	"testing"
)

// fault is one case of the matrix in docs/reliability.md.
type fault struct {
	no   int
	name string
	test func(*testing.T)
}

// matrix is all of its cases that run here.
func matrix() []fault {
	return slices.Concat(connecting(), answering(), framing(), limiting(), drifting(), ending(), storing(), reading(), resuming())
}

// TestMatrix runs every case under its number.
func TestMatrix(t *testing.T) {
	t.Parallel()
	for _, f := range matrix() {
		t.Run(fmt.Sprintf("%03d %s", f.no, f.name), func(t *testing.T) {
			t.Parallel()
			f.test(t)
		})
	}
}
