package tui

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"apisonde/analyze/verdict"
	_ "apisonde/tui/bg" // before Bubble Tea
)

// stages are the states a screen can be in, by how to come there.
var stages = []struct {
	name string
	open func(*driver)
}{
	{"plan", func(*driver) {}},
	{"canaries", func(d *driver) { d.press("y"); d.at(500 * time.Millisecond) }},
	{"live", func(d *driver) { d.press("y"); d.at(6500 * time.Millisecond) }},
	{"so-far", func(d *driver) { d.press("y"); d.at(6500 * time.Millisecond); d.press("3") }},
	{"verdict", func(d *driver) { d.press("y"); d.at(11 * time.Second); d.conclude(conclusion()) }},
	{"advice", func(d *driver) { d.press("y"); d.at(11 * time.Second); d.conclude(conclusion()); d.press("4") }},
	{"headers", func(d *driver) { d.press("y"); d.at(11 * time.Second); d.conclude(conclusion()); d.press("5") }},
	{"help", func(d *driver) { d.press("y"); d.at(6500 * time.Millisecond); d.press("?") }},
	{"leaving", func(d *driver) { d.press("y"); d.at(6500 * time.Millisecond); d.press("q") }},
	{"stopping", func(d *driver) { d.press("y"); d.at(6500 * time.Millisecond); d.press("ctrl+c") }},
}

// setupOptions begin with the form.
func setupOptions() Options {
	return Options{Setup: &Form{URL: "https://api.example.com/v1/items", Keys: []string{"k1@alice=env:K1", "literal:hunter2"}}, NoColor: true}
}

func setupAs(o Options) Options {
	s := setupOptions()
	s.ASCII = o.ASCII
	return s
}

func TestScreens(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {60, 16}, {120, 40}} {
		for _, s := range stages {
			name := fmt.Sprintf("%s-%dx%d", s.name, size[0], size[1])
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				d := drive(t, testOptions(), size[0], size[1])
				s.open(d)
				golden(t, name, d.screen())
			})
		}
		d := drive(t, setupOptions(), size[0], size[1])
		d.press("tab")
		golden(t, fmt.Sprintf("setup-%dx%d", size[0], size[1]), d.screen())
	}
}

// Bubble Tea drops lines from the top of a view that is too high, and a line that
// is too wide breaks the layout.
func TestEveryViewFitsTheTerminal(t *testing.T) {
	t.Parallel()
	sizes := [][2]int{
		{1, 1}, {2, 2}, {1, 200}, {500, 1}, {5, 3}, {59, 40}, {200, 15}, {60, 16}, {60, 40}, {61, 17}, {75, 24}, {76, 16},
		{77, 20}, {79, 24}, {80, 16}, {80, 17}, {80, 24}, {100, 30}, {131, 41}, {500, 16}, {60, 200}, {500, 200},
	}
	failed := conclusion()
	failed.Err = errors.New("the disk is full")
	bare := Outcome{Verdict: verdict.Verdict{Outcome: verdict.OutcomeNoLimit}}
	extra := append(stages[:len(stages):len(stages)], []struct {
		name string
		open func(*driver)
	}{
		{"failed", func(d *driver) { d.press("y"); d.conclude(failed); d.press("3") }},
		{"failed without verdict", func(d *driver) { d.press("y"); d.conclude(Outcome{Err: errors.New("no route to host")}); d.press("3") }},
		{"no limit, advice", func(d *driver) { d.press("y"); d.conclude(bare); d.press("4") }},
		{"setup", func(d *driver) { *d = *drive(d.T, setupAs(d.m.opts), 80, 24); d.press("tab") }},
		{"no limit, headers", func(d *driver) { d.press("y"); d.conclude(bare); d.press("5") }},
	}...)
	for _, ascii := range []bool{false, true} {
		for _, s := range extra {
			t.Run(fmt.Sprintf("%s ascii=%v", s.name, ascii), func(t *testing.T) {
				t.Parallel()
				o := testOptions()
				o.ASCII = ascii
				d := drive(t, o, 80, 24)
				s.open(d)
				for _, size := range sizes {
					w, h := size[0], size[1]
					d.send(tea.WindowSizeMsg{Width: w, Height: h})
					v := d.m.View()
					if gw, gh := lipgloss.Width(v), lipgloss.Height(v); gw > w || gh > h {
						t.Fatalf("%dx%d: the view is %dx%d:\n%s", w, h, gw, gh, v)
					}
					full := w >= leastWidth && h >= leastHeight
					if full && (lipgloss.Width(v) != w || lipgloss.Height(v) != h) {
						t.Fatalf("%dx%d is not filled: %dx%d", w, h, lipgloss.Width(v), lipgloss.Height(v))
					}
					if full && ascii && strings.IndexFunc(v, func(r rune) bool { return r > 126 }) >= 0 {
						t.Fatalf("%dx%d: not ASCII:\n%s", w, h, v)
					}
				}
			})
		}
	}
}

// Without colours nothing but text is drawn; with them only the sixteen that the
// terminal's theme defines, and the text is the same.
func TestColoursAreOnlyAnAddition(t *testing.T) {
	views := map[termenv.Profile][]string{}
	for _, profile := range []termenv.Profile{termenv.Ascii, termenv.ANSI} {
		lipgloss.SetColorProfile(profile)
		o := testOptions()
		o.NoColor = profile == termenv.Ascii
		for _, s := range stages {
			d := drive(t, o, 80, 24)
			s.open(d)
			views[profile] = append(views[profile], d.m.View())
		}
	}
	lipgloss.SetColorProfile(termenv.Ascii)
	for i, plain := range views[termenv.Ascii] {
		colored := views[termenv.ANSI][i]
		if strings.Contains(plain, "\x1b") {
			t.Errorf("%s: escapes without colour: %q", stages[i].name, plain)
		}
		if !strings.Contains(colored, "\x1b[") {
			t.Errorf("%s: no colour where there may be", stages[i].name)
		}
		if strings.Contains(colored, "38;") || strings.Contains(colored, "48;") {
			t.Errorf("%s: more than 16 colours: %q", stages[i].name, colored)
		}
		if got := ansi.Strip(colored); got != plain {
			t.Errorf("%s: the text depends on colour:\n%s\n%s", stages[i].name, plain, got)
		}
	}
}

// A verdict holds what servers said. None of it may reach the terminal as it came.
func TestHostileTextIsShownNotObeyed(t *testing.T) {
	t.Parallel()
	const evil = "a\x1b]0;owned\x07b\x1b[2Jc\u202ed\r\ne"
	o := conclusion()
	l := &o.Verdict.Limits[0]
	l.Evidence[0].Claim, l.Settle, l.Unit = evil, evil, evil
	l.Scope, l.ScopeCandidates = nil, [][]string{{evil}, {"ip"}}
	l.Rejection.RetryAfter.Verdict = evil
	l.Algorithm, l.Equivalent = evil, []string{evil}
	o.Verdict.StopReason = ptr(evil)
	o.Verdict.Warnings, o.Verdict.NotTested = []string{evil}, []string{evil}
	o.Verdict.Headers.Dialects = []string{evil}
	o.Verdict.Headers.Claims[0].Header, o.Verdict.Headers.Claims[0].Says = evil, evil
	o.Verdict.Headers.Conflicts[0] = verdict.Conflict{Header: evil, Claim: evil, Measurement: evil}
	o.Verdict.Advice.Reasons[0].Because, o.Verdict.Advice.Backoff.Jitter = evil, evil
	o.Verdict.Advice.Pace.Per = []string{evil}
	o.TracePath, o.Err = evil, errors.New(evil)

	opts := testOptions()
	opts.Plan.Target.URL = "https://h/" + evil
	opts.Sheet = SheetOf(opts.Plan)
	d := drive(t, opts, 100, 200)
	check := func() {
		t.Helper()
		if v := d.m.View(); strings.ContainsAny(v, "\x1b\x07\r\u202e") {
			t.Errorf("hostile text got through:\n%q", v)
		}
	}
	check()
	d.press("y")
	check()
	d.conclude(o)
	for _, tab := range []string{"1", "2", "3", "4", "5"} {
		d.press(tab)
		check()
	}
	d.saved = errors.New(evil)
	d.press("s")
	check()
}
