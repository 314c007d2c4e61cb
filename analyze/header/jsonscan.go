package header

import (
	"strings"
	"unicode/utf8"
)

// Bounds of the body scanner.
const (
	maxDepth  = 24
	maxValues = 2000
)

// jsonScan walks JSON that may be cut short or broken: it tells what it meets
// until it can go no further. Text that is not JSON tells nothing.
type jsonScan struct {
	s      string
	i      int
	path   []string // the keys down to here; "" for a list's member
	values int
	visit  func(path []string, value string, quoted bool)
}

// scanJSON calls visit for every scalar in s. path is valid during the call.
func scanJSON(s string, visit func(path []string, value string, quoted bool)) {
	var room [maxDepth]string
	j := jsonScan{s: s, path: room[:0], visit: visit}
	j.value()
}

func (j *jsonScan) space() {
	for j.i < len(j.s) {
		switch j.s[j.i] {
		case ' ', '\t', '\n', '\r':
			j.i++
		default:
			return
		}
	}
}

func (j *jsonScan) is(c byte) bool {
	j.space()
	if j.i < len(j.s) && j.s[j.i] == c {
		j.i++
		return true
	}
	return false
}

// value reads one value; false ends the walk.
func (j *jsonScan) value() bool {
	j.space()
	if j.i >= len(j.s) || j.values >= maxValues {
		return false
	}
	switch c := j.s[j.i]; {
	case c == '{' || c == '[':
		j.i++
		if len(j.path) == maxDepth {
			return false
		}
		j.path = append(j.path, "")
		ok := j.members(c == '{')
		j.path = j.path[:len(j.path)-1]
		return ok
	case c == '"':
		text, closed := j.text()
		j.tell(text, true)
		return closed
	}
	from := j.i
	for j.i < len(j.s) && strings.IndexByte(",]} \t\r\n", j.s[j.i]) < 0 {
		j.i++
	}
	if j.i == from {
		return false
	}
	j.tell(j.s[from:j.i], false)
	return true
}

func (j *jsonScan) tell(value string, quoted bool) {
	j.values++
	j.visit(j.path, value, quoted)
}

// members reads an object's or a list's members up to its end.
func (j *jsonScan) members(object bool) bool {
	end := byte(']')
	if object {
		end = '}'
	}
	if j.is(end) {
		return true
	}
	for {
		if object {
			if !j.is('"') {
				return false
			}
			j.i--
			key, closed := j.text()
			if !closed || !j.is(':') {
				return false
			}
			j.path[len(j.path)-1] = key
		}
		if !j.value() {
			return false
		}
		if j.is(end) {
			return true
		}
		if !j.is(',') {
			return false
		}
	}
}

// text reads a string. Without escapes it is a piece of the input.
func (j *jsonScan) text() (s string, closed bool) {
	j.i++
	from := j.i
	escaped := false
	for j.i < len(j.s) {
		switch j.s[j.i] {
		case '\\':
			escaped = true
			j.i++
		case '"':
			s = j.s[from:j.i]
			j.i++
			if escaped {
				s = unescape(s)
			}
			return s, true
		}
		j.i++
	}
	j.i = len(j.s)
	s = j.s[from:]
	if escaped {
		s = unescape(s)
	}
	return s, false
}

// unescape undoes the escapes of a JSON string. A \u escape outside of ASCII
// becomes a space: no code, number or name here holds one.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 >= len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n', 't', 'r', 'b', 'f':
			b.WriteByte(' ')
		case 'u':
			r := rune(0)
			n := 0
			for n < 4 && i+1 < len(s) {
				d := strings.IndexByte("0123456789abcdef", s[i+1]|0x20)
				if d < 0 {
					break
				}
				r = r<<4 | rune(d)
				i++
				n++
			}
			if r < ' ' || r >= utf8.RuneSelf {
				r = ' '
			}
			b.WriteRune(r)
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
