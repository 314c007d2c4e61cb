package setup

import (
	"slices"
	"strings"
	"unicode"

	tea "github.com/charmbracelet/bubbletea"

	_ "apisonde/tui/bg" // before Bubble Tea
	"apisonde/tui/look"
)

// longestLine is more than any field needs; a paste by mistake ends there.
const longestLine = 4096

// line is one line of text being edited. What cannot be printed never enters it.
type line struct {
	text []rune
	at   int // the cursor stands before text[at]
}

func newLine(s string) line {
	var l line
	l.insert([]rune(s))
	return l
}

func (l line) String() string { return string(l.text) }

// edit applies a key, and says whether it was one for editing.
func (l *line) edit(k tea.KeyMsg) bool {
	switch k.Type {
	case tea.KeyRunes, tea.KeySpace:
		if k.Alt {
			return false
		}
		l.insert(k.Runes)
	case tea.KeyBackspace:
		l.cut(max(0, l.at-1), l.at)
	case tea.KeyDelete, tea.KeyCtrlD:
		l.cut(l.at, min(len(l.text), l.at+1))
	case tea.KeyLeft, tea.KeyCtrlB:
		l.at = max(0, l.at-1)
	case tea.KeyRight, tea.KeyCtrlF:
		l.at = min(len(l.text), l.at+1)
	case tea.KeyHome, tea.KeyCtrlA:
		l.at = 0
	case tea.KeyEnd, tea.KeyCtrlE:
		l.at = len(l.text)
	case tea.KeyCtrlU:
		l.cut(0, l.at)
	case tea.KeyCtrlK:
		l.cut(l.at, len(l.text))
	case tea.KeyCtrlW:
		l.cut(l.wordStart(), l.at)
	default:
		return false
	}
	return true
}

func (l *line) insert(runes []rune) {
	var in []rune
	for _, r := range runes {
		if unicode.IsSpace(r) {
			r = ' ' // a pasted list has its lines side by side
		}
		if unicode.IsPrint(r) && len(l.text)+len(in) < longestLine {
			in = append(in, r)
		}
	}
	l.text = append(l.text[:l.at:l.at], append(in, l.text[l.at:]...)...)
	l.at += len(in)
}

func (l *line) cut(from, to int) {
	l.text = append(l.text[:from:from], l.text[to:]...)
	l.at = from
}

func (l *line) wordStart() int {
	i := l.at
	for i > 0 && l.text[i-1] == ' ' {
		i--
	}
	for i > 0 && l.text[i-1] != ' ' {
		i--
	}
	return i
}

// draw shows the line in at most w cells: shown is the text as it may be seen,
// rune by rune. With a cursor the part around it is in view, else the beginning.
func (l line) draw(kit look.Kit, shown []rune, cursor bool, w int) string {
	if !cursor {
		return kit.Clip(string(shown), w)
	}
	from := 0
	for look.Width(string(shown[from:l.at]))+1 > w && from < l.at {
		from++
	}
	before, after := string(shown[from:l.at]), string(shown[l.at:])
	return before + kit.Accent.Render(kit.Cursor) + kit.Clip(after, max(0, w-look.Width(before)-1))
}

// mask hides what may be a secret: in a field of references every word that is
// not plainly env:VAR or file:PATH, with or without a name in front. Somebody who
// pastes a key where its reference belongs must not see it on the screen.
func mask(text []rune, secret rune) []rune {
	out := append([]rune(nil), text...)
	for from := 0; from < len(out); {
		to := from
		for to < len(out) && out[to] != ' ' {
			to++
		}
		if !isReference(string(text[from:to])) {
			for i := from; i < to; i++ {
				out[i] = secret
			}
		}
		from = to + 1
	}
	return out
}

// maskPasswords hides what stands between :// and the last @ of a word, where URLs
// of proxies have user and password. While the @ is not typed yet, what may become
// a password is hidden too; a port alone is not.
func maskPasswords(text []rune, secret rune) []rune {
	out := append([]rune(nil), text...)
	for from := 0; from < len(out); {
		to := from
		for to < len(out) && out[to] != ' ' {
			to++
		}
		if scheme := strings.Index(string(out[from:to]), "://"); scheme >= 0 {
			begin := from + len([]rune(string(out[from:to])[:scheme])) + 3
			end := begin
			for i := begin; i < to; i++ {
				if out[i] == '@' {
					end = i
				}
			}
			if colon := slices.Index(out[begin:to], ':'); end == begin && colon >= 0 && !digits(out[begin+colon+1:to]) && out[begin] != '[' {
				end = to
			}
			for i := begin; i < end; i++ {
				out[i] = secret
			}
		}
		from = to + 1
	}
	return out
}

func digits(text []rune) bool {
	return !slices.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}

func isReference(word string) bool {
	if strings.HasPrefix("env:", word) || strings.HasPrefix("file:", word) {
		return true // being typed
	}
	if isPlain(word) {
		return true
	}
	name, ref, named := strings.Cut(word, "=")
	name, owner, owned := strings.Cut(name, "@")
	return named && isPlain(ref) && isName(name) && (!owned || isName(owner))
}

func isPlain(ref string) bool {
	if variable, ok := strings.CutPrefix(ref, "env:"); ok {
		return variable == "" || isName(variable)
	}
	return strings.HasPrefix(ref, "file:")
}

func isName(s string) bool {
	for _, c := range s {
		if !(c == '_' || c == '-' || c == '.' || c < unicode.MaxASCII && (unicode.IsLetter(c) || unicode.IsDigit(c))) {
			return false
		}
	}
	return s != "" && len(s) <= 32
}
