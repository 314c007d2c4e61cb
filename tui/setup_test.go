package tui

import (
	"errors"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/google/go-cmp/cmp"

	_ "apisonde/tui/bg" // before Bubble Tea
)

func TestSetup(t *testing.T) {
	t.Parallel()
	d := drive(t, Options{Setup: &Form{}, NoColor: true}, 80, 24)
	d.sees("What is to be assessed?", "nothing sent")
	d.press("enter")
	d.sees("no URL to assess")
	for _, c := range "http://h/q?a=1" { // q and ? are text here
		d.press(string(c))
	}
	d.press("tab")
	d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("k1@alice=env:K1\nk2@bob=file:/run/k2\n"), Paste: true})
	d.press("tab", "tab")
	d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("127.0.0.1 127.0.0.2")})
	d.press("shift+tab", "esc")
	if d.quit {
		t.Fatal("esc quits")
	}

	d.built = errors.New("--key k2: no such file")
	d.press("enter")
	d.sees("no such file", "http://h/q?a=1")
	d.called()
	want := Form{
		URL: "http://h/q?a=1", Keys: []string{"k1@alice=env:K1", "k2@bob=file:/run/k2"}, Users: []string{},
		Addresses: []string{"127.0.0.1", "127.0.0.2"}, Routes: []string{},
	}
	if diff := cmp.Diff(want, d.form); diff != "" {
		t.Errorf("the form (-want +got):\n%s", diff)
	}

	d.built = nil
	d.press("enter")
	d.sees("May this be sent?", "esc back")
	d.called()
	d.press("esc")
	d.sees("What is to be assessed?", "http://h/q?a=1")
	d.press("enter", "y")
	d.called("start")
	d.sees("[2 Live]")
}

// What a person pastes where a reference belongs may be the secret itself.
func TestSetupShowsNoSecret(t *testing.T) {
	t.Parallel()
	form := func() *driver {
		d := drive(t, Options{Setup: &Form{}, NoColor: true}, 80, 24)
		d.press("tab")
		return d
	}
	for _, typed := range []string{"hunter2", "literal:hunter2", "k1=hunter2", "k1@alice=literal:hunter2", "hunter2 env:A"} {
		d := form()
		for _, c := range typed {
			d.press(string(c))
			d.lacks("hunter")
		}
	}
	for _, pasted := range []string{"env:hunter2!", "env:A hunter2", "prompt:hunter2", "hunter2==", "hunter2@x=y=env:K", "hunter2/=env:K"} {
		d := form()
		d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(pasted), Paste: true})
		d.lacks("hunter")
	}
	for _, plain := range []string{"env:API_KEY", "k1=env:API_KEY", "k1@alice=file:/run/secrets/k1"} {
		d := drive(t, Options{Setup: &Form{Keys: []string{plain}}, NoColor: true}, 80, 24)
		d.sees(plain)
	}
}

// The password of a proxy is typed in place, in full view but for this.
func TestSetupShowsNoPasswordOfAProxy(t *testing.T) {
	t.Parallel()
	d := drive(t, Options{Setup: &Form{}, NoColor: true}, 80, 24)
	d.press("tab", "tab", "tab")
	for _, c := range "127.0.0.1 a=socks5h://me:hunter2@hop:1080" {
		d.press(string(c))
		d.lacks("hunter")
	}
	d.sees("127.0.0.1 a=socks5h://", "@hop:1080")
	d = drive(t, Options{Setup: &Form{Addresses: []string{"http://[::1]:8080", "socks5h://hop:1080"}}, NoColor: true}, 80, 24)
	d.sees("http://[::1]:8080 socks5h://hop:1080")
}

// The screen has the terminal: nothing else may read it.
func TestSetupRefusesToBeAskedForSecrets(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{"-", "prompt", "k1=-", "k1@alice=prompt"} {
		for _, f := range []Form{{URL: "http://h/", Keys: []string{ref}}, {URL: "http://h/", Users: []string{ref}}} {
			d := drive(t, Options{Setup: &f, NoColor: true}, 80, 24)
			d.press("enter")
			d.sees("cannot be asked for here")
			if d.form.URL != "" {
				t.Errorf("%q was built", ref)
			}
		}
	}
}

func TestEditing(t *testing.T) {
	t.Parallel()
	d := drive(t, Options{Setup: &Form{URL: "http://host/path"}, NoColor: true}, 80, 24)
	d.sees("http://host/path▏")
	left := tea.KeyMsg{Type: tea.KeyLeft}
	for range 4 {
		d.send(left)
	}
	d.press("backspace", "x")
	d.sees("http://hostx▏path")
	d.press("ctrl+u")
	d.sees("▏path")
	d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("a\x1b[2Jb\u202ec")})
	d.sees("a[2Jbc▏path")
	d.send(tea.KeyMsg{Type: tea.KeyDelete})
	d.send(tea.KeyMsg{Type: tea.KeyEnd})
	d.sees("a[2Jbcath▏")
	d.send(tea.KeyMsg{Type: tea.KeyHome})
	d.send(tea.KeyMsg{Type: tea.KeyCtrlK})
	d.sees("▏  ")
}

func TestALongLineKeepsItsCursorInView(t *testing.T) {
	t.Parallel()
	d := drive(t, Options{Setup: &Form{}, NoColor: true}, 60, 16)
	for range 60 {
		d.press("a", "b")
	}
	d.sees("ab▏")
}
