package trace

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const s = time.Second

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// parts is a trace of requests answered one second after each of these offsets.
func parts(offsets ...time.Duration) Trace {
	t := Trace{Meta: Meta{Started: noon, Budget: Budget{MaxRequests: 10, MaxDuration: time.Minute, MaxInflight: 1}}}
	for i, at := range offsets {
		t.Observations = append(t.Observations, Observation{Seq: i + 1, Planned: at, Written: at, FirstByte: at + s, Done: at + s})
	}
	return t
}

func TestResumeMeasuresThePauseByTheWallClock(t *testing.T) {
	t.Parallel()
	crashed := parts(0, 5*s)
	ended := parts(0, 5*s)
	// The monotonic clock stood still for 20 s, as in a suspended machine.
	ended.End = &End{At: 7 * s, Ended: noon.Add(27 * s)}
	twice := parts(0, 5*s, 65*s)
	twice.Resumptions = []Resumption{{Started: noon.Add(time.Hour), At: 60 * s}}
	b := Budget{MaxRequests: 20}
	for name, tc := range map[string]struct {
		t    Trace
		now  time.Duration // after noon
		want Resumption
	}{
		"after a crash":       {crashed, 30 * s, Resumption{At: 30 * s}},
		"after an end":        {ended, 30 * s, Resumption{At: 10 * s}},
		"after a resumption":  {twice, time.Hour + 10*s, Resumption{At: 70 * s}},
		"the clock was reset": {crashed, -time.Hour, Resumption{At: 6 * s, Unplaced: true}},
	} {
		tc.want.Tool, tc.want.Started, tc.want.Budget = "1", noon.Add(tc.now), b
		if d := cmp.Diff(tc.want, tc.t.Resume("1", noon.Add(tc.now), b)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestPausesAreNoPartOfTheDuration(t *testing.T) {
	t.Parallel()
	tr := parts(0, 5*s, 3605*s)
	tr.Resumptions = []Resumption{{At: 3600 * s}}
	if got := tr.Active(); got != 12*s {
		t.Errorf("active for %v, want 6s and 6s", got)
	}
	tr.Resumptions = append(tr.Resumptions, Resumption{At: 7200 * s})
	tr.End = &End{At: 7203 * s}
	if got := tr.Active(); got != 15*s {
		t.Errorf("active for %v, want 6s, 6s and 3s", got)
	}
	want := Budget{MaxRequests: 8, MaxDuration: 9000*s + 45*s, MaxInflight: 1}
	tr.Lost = 2
	if d := cmp.Diff(want, tr.Left(9000*s)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	tr.Lost, tr.Meta.Budget.MaxDuration = 7, 15*s
	if d := cmp.Diff(Budget{MaxInflight: 1}, tr.Left(9000*s)); d != "" {
		t.Errorf("nothing is left (-want +got):\n%s", d)
	}
}
