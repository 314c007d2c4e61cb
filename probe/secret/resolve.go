package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// Source is where references lead. A nil hook means that this kind of
// reference cannot be used here, and says so.
type Source struct {
	// Env looks an environment variable up.
	Env func(name string) (string, bool)
	// ReadFile returns the bytes of a file.
	ReadFile func(path string) ([]byte, error)
	// Line returns the next line of standard input.
	Line func() (string, error)
	// Prompt asks the person at the terminal, without echo.
	Prompt func() (string, error)
}

// maxLength bounds a credential: more than any server takes in one header, and
// little enough that a wrong file is noticed here and not on the wire.
const maxLength = 16 << 10

// Resolve follows a reference: env:VAR, file:PATH (a trailing line break is
// dropped), - (a line of standard input), prompt, or literal:VALUE. An error
// never contains the credential, nor a reference that might be one by mistake.
func Resolve(ref string, src Source) (Value, error) {
	text, err := follow(ref, src)
	if err != nil {
		return Value{}, err
	}
	switch {
	case text == "":
		return Value{}, fmt.Errorf("%s is empty: give a value", describe(ref))
	case len(text) > maxLength:
		return Value{}, fmt.Errorf("%s holds %d bytes, more than the %d that a credential may have", describe(ref), len(text), maxLength)
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return Value{}, fmt.Errorf("%s holds a line break or another control character, which no header can carry", describe(ref))
	}
	return New(text), nil
}

func follow(ref string, src Source) (string, error) {
	kind, rest, _ := strings.Cut(ref, ":")
	switch {
	case ref == "-":
		return ask(ref, src.Line)
	case ref == "prompt":
		return ask(ref, src.Prompt)
	case kind == "literal" && strings.Contains(ref, ":"):
		return rest, nil
	case kind == "env" && rest != "":
		if src.Env == nil {
			return "", fmt.Errorf("%s cannot be used here", describe(ref))
		}
		text, ok := src.Env(rest)
		if !ok {
			return "", fmt.Errorf("%s is not set: export it first", describe(ref))
		}
		return text, nil
	case kind == "file" && rest != "":
		if src.ReadFile == nil {
			return "", fmt.Errorf("%s cannot be used here", describe(ref))
		}
		data, err := src.ReadFile(rest)
		if err != nil {
			return "", fmt.Errorf("%s cannot be read: %w", describe(ref), withoutPath(err))
		}
		return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
	}
	return "", errors.New("a credential is given as env:VAR, file:PATH, - (a line of standard input), prompt or literal:VALUE")
}

func ask(ref string, hook func() (string, error)) (string, error) {
	if hook == nil {
		return "", fmt.Errorf("%s cannot be used here", describe(ref))
	}
	text, err := hook()
	if err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", describe(ref), err)
	}
	return strings.TrimRight(text, "\r\n"), nil
}

// variable is how names of environment variables look. A credential written in
// their place by mistake (env:$API_KEY, expanded by the shell) rarely does.
var variable = regexp.MustCompile(`^[A-Z_]+[0-9]{0,2}[A-Z_]*$`)

// describe names a reference in an error without repeating what may be a
// credential.
func describe(ref string) string {
	kind, rest, _ := strings.Cut(ref, ":")
	switch {
	case ref == "-":
		return "the line of standard input"
	case ref == "prompt":
		return "the prompt's answer"
	case kind == "env" && variable.MatchString(rest):
		return "the environment variable " + rest
	case kind == "env":
		return "the environment variable named after env:"
	case kind == "file":
		return "the file named after file:"
	}
	return "the credential"
}

// withoutPath drops the path from a file error, for the same reason.
func withoutPath(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return errors.New("it could not be opened")
}
