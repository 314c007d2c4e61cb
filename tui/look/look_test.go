package look

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/google/go-cmp/cmp"
	"github.com/muesli/termenv"
)

func TestMain(m *testing.M) {
	lipgloss.SetColorProfile(termenv.Ascii)
	os.Exit(m.Run())
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for x, want := range map[float64]string{
		0: "0", 30: "30", 5.9880001: "5.988", 0.0012345: "0.001234", 12345.678: "12346", -2.5: "-2.5", 100000: "100000", math.Inf(1): "∞",
	} {
		if got := Number(x); got != want {
			t.Errorf("Number(%v) = %q, want %q", x, got, want)
		}
	}
	if got := Number(math.NaN()); got != "?" {
		t.Errorf("Number(NaN) = %q", got)
	}
}

// A probability is never shown as nought or one that is neither.
func TestPercent(t *testing.T) {
	t.Parallel()
	for p, want := range map[float64]string{
		0: "0%", 0.0001: "<1%", 0.01: "1%", 0.29: "29%", 0.829: "82%", 0.99: "99%", 0.991: ">99%", 0.99999: ">99%", 1: "100%",
	} {
		if got := Percent(p); got != want {
			t.Errorf("Percent(%v) = %q, want %q", p, got, want)
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration][2]string{
		0:                            {"0:00", "0 ms"},
		350 * time.Millisecond:       {"0:00", "350 ms"},
		4210 * time.Millisecond:      {"0:04", "4.2 s"},
		7 * time.Second:              {"0:07", "7 s"},
		90 * time.Second:             {"1:30", "90 s"},
		15 * time.Minute:             {"15:00", "15 min"},
		3*time.Hour + 62*time.Second: {"3:01:02", "3.0 h"},
	} {
		if got := [2]string{Clock(d), Span(d)}; got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	if got := Clock(-time.Second); got != "0:00" {
		t.Errorf("Clock of less than nothing: %q", got)
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{-1: "0", 0: "0", 999: "999", 1000: "1,000", 99937: "99,937", 1234567: "1,234,567"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestBar(t *testing.T) {
	t.Parallel()
	k := New(true)
	for share, want := range map[float64]string{0: ".....", 0.001: "#....", 0.5: "###..", 0.999: "####.", 1: "#####", 7: "#####", -1: "....."} {
		if got := k.Bar(share, 5); got != want {
			t.Errorf("Bar(%v) = %q, want %q", share, got, want)
		}
	}
	if got := k.Bar(math.NaN(), 3); got != "..." {
		t.Errorf("Bar(NaN) = %q", got)
	}
}

func TestSpreadKeepsTheRight(t *testing.T) {
	t.Parallel()
	k := New(true)
	for w, want := range map[int]string{14: "left     right", 10: "left right", 8: "l~ right", 5: "right", 3: "ri~"} {
		if got := k.Spread("left", "right", w); got != want {
			t.Errorf("%d: %q, want %q", w, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	k := New(true)
	cols := []Column{{Head: "caller", Grow: true}, {Head: "sent", Right: true}, {Head: "last"}}
	rows := [][]string{{"lo1/k1@alice", "7", "+ 200"}, {"lo2", "1234", "x"}}
	for w, want := range map[int]string{
		25: "caller        sent  last\nlo1/k1@alice     7  + 200\nlo2           1234  x",
		23: "caller       sent last\nlo1/k1@alice    7 + 200\nlo2          1234 x",
		19: "caller   sent last\nlo1/k1@~    7 + 200\nlo2      1234 x",
		14: "caller    sent\nlo1/k1@~     7\nlo2       1234",
		4:  "cal~\nlo1~\nlo2",
	} {
		if diff := cmp.Diff(want, strings.Join(k.Table(cols, rows, w), "\n")); diff != "" {
			t.Errorf("%d wide (-want +got):\n%s", w, diff)
		}
	}
}

func TestBox(t *testing.T) {
	t.Parallel()
	k := New(true)
	got := strings.Join(k.Box(Frame{Title: "Title", Note: "note", Foot: "foot"}, []string{"one", "far too long for this"}, 20, 5), "\n")
	want := `+- Title --- note -+
| one              |
| far too long fo~ |
|                  |
+----------- foot -+`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Whatever the size, a box has it; what does not fit an edge is left out.
	for w := range 30 {
		for h := range 6 {
			lines := k.Box(Frame{Title: "Title", Note: "note", Foot: "foot"}, []string{"text"}, w, h)
			if len(lines) != h {
				t.Fatalf("%dx%d: %d lines", w, h, len(lines))
			}
			for _, l := range lines {
				if Width(l) != w {
					t.Fatalf("%dx%d: a line of %d: %q", w, h, Width(l), l)
				}
			}
		}
	}
}

func TestHang(t *testing.T) {
	t.Parallel()
	got := Hang("label  ", "one two three four", 17)
	if diff := cmp.Diff([]string{"label  one two", "       three four"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, l := range Hang("a long label  ", "and a word", 15) {
		if Width(l) > 15 {
			t.Errorf("a line of %d in 15: %q", Width(l), l)
		}
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		w    int
		want []string
	}{
		{"one two three", 7, []string{"one two", "three"}},
		{"", 5, []string{""}},
		{"a-verylongword and on", 6, []string{"a-very", "longwo", "rd and", "on"}},
		{"日本語", 3, []string{"日", "本", "語"}},
		{"x", 0, nil},
		{"see \x1b[1mbold words here\x1b[0m and on", 10, []string{"see \x1b[1mbold\x1b[0m", "\x1b[1mwords here\x1b[0m", "and on"}},
	} {
		if diff := cmp.Diff(c.want, Wrap(c.in, c.w)); diff != "" {
			t.Errorf("Wrap(%q, %d) (-want +got):\n%s", c.in, c.w, diff)
		}
	}
}

func TestOnly7KeepsWidths(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"a–b…": "a-b~", "日本": "????", "✓ × •": "+ x *", "e\u0301": "?", "👍🏽!": "??!"} {
		got := Only7(in)
		if Width(got) > Width(in) {
			t.Errorf("%q grew to %q", in, got)
		}
		if in != "e\u0301" && got != want {
			t.Errorf("Only7(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("plain", 10)
	f.Add("\x1b[31mred\x1b[0m and 日本 e\u0301", 7)
	f.Add("a\tb\nc\r\x00", 1)
	f.Fuzz(func(t *testing.T, s string, w int) {
		if w < 0 || w > 300 {
			return
		}
		k := New(false)
		safe := Safe(s)
		if strings.ContainsAny(safe, "\x1b\n\r\t\x00") {
			t.Fatalf("Safe(%q) = %q", s, safe)
		}
		if got := Width(k.Pad(safe, w)); got != w {
			t.Fatalf("Pad(%q, %d) is %d wide", safe, w, got)
		}
		for _, l := range Hang("- ", safe, max(w, 2)) {
			if Width(l) > max(w, 2) {
				t.Fatalf("Hang(%q, %d) has a line of %d", safe, w, Width(l))
			}
		}
	})
}
