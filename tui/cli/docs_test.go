package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// example is a command of the documentation and the output shown below it.
type example struct {
	line    int
	command string
	output  []string
}

// examplesIn reads the fenced console blocks of a markdown file.
func examplesIn(t *testing.T, path string) []example {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []example
	inside := false
	for i, line := range strings.Split(string(b), "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```console"
		case !inside:
			if strings.HasPrefix(line, "$ ") {
				t.Errorf("%s:%d: a command outside a console block is not run", path, i+1)
			}
		case strings.HasPrefix(line, "$ "):
			out = append(out, example{line: i + 1, command: line[2:]})
		case len(out) == 0:
			t.Errorf("%s:%d: output without a command", path, i+1)
		default:
			last := &out[len(out)-1]
			last.output = append(last.output, line)
		}
	}
	return out
}

// pattern makes a regular expression of an example's output: a line "…" stands for
// any lines, "…" within a line for any text.
func pattern(lines []string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`\A`)
	for _, l := range lines {
		if l == "…" {
			b.WriteString(`(?:.*\n)*?`)
			continue
		}
		b.WriteString(strings.ReplaceAll(regexp.QuoteMeta(l), "…", ".*") + `\n`)
	}
	return regexp.MustCompile(b.String() + `\z`)
}

// documented is a folder and an environment in which examples run in turn.
type documented struct {
	dir, bin string
	env      []string
	last     int               // exit code of the latest command
	ports    map[string]string // address in the documentation → address in use
}

func newDocumented(t *testing.T) *documented {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d := &documented{dir: t.TempDir(), bin: t.TempDir(), ports: map[string]string{}}
	if err := os.Symlink(self, filepath.Join(d.bin, "apisonde")); err != nil {
		t.Fatal(err)
	}
	d.env = append(os.Environ(), asProgram+"=1", "PATH="+d.bin+":"+os.Getenv("PATH"), "XDG_STATE_HOME="+filepath.Join(d.dir, "state"),
		"API_KEY=example-key", "K1=example-key-1", "K2=example-key-2", "K3=example-key-3")
	return d
}

func (d *documented) shell(t *testing.T, command string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sh", "-c", command)
	c.Dir, c.Env = d.dir, d.env
	return c
}

// run runs one example and returns what it printed, on both streams.
func (d *documented) run(t *testing.T, command string) string {
	t.Helper()
	if command == "echo $?" {
		return fmt.Sprintln(d.last)
	}
	for documented, real := range d.ports {
		command = strings.ReplaceAll(command, documented, real)
	}
	if background, ok := strings.CutSuffix(command, " &"); ok {
		d.background(t, background)
		return ""
	}
	out, err := d.shell(t, command).CombinedOutput()
	d.last = 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		d.last = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	text := progress.ReplaceAllString(string(out), "")
	for documented, real := range d.ports {
		text = strings.ReplaceAll(text, real, documented)
	}
	return text
}

// progress is what a run that takes longer says in between.
var progress = regexp.MustCompile(`(?m)^ *\d+s  \d+ of (?:at most )?\d+ (?:sent|trials done).*\n`)

var listen = regexp.MustCompile(`--listen (127\.0\.0\.1:\d+)`)

// background starts a practice server, at a free port instead of the documented
// one, and ends it with the test.
func (d *documented) background(t *testing.T, command string) {
	t.Helper()
	m := listen.FindStringSubmatch(command)
	if m == nil {
		t.Fatalf("%q: only practice servers run in the background", command)
	}
	c := d.shell(t, "exec "+strings.Replace(command, m[1], "127.0.0.1:0", 1))
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, out)
	d.ports[m[1]] = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "http://"), "/")
}

// late is what a run adds where the machine was too busy for its instants.
var late = regexp.MustCompile(`(?m)^note: \d+ planned requests were left out: .*\n`)

// Every example of the documentation works and prints what it says.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"README.md", "docs/usage.md"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			examples := examplesIn(t, filepath.Join("../..", file))
			if len(examples) == 0 {
				t.Fatal("no example was found")
			}
			d := newDocumented(t)
			for _, e := range examples {
				got := late.ReplaceAllString(d.run(t, e.command), "")
				if len(e.output) == 0 && !strings.HasSuffix(e.command, " &") && got != "" || len(e.output) > 0 && !pattern(e.output).MatchString(got) {
					t.Errorf("%s:%d: $ %s\nprints\n%s\nand not\n%s", file, e.line, e.command, got, strings.Join(e.output, "\n"))
				}
			}
		})
	}
}

// The documentation names every command and flag.
func TestDocumentationIsComplete(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/usage.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commands(&streams{}) {
		if !strings.Contains(string(b), "`apisonde "+c.Name) {
			t.Errorf("usage.md does not name the command %s", c.Name)
		}
		for _, f := range c.Flags {
			name := "--" + f.Names()[0]
			if len(f.Names()) > 1 {
				name = "-" + f.Names()[1]
			}
			if !regexp.MustCompile(regexp.QuoteMeta(name) + `\b`).Match(b) {
				t.Errorf("usage.md does not name the flag %s of %s", name, c.Name)
			}
		}
	}
}
