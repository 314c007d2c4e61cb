package tui

import (
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	_ "apisonde/tui/bg" // before Bubble Tea
)

func TestInterruptStopsAndKeepsEverything(t *testing.T) {
	t.Parallel()
	d := drive(t, testOptions(), 80, 24)
	d.press("y")
	d.sees("ctrl+c stop, keep all")
	d.press("ctrl+c")
	d.called("start", "stop")
	d.sees("‖ Stopping", "again within 2 s aborts", "stopping 0:00")
	o := conclusion()
	o.Verdict.StopReason = ptr("interrupted")
	d.conclude(o)
	if d.quit {
		t.Fatal("the verdict of a stopped run is not shown")
	}
	d.sees("[3 Verdict]", "it was interrupted")
	d.press("ctrl+c")
	d.called("start", "stop")
	if !d.quit {
		t.Error("ctrl+c on an idle screen does not quit")
	}
}

func TestSecondInterruptAborts(t *testing.T) {
	t.Parallel()
	d := drive(t, testOptions(), 80, 24)
	d.press("y", "ctrl+c")
	d.now = d.now.Add(2 * time.Second)
	d.press("ctrl+c")
	d.called("start", "stop", "abort")
	d.sees("Aborting", "leave the screen")
	if d.quit {
		t.Fatal("the screen is left before the outcome is there")
	}
	d.conclude(conclusion())
	if !d.quit {
		t.Error("an aborted run does not end the screen")
	}
}

func TestALateSecondInterruptCountsAsFirst(t *testing.T) {
	t.Parallel()
	d := drive(t, testOptions(), 80, 24)
	d.press("y", "ctrl+c")
	d.now = d.now.Add(2*time.Second + time.Millisecond)
	d.sees("ctrl+c twice aborts")
	d.press("ctrl+c")
	d.called("start", "stop")
	d.sees("again within 2 s aborts")
	d.now = d.now.Add(time.Second)
	d.press("ctrl+c")
	d.called("start", "stop", "abort")
}

func TestThirdInterruptLeavesTheScreen(t *testing.T) {
	t.Parallel()
	d := drive(t, testOptions(), 80, 24)
	d.press("y", "ctrl+c", "ctrl+c", "ctrl+c")
	d.called("start", "stop", "abort")
	if !d.quit {
		t.Error("the screen cannot be left")
	}
}

func TestInterruptWorksUnderQuestionHelpAndInASmallTerminal(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*driver){
		"question": func(d *driver) { d.press("q") },
		"help":     func(d *driver) { d.press("?") },
		"frozen":   func(d *driver) { d.press("f") },
		"small":    func(d *driver) { d.send(tea.WindowSizeMsg{Width: 10, Height: 2}) },
	} {
		d := drive(t, testOptions(), 80, 24)
		d.press("y")
		open(d)
		d.press("ctrl+c")
		d.called("start", "stop")
		d.send(tea.WindowSizeMsg{Width: 80, Height: 24})
		if !t.Run(name, func(*testing.T) { d.sees("Stopping") }) {
			t.Errorf("%s: nothing says that it stops", name)
		}
	}
}

func TestLeavingARunStopsItFirst(t *testing.T) {
	t.Parallel()
	d := drive(t, testOptions(), 80, 24)
	d.press("y", "q")
	d.called("start")
	d.press("y")
	d.called("start", "stop")
	if d.quit {
		t.Fatal("the screen is left before the outcome is there")
	}
	d.conclude(conclusion())
	if !d.quit {
		t.Error("the screen stays after the run")
	}
}

func TestQuitWhileStoppingLeavesWithTheOutcome(t *testing.T) {
	t.Parallel()
	d := drive(t, testOptions(), 80, 24)
	d.press("y", "ctrl+c", "q")
	d.called("start", "stop")
	d.conclude(conclusion())
	if !d.quit {
		t.Error("q while stopping is forgotten")
	}
}

func TestRunThatEndsUnderTheQuestionShowsItsVerdict(t *testing.T) {
	t.Parallel()
	d := drive(t, testOptions(), 80, 24)
	d.press("y", "q")
	d.conclude(conclusion())
	d.sees("[3 Verdict]")
	d.lacks("Still measuring.")
	d.press("q")
	if !d.quit {
		t.Error("q on an idle screen does not quit")
	}
}

// A signal to the program ends the context of Run.
func TestEndOfContext(t *testing.T) {
	t.Parallel()
	idle := drive(t, testOptions(), 80, 24)
	idle.send(endMsg{})
	idle.called()
	if !idle.quit {
		t.Error("an idle screen stays")
	}
	d := drive(t, testOptions(), 80, 24)
	d.press("y")
	d.send(endMsg{})
	d.called("start", "stop")
	if d.quit {
		t.Fatal("the screen is left before the outcome is there")
	}
	d.conclude(conclusion())
	if !d.quit {
		t.Error("the screen stays after the run")
	}
}

func TestARunWithoutOutcomeEndsTheScreen(t *testing.T) {
	t.Parallel()
	d := drive(t, testOptions(), 80, 24)
	d.press("y")
	close(d.end)
	<-d.m.run.done
	d.send(outcomeMsg{})
	if !d.quit {
		t.Error("the screen waits for nothing")
	}
}
