package cli

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// completionFlag is what cli's shell scripts append to ask for completions. Where
// completion is off, cli would run the command with it as an argument.
const completionFlag = "--generate-bash-completion"

// normalise rewrites an argument list so that cli reads it as it was meant: the
// command first, then every flag under its long name as --name=value, then "--",
// then the positionals. cli stops looking for flags at the first positional and
// would silently drop those after it, which for a program that sends traffic is a
// safety fault. Whatever is not known is an error, so nothing is ever guessed.
//
// Error texts name flags and positions, never values: a value may be a secret.
func normalise(app *cli.App, args []string) ([]string, error) {
	if slices.Contains(args, completionFlag) {
		return nil, usagef("shell completion is not available; nothing was run")
	}
	if len(args) == 0 {
		return nil, nil
	}
	switch args[0] {
	case "-h", "--help":
		return []string{"--help"}, nil
	case "help":
		if len(args) == 1 {
			return []string{"--help"}, nil
		}
		args = []string{args[1], "--help"}
	case "-v", "--version":
		args = []string{"version"}
	}
	if strings.HasPrefix(args[0], "-") {
		return nil, usagef("unknown flag %s before the command; write apisonde COMMAND [FLAGS]", shownFlag(args[0]))
	}
	cmd := app.Command(args[0])
	if cmd == nil {
		return nil, usagef("unknown command %s; apisonde --help lists them", shownCommand(args[0]))
	}

	out, positionals := []string{cmd.Name}, []string(nil)
	for i := 1; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			positionals = append(positionals, args[i+1:]...)
			break
		}
		if arg == "-" || !strings.HasPrefix(arg, "-") {
			positionals = append(positionals, arg)
			continue
		}
		if arg == "-h" || arg == "--help" {
			return []string{cmd.Name, "--help"}, nil
		}
		name, value, attached := strings.Cut(arg, "=")
		f := lookFlag(cmd, name)
		if f == nil {
			return nil, usagef("unknown flag %s; apisonde %s --help lists them", shownFlag(arg), cmd.Name)
		}
		long := f.Names()[0]
		if !takesValue(f) {
			if attached && value != "true" && value != "false" {
				return nil, usagef("flag --%s takes no value", long)
			}
			if !attached {
				value = "true"
			}
			out = append(out, "--"+long+"="+value)
			continue
		}
		if !attached {
			if i+1 >= len(args) {
				return nil, usagef("flag --%s needs a value", long)
			}
			i++
			value = args[i]
			if value != "-" && strings.HasPrefix(value, "-") {
				return nil, usagef("flag --%s needs a value, and the next argument begins with a dash; write --%s=VALUE if that is the value", long, long)
			}
		}
		out = append(out, "--"+long+"="+value)
	}
	if most := maxPositionals(cmd); len(positionals) > most {
		return nil, usagef("apisonde %s takes %s; argument %d of %d is surplus", cmd.Name, wants(cmd), most+1, len(positionals))
	}
	return append(append(out, "--"), positionals...), nil
}

// maxPositionals is how many positionals cmd accepts: one where its usage names
// one, else none.
func maxPositionals(cmd *cli.Command) int {
	if cmd.ArgsUsage == "" {
		return 0
	}
	return 1
}

func wants(cmd *cli.Command) string {
	if cmd.ArgsUsage == "" {
		return "no argument"
	}
	return "one " + strings.Trim(cmd.ArgsUsage, "[]")
}

// lookFlag finds a flag by what stands before "=": "--name", or "-n" for a name
// of one letter. "-name" is not taken for "--name": a cluster of short flags and
// a mistyped long one look alike.
func lookFlag(cmd *cli.Command, arg string) cli.Flag {
	name, long := strings.CutPrefix(arg, "--")
	if !long {
		name = strings.TrimPrefix(arg, "-")
	}
	if long != (len(name) > 1) {
		return nil
	}
	for _, f := range cmd.Flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

// word is how flags and commands look. Anything else in their place may be a
// secret that lost its flag.
var word = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

// shownFlag is what a message may repeat of an argument that is no flag.
func shownFlag(arg string) string {
	name, _, _ := strings.Cut(arg, "=")
	if bare := strings.TrimLeft(name, "-"); len(bare) > 24 || !word.MatchString(bare) {
		return "(it does not look like one of these)"
	}
	return name
}

// shownCommand is what a message may repeat of an argument that is no command.
func shownCommand(arg string) string {
	if len(arg) > 24 || !word.MatchString(arg) {
		return "(it does not look like one of these)"
	}
	return strconv.Quote(arg)
}
