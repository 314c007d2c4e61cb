package chart_test

import (
	"encoding/binary"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"apisonde/probe/trace"
	"apisonde/report/chart"
)

var (
	admitted = []float64{3, 3, 1, 0, 3, 3}
	limited  = []float64{0, 0, 2, 3, 0, 0}
)

func TestRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		width, height int
		opts          []chart.Option
		want          string
	}{
		{"with an axis", 40, 10, []chart.Option{chart.Span(6 * time.Second), chart.Unit("per 1 s")}, `
─ admitted  × limited  per 1 s
  3┼───────────╮     ×××××××───────────
   ┤           │     ×     │
  2┤           ×××××××     │
   ┤           │           │
  1┤           ╰─────╮     │
   ┤                 │     │
  0┤                 ╰─────╯
    └┬────────────────┬────────────────┬
     0               3 s             6 s`},
		{"in 7 bits, without room for the unit", 22, 5, []chart.Option{chart.ASCII(), chart.Unit("per 1 s")}, `
- admitted  x limited
  3+-----.  xxxx-----
  2|     xxxx  |
  1|     '--.  |
  0|        '--'`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := chart.Run(admitted, limited, tt.width, tt.height, tt.opts...)
			if d := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestNothingIsDrawnWithoutRoomOrValues(t *testing.T) {
	t.Parallel()
	for _, got := range []string{
		chart.Run(nil, nil, 80, 10), chart.Run(admitted, limited, 15, 10), chart.Run(admitted, limited, 80, 3),
		chart.Run(admitted, limited, -1, -1), chart.Spark(nil, 10), chart.Spark(admitted, 0), chart.Strip(nil, 10),
		chart.Strip([]trace.Outcome{trace.Admitted}, 0),
	} {
		if got != "" {
			t.Errorf("got %q, want nothing", got)
		}
	}
}

// One value among thousands is what somebody looks for in a chart.
func TestASpikeIsNeverLost(t *testing.T) {
	t.Parallel()
	for at := range 6000 {
		if at%97 != 0 && at != 5999 {
			continue
		}
		values := make([]float64, 6000)
		values[at] = 1000
		if got := chart.Run(values, nil, 60, 8); !strings.ContainsAny(strings.SplitN(got, "\n", 3)[1], "╭╮─┼") {
			t.Fatalf("a spike at %d is not on the top row of\n%s", at, got)
		}
		if got := chart.Run(make([]float64, 6000), values, 60, 8); !strings.Contains(strings.SplitN(got, "\n", 3)[1], "×") {
			t.Fatalf("a rejected spike at %d is not on the top row of\n%s", at, got)
		}
		if got := chart.Spark(values, 60); !strings.Contains(got, "█") {
			t.Fatalf("a spike at %d is not in %s", at, got)
		}
	}
}

func TestColorIsOnlyWhereAllowed(t *testing.T) {
	t.Parallel()
	outcomes := []trace.Outcome{trace.Admitted, trace.Limited}
	plain := chart.Run(admitted, limited, 40, 8) + chart.Spark(admitted, 8) + chart.Strip(outcomes, 8)
	if strings.Contains(plain, "\x1b") {
		t.Errorf("an escape sequence in %q", plain)
	}
	colored := chart.Run(admitted, limited, 40, 8, chart.Color())
	if !strings.Contains(colored, "\x1b[") {
		t.Error("no colour in a coloured chart")
	}
	if d := cmp.Diff(chart.Run(admitted, limited, 40, 8), sgr.ReplaceAllString(colored, "")); d != "" {
		t.Errorf("colour changes more than colour (-plain +coloured):\n%s", d)
	}
}

func TestSpark(t *testing.T) {
	t.Parallel()
	if got, want := chart.Spark([]float64{0, 0.001, 2, 4, 8, math.NaN(), math.Inf(1), -3}, 80), "▁▂▃▅█▁▁▁"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := chart.Spark([]float64{0, 1, 0, 2}, 2, chart.ASCII()), "=#"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestStrip(t *testing.T) {
	t.Parallel()
	outcomes := []trace.Outcome{trace.Admitted, trace.Limited, trace.Refused, trace.Ignored, trace.Admitted}
	if got, want := chart.Strip(outcomes, 3), "·✗!\n?·"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := chart.Strip(outcomes, 9, chart.ASCII()), ".x!?."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// FuzzRun draws whatever it is given, within the box it is given.
func FuzzRun(f *testing.F) {
	add := func(width, height int, span int64, values ...float64) {
		var b []byte
		for _, v := range values {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		f.Add(b, width, height, span, false)
		f.Add(b, width, height, span, true)
	}
	add(80, 12, 1e9, 1, 2, 3)
	add(16, 4, 0, math.NaN(), math.Inf(1), math.Inf(-1), -1)
	add(17, 5, math.MaxInt64, 5e-324, math.MaxFloat64, 1e12)
	add(1<<40, 1<<40, -1, 7)
	add(20, 9, 3, 999.96, 9.99, 0.5, 12345)
	add(0, -5, 5)
	f.Fuzz(func(t *testing.T, data []byte, width, height int, span int64, fancy bool) {
		var values []float64
		for len(data) >= 8 {
			values = append(values, math.Float64frombits(binary.LittleEndian.Uint64(data)))
			data = data[8:]
		}
		opts := []chart.Option{chart.Span(time.Duration(span)), chart.Unit("per 5 s")}
		if fancy {
			opts = append(opts, chart.Color(), chart.ASCII())
		}
		half := len(values) / 2
		got := chart.Run(values[:half], values[half:], width, height, opts...)
		inBox(t, got, width, height)
		inBox(t, chart.Spark(values, width, opts...), width, 1)
		outcomes := make([]trace.Outcome, len(values))
		for i, v := range values {
			outcomes[i] = trace.Outcome(int(math.Float64bits(v) % 5))
		}
		inBox(t, chart.Strip(outcomes, width, opts...), width, len(outcomes))
	})
}

func inBox(t *testing.T, picture string, width, height int) {
	t.Helper()
	if picture == "" {
		return
	}
	lines := strings.Split(sgr.ReplaceAllString(picture, ""), "\n")
	if len(lines) > height {
		t.Errorf("%d lines, want at most %d:\n%s", len(lines), height, picture)
	}
	for _, l := range lines {
		if n := utf8.RuneCountInString(l); n > width {
			t.Errorf("%d columns, want at most %d: %q", n, width, l)
		}
		if strings.ContainsAny(l, "\x1b\r\t") {
			t.Errorf("a control character is left in %q", l)
		}
	}
}
