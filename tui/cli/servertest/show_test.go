package servertest

import (
	"encoding/json"
	"testing"
)

// show is v as a verdict would print it.
func show(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func TestShowPrintsNothingStatedAsNull(t *testing.T) {
	t.Parallel()
	if got := show([]string(nil)) + show([]string{}); got != "null[]" {
		t.Errorf("got %s", got)
	}
}
