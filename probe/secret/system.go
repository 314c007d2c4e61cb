package secret

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// System returns the Source of a real process. Lines are read from stdin byte
// by byte, so that nothing after the line is swallowed. The prompt is written
// to stderr and its answer is read, hidden, from stdin, which must then be a
// terminal.
func System(stdin io.Reader, stderr io.Writer) Source {
	return Source{
		Env:      os.LookupEnv,
		ReadFile: readBounded,
		Line:     func() (string, error) { return readLine(stdin) },
		Prompt: func() (string, error) {
			f, ok := stdin.(*os.File)
			if !ok || !term.IsTerminal(int(f.Fd())) {
				return "", errors.New("standard input is not a terminal: use env:, file: or -")
			}
			fmt.Fprint(stderr, "credential (not shown): ")
			b, err := term.ReadPassword(int(f.Fd()))
			fmt.Fprintln(stderr)
			return string(b), err
		},
	}
}

// readBounded reads a file, a little past the bound so that Resolve can tell
// that it was passed, and never a whole device.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxLength+3))
}

func readLine(r io.Reader) (string, error) {
	var line strings.Builder
	one := make([]byte, 1)
	for line.Len() <= maxLength {
		n, err := r.Read(one)
		if n == 1 {
			if one[0] == '\n' {
				return line.String(), nil
			}
			line.WriteByte(one[0])
			continue
		}
		if errors.Is(err, io.EOF) {
			if line.Len() > 0 {
				return line.String(), nil
			}
			return "", errors.New("standard input has ended")
		}
		if err != nil {
			return "", errors.New("standard input failed")
		}
	}
	return line.String(), nil
}
