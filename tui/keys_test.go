package tui

import (
	"errors"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"apisonde/probe/trace"
	_ "apisonde/tui/bg" // before Bubble Tea
	"apisonde/tui/pane/confirm"
)

func TestNothingStartsBeforeConsent(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"enter", "1", "2", "tab", "f", "s", "x", "down", "Q"} {
		d := drive(t, testOptions(), 80, 24)
		d.press(key)
		if d.quit || len(d.calls) > 0 {
			t.Errorf("%s: quit %v, hooks called %v", key, d.quit, d.calls)
		}
		d.sees("y start sending", "nothing sent")
	}
}

func TestConsent(t *testing.T) {
	t.Parallel()
	d := drive(t, testOptions(), 80, 24)
	d.press("y", "y")
	d.called("start")
	d.sees("[2 Live]", "measuring")
	d.press("1")
	d.sees("[1 Plan]", "at most 1,000 in 15 min")
	d.lacks("May this be sent?")
}

// Two presses may both be under way before the first is acted on.
func TestConsentTwiceStartsOnce(t *testing.T) {
	t.Parallel()
	d := drive(t, testOptions(), 80, 24)
	d.send(confirm.Start)
	d.send(confirm.Start)
	d.called("start")
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"q", "esc", "n", "ctrl+c"} {
		d := drive(t, testOptions(), 80, 24)
		d.press(key)
		d.called()
		if !d.quit {
			t.Errorf("%s does not leave", key)
		}
	}
}

func TestAPlanThatCannotBeReadCannotBeConfirmed(t *testing.T) {
	t.Parallel()
	d := drive(t, testOptions(), 50, 24)
	d.press("y")
	d.called()
	d.sees("nothing sent")
	d.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	d.press("y")
	d.called("start")
}

func TestSkipConfirmStartsAtOnce(t *testing.T) {
	t.Parallel()
	o := testOptions()
	o.SkipConfirm = true
	d := drive(t, o, 80, 24)
	d.send(startMsg{})
	d.called("start")
	d.sees("[2 Live]")
}

func TestViews(t *testing.T) {
	t.Parallel()
	d := drive(t, testOptions(), 80, 24)
	d.press("y")
	for _, step := range []struct{ key, tab string }{
		{"1", "[1 Plan]"}, {"3", "[3 Verdict]"}, {"4", "[4 Advice]"}, {"5", "[5 Headers]"}, {"tab", "[1 Plan]"},
		{"shift+tab", "[5 Headers]"}, {"2", "[2 Live]"}, {"tab", "[3 Verdict]"}, {"esc", "[3 Verdict]"}, {"6", "[3 Verdict]"},
	} {
		d.press(step.key)
		d.sees(step.tab)
	}
	if d.quit {
		t.Error("esc quits")
	}
}

func TestHelpListsOnlyKeysThatDoSomething(t *testing.T) {
	t.Parallel()
	d := drive(t, testOptions(), 80, 24)
	d.press("?")
	d.sees("start sending", "leave, nothing sent")
	d.lacks("hold the display still", "save the report")
	d.press("y") // closes nothing, consents to nothing
	d.called()
	d.press("esc", "y", "?")
	d.sees("hold the display still", "stop sending, keep everything")
	d.lacks("start sending", "save the report")
	d.press("q")
	d.lacks("hold the display still")
	d.conclude(conclusion())
	d.press("?")
	d.sees("save the report")
	d.lacks("hold the display still", "stop sending")
}

func TestFreezeHoldsTheDisplayAndNothingElse(t *testing.T) {
	t.Parallel()
	d := drive(t, testOptions(), 80, 24)
	d.press("y")
	d.at(2 * time.Second)
	d.press("f")
	d.sees("frozen at 0:02")
	still := d.screen()
	d.at(10 * time.Second)
	if d.screen() != still {
		t.Errorf("a frozen screen moved:\n%s", d.screen())
	}
	d.called("start")
	d.press("f")
	d.at(10 * time.Second)
	d.sees("measuring 0:10")

	d.press("f")
	d.conclude(conclusion())
	d.sees("[2 Live]", "the run is over: 3 shows the verdict", "✓ limited")
}

// Between the last request and the verdict lies the conclusion, which takes a moment.
func TestConcludingIsShown(t *testing.T) {
	t.Parallel()
	d := drive(t, testOptions(), 80, 24)
	d.press("y")
	d.source.over = true
	d.at(11 * time.Second)
	d.sees("concluding 0:11", "sending is over")
}

func TestTheVerdictIsTurnedToOnlyFromTheLiveView(t *testing.T) {
	t.Parallel()
	for tab, want := range map[string]string{"2": "[3 Verdict]", "3": "[3 Verdict]", "1": "[1 Plan]", "5": "[5 Headers]"} {
		d := drive(t, testOptions(), 80, 24)
		d.press("y", tab)
		d.conclude(conclusion())
		d.sees(want, "✓ limited")
	}
}

func TestSaving(t *testing.T) {
	t.Parallel()
	d := drive(t, testOptions(), 80, 24)
	d.press("y", "s")
	d.called("start")
	d.conclude(conclusion())
	d.press("s")
	d.called("start", "save report.md")
	d.sees("saved /reports/report.md")
	d.now = d.now.Add(time.Minute)
	d.lacks("saved")
	d.saved = errors.New("disk full")
	d.press("s")
	d.sees("not saved: disk full")
}

func TestScrolling(t *testing.T) {
	t.Parallel()
	d := drive(t, testOptions(), 80, 24)
	d.press("y")
	d.conclude(conclusion())
	d.sees("One limit was found", "more ─╮")
	d.press("G")
	d.sees("trace", "end ─╮")
	d.lacks("One limit was found")
	d.press("k", "pgdown", "j", "g")
	d.sees("One limit was found")
}

func TestMoreCallersThanFitCanBeMovedThrough(t *testing.T) {
	t.Parallel()
	o := testOptions()
	d := drive(t, o, 60, 16)
	d.press("y")
	d.at(6500 * time.Millisecond)
	d.sees("1–2 of 3", "lo1/k1@alice")
	d.press("j", "j", "j")
	d.sees("2–3 of 3", "lo1/k2@bob")
	d.lacks("lo1/k1@alice")
	d.press("k", "k")
	d.sees("1–2 of 3")
}

// Callers are named by what sets them apart.
func TestCallersWithOneAddressAreNamedByKey(t *testing.T) {
	t.Parallel()
	o := testOptions()
	o.Plan.Roster = trace.Roster{Vantages: []string{"lo1"}, Keys: o.Plan.Roster.Keys, Routes: []string{"/"}}
	d := drive(t, o, 80, 24)
	d.press("y")
	d.at(6500 * time.Millisecond)
	d.lacks("lo1/k2")
	d.sees("k2@bob")
}

// The question of leaving goes before everything but Ctrl-C.
func TestQuestionOfLeavingTakesTheKeys(t *testing.T) {
	t.Parallel()
	d := drive(t, testOptions(), 80, 24)
	d.press("y", "q", "3", "f", "?")
	d.sees("Still measuring.", "[2 Live]")
	d.lacks("frozen")
	d.press("esc")
	d.lacks("Still measuring.")
	if strings.Contains(strings.Join(d.calls, " "), "stop") || d.quit {
		t.Errorf("going on stopped something: %v", d.calls)
	}
}
