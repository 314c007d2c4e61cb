// Package setup asks what to assess: the URL, and under whose names. It takes
// references to secrets, never secrets, and shows none.
package setup

import (
	"slices"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	_ "apisonde/tui/bg" // before Bubble Tea
	"apisonde/tui/look"
)

// Form is what was entered; each list as the flag of the same meaning takes it.
type Form struct {
	URL       string
	Keys      []string // [NAME[@OWNER]=]REF
	Users     []string // [NAME=]REF
	Addresses []string // [NAME=]VANTAGE
	Routes    []string // paths of the same origin
}

// Submit is sent when the form is to become a plan.
type Submit struct{ Form Form }

// field is one line of the form.
type field struct {
	label string
	hint  string
	hide  func(text []rune, secret rune) []rune // what of it may be a secret; nil: nothing
	line  line
}

// Pane is the setup screen.
type Pane struct {
	kit           look.Kit
	width, height int
	fields        []field
	at            int
	err           string
	busy          bool // submitted, and not yet answered

	next, previous, submit key.Binding
}

// New returns the setup screen with f as its starting values.
func New(kit look.Kit, f Form) *Pane {
	words := func(list []string) line { return newLine(strings.Join(list, " ")) }
	return &Pane{
		kit: kit,
		fields: []field{
			{label: "URL", line: newLine(f.URL),
				hint: "What to assess: http:// or https://, with the path that is asked for. It is asked with GET."},
			{label: "Keys", hide: mask, line: words(f.Keys),
				hint: "API keys by reference, separated by spaces: env:VARIABLE or file:PATH, named if you like: k1@alice=env:K1. What is no such reference is hidden. Two keys tell whether each has a counter of its own."},
			{label: "Users", hide: mask, line: words(f.Users),
				hint: "Users that travel in a header of their own, by reference, as for keys."},
			{label: "Addresses", hide: maskPasswords, line: words(f.Addresses),
				hint: "Where to send from, separated by spaces: addresses of this machine, if:NAME, socks5h://HOST:PORT, http://HOST:PORT; the first is the baseline. Two tell whether the limit is per address."},
			{label: "Paths", line: words(f.Routes),
				hint: "Further paths of the same origin, separated by spaces: /a /b. Two tell whether each path has a counter of its own."},
		},
		next:     key.NewBinding(key.WithKeys("tab", "down"), key.WithHelp("tab", "next")),
		previous: key.NewBinding(key.WithKeys("shift+tab", "up"), key.WithHelp("shift+tab", "back")),
		submit:   key.NewBinding(key.WithKeys("enter"), key.WithHelp("enter", "show the plan")),
	}
}

// SetSize tells the screen's size.
func (p *Pane) SetSize(width, height int) { p.width, p.height = width, height }

// Keys are those beside editing.
func (p *Pane) Keys() []key.Binding { return []key.Binding{p.submit, p.next, p.previous} }

// Fail answers a Submit with what is wrong, or with nil.
func (p *Pane) Fail(err error) {
	p.busy, p.err = false, ""
	if err != nil {
		p.err = look.Safe(err.Error())
	}
}

// Update edits the form, moves in it or submits it.
func (p *Pane) Update(msg tea.Msg) tea.Cmd {
	k, ok := msg.(tea.KeyMsg)
	if !ok || p.busy {
		return nil
	}
	switch {
	case k.Paste:
		p.fields[p.at].line.edit(k)
	case key.Matches(k, p.next):
		p.at = (p.at + 1) % len(p.fields)
	case key.Matches(k, p.previous):
		p.at = (p.at + len(p.fields) - 1) % len(p.fields)
	case key.Matches(k, p.submit):
		return p.send()
	default:
		if p.fields[p.at].line.edit(k) {
			p.err = ""
		}
	}
	return nil
}

func (p *Pane) send() tea.Cmd {
	f := Form{
		URL:  strings.TrimSpace(p.fields[0].line.String()),
		Keys: p.words(1), Users: p.words(2), Addresses: p.words(3), Routes: p.words(4),
	}
	switch {
	case f.URL == "":
		p.at, p.err = 0, "no URL to assess"
		return nil
	case slices.ContainsFunc(f.Keys, asks):
		p.at, p.err = 1, "a key cannot be asked for here; refer to it by env: or file:"
		return nil
	case slices.ContainsFunc(f.Users, asks):
		p.at, p.err = 2, "a user cannot be asked for here; refer to it by env: or file:"
		return nil
	}
	p.busy, p.err = true, ""
	return func() tea.Msg { return Submit{f} }
}

// asks is whether a reference would read the terminal, which the screen has.
func asks(word string) bool {
	if _, ref, named := strings.Cut(word, "="); named {
		word = ref
	}
	return word == "-" || word == "prompt"
}

func (p *Pane) words(i int) []string { return strings.Fields(p.fields[i].line.String()) }

// View draws the form, the hint of the field being edited, and what is wrong.
func (p *Pane) View() string {
	const label = 10
	w := p.width - 4
	lines := append(look.Wrap(p.kit.Strong.Render("What is to be assessed?")+" Nothing is sent before the plan.", w), "")
	for i, f := range p.fields {
		mark, name := "  ", p.kit.Soft.Render(p.kit.Pad(f.label, label))
		if i == p.at {
			mark, name = p.kit.Accent.Render(p.kit.Arrow)+" ", p.kit.Accent.Render(p.kit.Pad(f.label, label))
		}
		shown := f.line.text
		if f.hide != nil {
			shown = f.hide(shown, []rune(p.kit.Secret)[0])
		}
		lines = append(lines, mark+name+"  "+f.line.draw(p.kit, shown, i == p.at, max(1, w-label-4)))
	}
	lines = append(lines, "")
	if p.err != "" {
		lines = append(append(lines, look.Hang(p.kit.Bad.Render(p.kit.No)+" ", p.err, w)...), "")
	}
	if p.busy {
		lines = append(lines, "making the plan"+p.kit.Ellipsis)
	} else {
		for _, l := range look.Wrap(p.fields[p.at].hint, w) {
			lines = append(lines, p.kit.Soft.Render(l))
		}
	}
	return strings.Join(p.kit.Box(look.Frame{Title: "Set up"}, lines, p.width, p.height), "\n")
}
