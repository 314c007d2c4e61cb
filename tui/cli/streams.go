package cli

import (
	"os"

	"github.com/mattn/go-isatty"
)

// streams are the three files that a command talks through. Results go to out and
// nothing else does; questions, progress and messages go to err.
type streams struct {
	in, out, err *os.File
}

func (s *streams) inTerminal() bool { return isatty.IsTerminal(s.in.Fd()) }

func (s *streams) outTerminal() bool { return isatty.IsTerminal(s.out.Fd()) }

// interactive tells whether a screen can be shown: keys come in and pictures go
// out on a terminal.
func (s *streams) interactive() bool { return s.inTerminal() && s.outTerminal() }

// asks tells whether a question can be put and answered: it is shown on standard
// error.
func (s *streams) asks() bool { return s.inTerminal() && isatty.IsTerminal(s.err.Fd()) }
