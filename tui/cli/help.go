package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// helpWidth is the width that help is wrapped to.
const helpWidth = 80

// helpText is the help of one command: its flags by group, in the order they were
// defined. cli's own template repeats each repeatable flag and never wraps.
func helpText(cmd *cli.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apisonde %s: %s\n\nUsage: apisonde %s", cmd.Name, cmd.Usage, cmd.Name)
	if len(cmd.Flags) > 0 {
		b.WriteString(" [FLAGS]")
	}
	if cmd.ArgsUsage != "" {
		b.WriteString(" " + cmd.ArgsUsage)
	}
	b.WriteString("\n")
	if cmd.Description != "" {
		b.WriteString("\n" + wrap(cmd.Description, 0) + "\n")
	}
	group := ""
	for _, f := range cmd.Flags {
		d, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		if c, ok := f.(cli.CategorizableFlag); ok && c.GetCategory() != group {
			group = c.GetCategory()
			fmt.Fprintf(&b, "\n%s\n", group)
		}
		placeholder, usage := splitUsage(d.GetUsage())
		name := ""
		for _, n := range f.Names()[1:] {
			name += "-" + n + ", "
		}
		name += "--" + f.Names()[0]
		if d.TakesValue() {
			name += " " + placeholder
		}
		if def := d.GetDefaultText(); d.TakesValue() && def != "" {
			usage += " (default: " + def + ")"
		}
		fmt.Fprintf(&b, "  %s\n%s\n", name, wrap(usage, 6))
	}
	return b.String()
}

// splitUsage separates the placeholder, which leads a usage in backquotes.
func splitUsage(usage string) (placeholder, text string) {
	quoted, ok := strings.CutPrefix(usage, "`")
	if !ok {
		return "", usage
	}
	placeholder, text, _ = strings.Cut(quoted, "`")
	return placeholder, strings.TrimSpace(text)
}

// wrap breaks text into lines of helpWidth, each indented.
func wrap(text string, indent int) string {
	margin := strings.Repeat(" ", indent)
	var lines []string
	line := ""
	for _, w := range strings.Fields(text) {
		if line != "" && indent+len(line)+1+len(w) > helpWidth {
			lines = append(lines, margin+line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	return strings.Join(append(lines, margin+line), "\n")
}

// literalTemplate makes a text its own template.
func literalTemplate(text string) string {
	return "{{" + fmt.Sprintf("%q", text) + "}}"
}

// appHelp is the help of the program: what it does and its commands.
func appHelp(app *cli.App) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apisonde: %s\n\nUsage: apisonde COMMAND [FLAGS] [ARGUMENT]\n\n%s\n\nCommands\n", app.Usage, wrap(app.Description, 0))
	for _, c := range app.Commands {
		fmt.Fprintf(&b, "  %-9s%s\n", c.Name, strings.TrimSpace(wrap(c.Usage, 11)))
	}
	b.WriteString("\napisonde COMMAND --help lists a command's flags. They may stand before or after\nits argument.\n")
	return b.String()
}
