package tui

import (
	"context"
	"time"

	"github.com/charmbracelet/bubbles/help"
	tea "github.com/charmbracelet/bubbletea"

	_ "apisonde/tui/bg" // before Bubble Tea
	"apisonde/tui/look"
	"apisonde/tui/pane"
	"apisonde/tui/pane/advice"
	"apisonde/tui/pane/confirm"
	"apisonde/tui/pane/findings"
	"apisonde/tui/pane/headers"
	"apisonde/tui/pane/live"
	"apisonde/tui/pane/setup"
)

// phase is how far the program is.
type phase int

const (
	settingUp phase = iota // the form is filled in
	asking                 // the plan stands, nothing was sent
	running                // a run is in progress
	over                   // its outcome is there
)

// stop is how far the end of a run in progress was asked for.
type stop int

const (
	sending  stop = iota
	stopping      // Stop was called
	aborting      // Abort was called
)

// The views, in the order of their keys 1 to 5.
const (
	planTab = iota
	liveTab
	verdictTab
	adviceTab
	headersTab
	tabs
)

var tabNames = [tabs]string{"Plan", "Live", "Verdict", "Advice", "Headers"}

const (
	// Snapshots are pulled so often; more is not seen, less looks jerky.
	framePeriod = 90 * time.Millisecond

	// A second Ctrl-C within this time of the first aborts.
	abortWithin = 2 * time.Second

	// A notice stays so long.
	noticeFor = 6 * time.Second
)

// Model is the root: it routes messages, knows the size and the keys that hold
// everywhere, and is the only tea.Model. It is used by pointer from one goroutine.
type Model struct {
	ctx     context.Context // for the run; never cancelled by the screen
	opts    Options
	hooks   Hooks
	clock   func() time.Time
	kit     look.Kit
	keys    keys
	help    help.Model  // the footer
	keyList pane.Scroll // the help
	panes   [tabs]pane.Pane
	plan    *confirm.Pane
	setup   *setup.Pane // nil where the plan was given

	width, height int
	phase         phase
	tab           int
	run           *relay
	frame         pane.Frame
	outcome       Outcome

	stop        stop
	interrupted time.Time // of the latest Ctrl-C
	leaving     bool      // the screen ends with the run
	askLeave    bool      // the question whether to leave stands
	gone        bool      // the screen ends
	frozen      bool
	showHelp    bool
	notice      string
	noticeUntil time.Time
}

type (
	startMsg   struct{}
	tickMsg    time.Time
	endMsg     struct{} // the context of Run is done
	suspendMsg struct{} // somebody outside wants the program to stand still
	builtMsg   struct {
		opts Options
		err  error
	}
	savedMsg struct {
		path string
		err  error
	}
)

func newModel(ctx context.Context, o Options, h Hooks, clock func() time.Time) *Model {
	kit := look.New(o.ASCII)
	m := &Model{
		ctx: ctx, hooks: h, clock: clock, kit: kit, keys: newKeys(), help: help.New(), keyList: pane.NewScroll(kit, "Keys"),
	}
	if o.Setup != nil {
		m.setup = setup.New(kit, *o.Setup)
	}
	m.adopt(o)
	if m.setup != nil {
		m.phase = settingUp
	}
	m.help.Styles = help.Styles{
		Ellipsis: kit.Soft, ShortKey: kit.Accent, ShortDesc: kit.Plain, ShortSeparator: kit.Soft,
		FullKey: kit.Accent, FullDesc: kit.Plain, FullSeparator: kit.Soft,
	}
	m.help.ShortSeparator, m.help.Ellipsis = "  ", kit.Ellipsis
	return m
}

// adopt shows a plan.
func (m *Model) adopt(o Options) {
	m.opts, m.phase = o, asking
	m.plan = confirm.New(m.kit, o.Sheet, !o.SkipConfirm, m.setup != nil)
	m.panes = [tabs]pane.Pane{m.plan, live.New(m.kit, o.Plan.Roster, !o.NoColor), findings.New(m.kit), advice.New(m.kit), headers.New(m.kit)}
	m.resize(m.width, m.height)
}

// Init starts the clock, and the run where nobody is to be asked.
func (m *Model) Init() tea.Cmd {
	if m.opts.SkipConfirm && m.phase == asking {
		return tea.Batch(tick(), func() tea.Msg { return startMsg{} })
	}
	return tick()
}

func tick() tea.Cmd {
	return tea.Tick(framePeriod, func(t time.Time) tea.Msg { return tickMsg(t) })
}

// Update routes a message: keys to the root and then to the pane in view,
// everything else to all who want it.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.resize(msg.Width, msg.Height)
	case tea.KeyMsg:
		return m, m.press(msg)
	case tickMsg:
		if m.phase == running && !m.frozen {
			m.pull()
		}
		return m, tick()
	case startMsg:
		return m, m.start()
	case setup.Submit:
		return m, m.build(msg.Form)
	case builtMsg:
		return m, m.built(msg)
	case confirm.Answer:
		switch msg {
		case confirm.Start:
			return m, m.start()
		case confirm.Back:
			m.phase = settingUp
		case confirm.Leave:
			return m, m.exit()
		}
	case outcomeMsg:
		return m, m.conclude()
	case endMsg:
		return m, m.end()
	case suspendMsg:
		return m, suspend()
	case savedMsg:
		if msg.err != nil {
			m.say("not saved: " + look.Safe(msg.err.Error()))
		} else {
			m.say("saved " + look.Safe(msg.path))
		}
	}
	return m, nil
}

// start begins the run.
func (m *Model) start() tea.Cmd {
	if m.phase != asking {
		return nil
	}
	m.run = newRelay(m.hooks.Start(m.ctx))
	m.phase, m.tab = running, liveTab
	m.plan.Settle()
	m.resize(m.width, m.height)
	m.pull()
	return m.run.listen
}

// pull shows all panes what the run looks like now.
func (m *Model) pull() {
	m.frame = pane.Frame{Snapshot: m.run.source.Snapshot(), Belief: m.run.source.Belief(), Stopping: m.stop != sending}
	for _, p := range m.panes {
		p.Update(m.frame)
	}
}

// conclude shows the verdict, and turns to it where the run is being watched.
func (m *Model) conclude() tea.Cmd {
	outcome, ok := m.run.wait()
	m.phase, m.outcome, m.askLeave = over, outcome, false
	if m.leaving || !ok {
		return m.exit()
	}
	if !m.frozen {
		m.pull()
	}
	for _, p := range m.panes {
		p.Update(pane.Concluded{Outcome: outcome})
	}
	if m.tab == liveTab && !m.frozen {
		m.tab = verdictTab
	} else if m.tab != verdictTab {
		m.say("the run is over: 3 shows the verdict")
	}
	m.frozen = false
	return nil
}

func (m *Model) resize(w, h int) {
	m.width, m.height = w, h
	m.help.Width = w - 2
	for _, p := range m.panes {
		p.SetSize(w, m.bodyHeight())
	}
	m.keyList.SetSize(w, m.bodyHeight())
	if m.setup != nil {
		m.setup.SetSize(w, m.bodyHeight())
	}
}

func (m *Model) say(s string) {
	m.notice, m.noticeUntil = s, m.clock().Add(noticeFor)
}
