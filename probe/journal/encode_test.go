package journal

import (
	"encoding/json"
	"math"
	"math/rand"
	"reflect"
	"testing"
	"testing/quick"
	"time"

	"apisonde/probe/trace"
)

// A reader of traces knows JSON, not this package: what stands in a line is what
// encoding/json makes of the same record, also of fields that come to it later.
func TestRecordsAreWrittenAsTheStandardLibraryWritesThem(t *testing.T) {
	t.Parallel()
	same := func(r record) bool {
		want, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := encode([]byte("before"), r)
		if err != nil || string(got) != "before"+string(want) {
			t.Errorf("%+v\n got %s, %v\nwant %s", *r.Obs, got, err, want)
			return false
		}
		return true
	}
	if err := quick.Check(func(line int, o trace.Observation) bool {
		return same(record{Line: line, Type: recordOutcome, Obs: &o})
	}, nil); err != nil {
		t.Error(err)
	}
	// One field at a time, beside those that are always there.
	for i := range reflect.TypeFor[trace.Observation]().NumField() {
		var o trace.Observation
		f := reflect.ValueOf(&o).Elem().Field(i)
		v, ok := quick.Value(f.Type(), rand.New(rand.NewSource(1)))
		if !ok {
			t.Fatalf("no value of %s", f.Type())
		}
		f.Set(v)
		same(record{Line: 1, Type: recordIntent, Obs: &o})
	}
	for _, s := range []string{"", "plain ~", `"`, `\`, "<", ">", "&", "é", "\u2028", "\xff", "\x7f", "\x00", "\n"} {
		same(record{Type: recordOutcome, Obs: &trace.Observation{
			Identity: trace.Identity{Key: s}, Route: s, Headers: []trace.Header{{Value: trace.Text(s)}}, Body: trace.Body{Text: trace.Text(s)},
		}})
	}
	same(record{Type: recordOutcome, Obs: &trace.Observation{Seq: math.MaxInt, Written: math.MinInt64, Done: time.Second, Headers: []trace.Header{}}})
}
