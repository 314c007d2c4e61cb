package importer

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// words splits a command line the way a POSIX shell does, with $'…' of bash and
// zsh. Whatever a shell would compute (variables, substitutions, pipes) is an
// error: nothing is run and nothing is guessed. Errors never quote the text, which
// may hold a credential; they say where it stands.
func words(text string) ([]string, error) {
	s := splitter{text: strings.ReplaceAll(text, "\r\n", "\n")}
	for s.pos < len(s.text) {
		if err := s.step(); err != nil {
			return nil, fmt.Errorf("at byte %d: %w", s.pos+1, err)
		}
	}
	s.end()
	return s.out, nil
}

// splitter is the state between two characters.
type splitter struct {
	text string
	pos  int
	out  []string
	word strings.Builder
	open bool // a word has begun, if only by an empty pair of quotes
}

func (s *splitter) add(w string) {
	s.word.WriteString(w)
	s.open = true
}

func (s *splitter) end() {
	if s.open {
		s.out = append(s.out, s.word.String())
	}
	s.word.Reset()
	s.open = false
}

// step consumes one character outside quotes, or one quoted part.
func (s *splitter) step() error {
	c := s.text[s.pos]
	switch c {
	case ' ', '\t', '\n':
		s.end()
		s.pos++
		return nil
	case '\'':
		return s.single()
	case '"':
		return s.double()
	case '\\':
		if s.pos+1 == len(s.text) {
			return fmt.Errorf("a backslash ends the command")
		}
		if next := s.text[s.pos+1]; next != '\n' {
			s.add(string([]byte{next}))
		}
		s.pos += 2
		return nil
	case '$':
		if strings.HasPrefix(s.text[s.pos:], "$'") {
			return s.ansi()
		}
		if expands(s.text[s.pos:]) {
			return fmt.Errorf("a shell expansion, which is not carried out; write its value")
		}
	case '`':
		return fmt.Errorf("a command substitution, which is not carried out; write its value")
	case '|', '&', ';', '<', '>', '(', ')':
		return fmt.Errorf("the shell operator %q; give one curl command, quoted as the shell needs it", string(c))
	case '#':
		if !s.open {
			return fmt.Errorf("a comment; give the curl command alone")
		}
	}
	s.add(string([]byte{c}))
	s.pos++
	return nil
}

// expands tells whether a text that begins with $ is an expansion.
func expands(text string) bool {
	if len(text) < 2 {
		return false
	}
	c := text[1]
	return c == '{' || c == '(' || c == '_' || c == '?' || c == '@' || c == '*' || c == '#' || c == '!' || c == '$' || c == '-' ||
		'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func (s *splitter) single() error {
	rest := s.text[s.pos+1:]
	n := strings.IndexByte(rest, '\'')
	if n < 0 {
		return fmt.Errorf("a single quote that is never closed")
	}
	s.add(rest[:n])
	s.pos += n + 2
	return nil
}

func (s *splitter) double() error {
	s.open = true
	for i := s.pos + 1; i < len(s.text); i++ {
		switch c := s.text[i]; c {
		case '"':
			s.pos = i + 1
			return nil
		case '$':
			if expands(s.text[i:]) {
				s.pos = i
				return fmt.Errorf("a shell expansion, which is not carried out; write its value")
			}
			s.add("$")
		case '`':
			s.pos = i
			return fmt.Errorf("a command substitution, which is not carried out; write its value")
		case '\\':
			if i+1 == len(s.text) {
				continue
			}
			i++
			switch next := s.text[i]; next {
			case '\n':
			case '"', '\\', '$', '`':
				s.add(string([]byte{next}))
			default:
				s.add(string([]byte{c, next}))
			}
		default:
			s.add(string([]byte{c}))
		}
	}
	return fmt.Errorf("a double quote that is never closed")
}

// ansi reads $'…', in which browsers write what plain quotes cannot hold.
func (s *splitter) ansi() error {
	s.open = true
	for i := s.pos + 2; i < len(s.text); i++ {
		switch c := s.text[i]; c {
		case '\'':
			s.pos = i + 1
			return nil
		case '\\':
			value, used, err := escape(s.text[i+1:])
			if err != nil {
				s.pos = i
				return err
			}
			s.add(value)
			i += used
		default:
			s.add(string([]byte{c}))
		}
	}
	return fmt.Errorf("a $' quote that is never closed")
}

// escape reads what follows a backslash in $'…' and says how many bytes it took.
func escape(text string) (string, int, error) {
	if text == "" {
		return "", 0, fmt.Errorf("a backslash ends the command")
	}
	plain := map[byte]string{'n': "\n", 't': "\t", 'r': "\r", 'a': "\a", 'b': "\b", 'e': "\x1b", 'E': "\x1b",
		'f': "\f", 'v': "\v", '\\': `\`, '\'': "'", '"': `"`, '?': "?"}
	if v, ok := plain[text[0]]; ok {
		return v, 1, nil
	}
	digits := func(from, most, base int) (uint64, int) {
		n := 0
		for n < most && from+n < len(text) {
			if _, err := strconv.ParseUint(text[from+n:from+n+1], base, 8); err != nil {
				break
			}
			n++
		}
		v, err := strconv.ParseUint(text[from:from+n], base, 32)
		if err != nil {
			return 0, 0
		}
		return v, n
	}
	switch text[0] {
	case 'x':
		if v, n := digits(1, 2, 16); n > 0 {
			return string([]byte{byte(v)}), 1 + n, nil
		}
	case 'u':
		if v, n := digits(1, 4, 16); n > 0 {
			return string(rune(v)), 1 + n, nil
		}
	case 'U':
		if v, n := digits(1, 8, 16); n > 0 && v <= utf8.MaxRune {
			return string(rune(v)), 1 + n, nil
		}
	case '0', '1', '2', '3', '4', '5', '6', '7':
		v, n := digits(0, 3, 8)
		return string([]byte{byte(v)}), n, nil
	}
	return "", 0, fmt.Errorf("an escape inside $'…' that no shell defines")
}
