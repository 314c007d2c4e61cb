package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/urfave/cli/v2"

	"apisonde/probe/trace"
)

// setting is one flag as the environment or a file gives it.
type setting struct {
	values []string // several of a repeatable flag
	from   string   // where it stands, for messages
}

// maxConfig bounds a configuration file, in bytes.
const maxConfig = 256 << 10

// joiners are the flags whose values have a name, which a file may write as a
// mapping, and what stands between name and value on the command line.
var joiners = map[string]string{"header": ": ", "key": "=", "user": "=", "ip": "="}

// readConfigFile reads the flags that a YAML file gives, by long name; urlSetting
// is the positional. known are the flags that some command takes. Messages name
// lines and keys, never values: one may be a secret that was put there by mistake.
func readConfigFile(path string, known map[string]cli.Flag) (map[string]setting, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, usagef("--config: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return nil, usagef("--config: %w", err)
	}
	name := string(trace.Clean(path))
	if len(b) > maxConfig {
		return nil, usagef("--config: %s is longer than %d KiB", name, maxConfig>>10)
	}
	return parseConfig(name, b, known)
}

func parseConfig(name string, b []byte, known map[string]cli.Flag) (map[string]setting, error) {
	if !utf8.Valid(b) {
		return nil, usagef("--config: %s is no text in UTF-8", name)
	}
	file, err := parser.ParseBytes(b, 0)
	if err != nil {
		return nil, notYAML(name, err)
	}
	out := map[string]setting{}
	for i, doc := range file.Docs {
		switch body := doc.Body.(type) {
		case nil, *ast.NullNode, *ast.CommentGroupNode:
		case *ast.MappingNode:
			if i > 0 {
				return nil, usagef("--config: %s, line %d: a second document begins; one is enough", name, lineOf(body))
			}
			for _, pair := range body.Values {
				if err := readPair(out, name, pair, known); err != nil {
					return nil, err
				}
			}
		default:
			return nil, usagef("--config: %s, line %d: it is no list of KEY: VALUE; keys are the long names of flags, as max-requests: 500", name, lineOf(body))
		}
	}
	return out, nil
}

// notYAML says where a file breaks off. The parser's own message would show it.
func notYAML(name string, err error) error {
	if syntax, ok := errors.AsType[*yaml.SyntaxError](err); ok && syntax.Token != nil && syntax.Token.Position != nil {
		what := "it cannot be read as YAML"
		if strings.Contains(syntax.Message, "already defined") {
			what = "its key was set before"
		}
		return usagef("--config: %s, line %d: %s", name, syntax.Token.Position.Line, what)
	}
	return usagef("--config: %s cannot be read as YAML", name)
}

func lineOf(n ast.Node) int {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 1
}

func readPair(out map[string]setting, name string, pair *ast.MappingValueNode, known map[string]cli.Flag) error {
	at := fmt.Sprintf("%s, line %d", name, lineOf(pair.Key))
	key, ok := scalar(pair.Key)
	f := known[key]
	switch {
	case !ok || f == nil && key != urlSetting:
		return usagef("--config: %s: unknown key%s; keys are the long names of flags, and url", at, shownKey(key, known))
	case key == configSetting:
		return usagef("--config: %s: a file cannot name another one", at)
	}
	values, err := valuesOf(pair.Value, joiners[key])
	if err == nil {
		err = suits(f, values, pair.Value)
	}
	if err != nil {
		return usagef("--config: %s: %s %w", at, key, err)
	}
	out[key] = setting{values, at}
	return nil
}

// shownKey names an unknown key where it looks like a slip rather than like a
// secret, with the one that may have been meant.
func shownKey(key string, known map[string]cli.Flag) string {
	lower := strings.ReplaceAll(strings.ToLower(key), "_", "-")
	if len(key) > 24 || !word.MatchString(lower) {
		return ""
	}
	for _, meant := range []string{lower, strings.TrimSuffix(lower, "s")} {
		if known[meant] != nil || meant == urlSetting {
			return fmt.Sprintf(" %q (is %s meant?)", key, meant)
		}
	}
	return fmt.Sprintf(" %q", key)
}

var (
	errNoValue = errors.New("has no value")
	errShape   = errors.New("has a value of another form; write one value, or a list where the flag is repeatable")
)

// valuesOf lists what a node holds: one scalar, a list, or where names have values
// a mapping.
func valuesOf(n ast.Node, joiner string) ([]string, error) {
	var out []string
	switch n := n.(type) {
	case *ast.NullNode:
		return nil, errNoValue
	case *ast.SequenceNode:
		for _, member := range n.Values {
			if _, nested := member.(*ast.SequenceNode); nested {
				return nil, errShape
			}
			vs, err := valuesOf(member, joiner)
			if err != nil {
				return nil, err
			}
			out = append(out, vs...)
		}
	case *ast.MappingNode:
		if joiner == "" {
			return nil, errShape
		}
		for _, pair := range n.Values {
			name, ok := scalar(pair.Key)
			value, also := scalar(pair.Value)
			if !ok || !also {
				return nil, errShape
			}
			out = append(out, name+joiner+value)
		}
	default:
		v, ok := scalar(n)
		if !ok {
			return nil, errShape
		}
		out = append(out, v)
	}
	if len(out) == 0 {
		return nil, errNoValue
	}
	return out, nil
}

// scalar is the text of a plain value. Anchors, aliases, tags and merges are none:
// a few lines of those make a gigabyte.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// suits checks that a flag can take these values.
func suits(f cli.Flag, values []string, n ast.Node) error {
	switch f.(type) {
	case *cli.BoolFlag:
		if _, ok := n.(*ast.BoolNode); !ok {
			return errors.New("is true or false")
		}
	case *cli.StringSliceFlag:
	default:
		if len(values) > 1 {
			return errors.New("takes one value")
		}
	}
	if slices.ContainsFunc(values, func(v string) bool { return strings.ContainsRune(v, 0) }) {
		return errShape
	}
	return nil
}
