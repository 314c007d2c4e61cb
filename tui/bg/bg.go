// Package bg keeps the program from asking the terminal anything at start-up.
//
// Bubble Tea v1 asks the terminal for its background colour in a package init,
// and waits up to five seconds where the terminal does not answer; every command
// that links it would pay, even --help. Answering the question beforehand disarms
// it, and "beforehand" is decided by Go's order of initialisation: of the packages
// whose imports are ready, the one whose path sorts first. "apisonde/tui/bg"
// sorts before "github.com/charmbracelet/bubbletea", so it wins wherever it is
// linked. Every file that imports Bubble Tea imports this package too; a test
// holds to that.
//
// Nothing in tui depends on the answer: the screens use the sixteen colours that
// the terminal's own theme defines.
package bg

import "github.com/charmbracelet/lipgloss"

func init() { lipgloss.SetHasDarkBackground(true) }
