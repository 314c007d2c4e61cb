package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"apisonde/probe/secret"
)

// isReference tells whether s is a reference to a value: env:VAR, file:PATH, -,
// prompt or literal:VALUE.
func isReference(s string) bool {
	if s == "-" || s == "prompt" {
		return true
	}
	for _, kind := range []string{"env:", "file:", "literal:"} {
		if strings.HasPrefix(s, kind) {
			return true
		}
	}
	return false
}

// maxText bounds a request's body and a curl command, in bytes: a device file has
// no end.
const maxText = 1 << 20

// readText follows a reference to a text of several lines, which secret.Resolve
// has no business with: a request's body, a curl command. label names the flag.
func readText(label, ref string, std *streams) (string, error) {
	kind, rest, _ := strings.Cut(ref, ":")
	switch {
	case ref == "-":
		return readBounded(label, "standard input", std.in)
	case kind == "file":
		f, err := os.Open(rest)
		if err != nil {
			return "", usagef("%s: %w", label, err)
		}
		defer f.Close()
		return readBounded(label, rest, f)
	case isReference(ref) && ref != "prompt":
		v, err := secret.Resolve(ref, secret.System(std.in, std.err))
		if err != nil {
			return "", usagef("%s: %w", label, err)
		}
		return v.Reveal(), nil
	}
	return "", usagef("%s takes file:PATH, env:VAR, - or literal:TEXT", label)
}

func readBounded(label, from string, r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err != nil {
		return "", usagef("%s: read %s: %w", label, from, err)
	}
	if len(b) > maxText {
		return "", usagef("%s: %s holds more than %s", label, from, fmt.Sprintf("%d bytes", maxText))
	}
	return string(b), nil
}
