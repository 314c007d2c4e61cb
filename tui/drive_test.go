package tui

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
	"github.com/muesli/termenv"

	_ "apisonde/tui/bg" // before Bubble Tea
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) {
	flag.Parse()
	lipgloss.SetColorProfile(termenv.Ascii)
	os.Exit(m.Run())
}

// driver folds messages through a model by hand, with a clock and hooks of its own.
type driver struct {
	*testing.T
	m      *Model
	now    time.Time
	source *fixed
	calls  []string // of hooks, in order
	quit   bool     // tea.Quit came back
	end    chan Outcome
	saved  error // what SaveReport answers
	form   Form  // what Build was given
	built  error // what Build answers
}

func drive(t *testing.T, o Options, w, h int) *driver {
	t.Helper()
	d := &driver{T: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), source: &fixed{}, end: make(chan Outcome, 1)}
	hooks := Hooks{
		Start: func(context.Context) (Source, <-chan Outcome) {
			d.calls = append(d.calls, "start")
			return d.source, d.end
		},
		Stop:  func() { d.calls = append(d.calls, "stop") },
		Abort: func() { d.calls = append(d.calls, "abort") },
		Build: func(f Form) (Options, error) {
			d.form = f
			return testOptions(), d.built
		},
		SaveReport: func(_ Outcome, path string) (string, error) {
			d.calls = append(d.calls, "save "+path)
			return "/reports/" + path, d.saved
		},
	}
	d.m = newModel(context.Background(), o, hooks, func() time.Time { return d.now })
	d.m.Init()
	d.send(tea.WindowSizeMsg{Width: w, Height: h})
	return d
}

// send folds a message in, and what its command answers. The command that waits
// for the outcome is left alone: conclude plays its part.
func (d *driver) send(msg tea.Msg) {
	d.Helper()
	started := d.m.run != nil
	_, cmd := d.m.Update(msg)
	if _, tick := msg.(tickMsg); tick || cmd == nil || (!started && d.m.run != nil) {
		return
	}
	switch answer := cmd().(type) {
	case tea.QuitMsg:
		d.quit = true
	case nil:
	default:
		d.send(answer)
	}
}

func (d *driver) press(keys ...string) {
	d.Helper()
	named := map[string]tea.KeyType{
		"ctrl+c": tea.KeyCtrlC, "esc": tea.KeyEsc, "tab": tea.KeyTab, "shift+tab": tea.KeyShiftTab, "enter": tea.KeyEnter,
		"pgdown": tea.KeyPgDown, "down": tea.KeyDown, "up": tea.KeyUp, "backspace": tea.KeyBackspace, "ctrl+u": tea.KeyCtrlU,
	}
	for _, k := range keys {
		if t, ok := named[k]; ok {
			d.send(tea.KeyMsg{Type: t})
		} else {
			d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(k)})
		}
	}
}

// at moves the run to an offset and lets the screen pull.
func (d *driver) at(offset time.Duration) {
	d.Helper()
	d.source.at = offset
	d.send(tickMsg{})
}

func (d *driver) conclude(o Outcome) {
	d.Helper()
	d.end <- o
	<-d.m.run.done
	d.send(outcomeMsg{})
}

// screen is the view without styles and without blanks at line ends.
func (d *driver) screen() string {
	lines := strings.Split(ansi.Strip(d.m.View()), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n")
}

func (d *driver) sees(texts ...string) {
	d.Helper()
	for _, s := range texts {
		if !strings.Contains(d.screen(), s) {
			d.Errorf("the screen lacks %q:\n%s", s, d.screen())
		}
	}
}

func (d *driver) lacks(texts ...string) {
	d.Helper()
	for _, s := range texts {
		if strings.Contains(d.screen(), s) {
			d.Errorf("the screen has %q:\n%s", s, d.screen())
		}
	}
}

func (d *driver) called(want ...string) {
	d.Helper()
	if diff := cmp.Diff(want, d.calls); diff != "" {
		d.Errorf("hooks called (-want +got):\n%s", diff)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	got += "\n"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test ./tui -update writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
