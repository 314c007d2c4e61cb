package cli

import (
	"errors"
	"fmt"
)

// The exit codes of the contract. Where several hold, the first of this order
// wins: a signal, 6, 2, 1, 5, 4, 3, 0.
const (
	exitOK           = 0
	exitRuntime      = 1 // network or runtime failure
	exitUsage        = 2 // usage, or refused before any traffic
	exitInconclusive = 3
	exitExpectation  = 4
	exitSafety       = 5 // safety stop with nothing concluded
	exitTrace        = 6 // the trace could not be written
	exitInterrupted  = 130
)

// failure is an error with the exit code it leads to.
type failure struct {
	code int
	err  error // nil: everything was said already
}

func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit %d", f.code)
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

func usagef(format string, args ...any) error {
	return &failure{exitUsage, fmt.Errorf(format, args...)}
}

func runtimef(format string, args ...any) error {
	return &failure{exitRuntime, fmt.Errorf(format, args...)}
}

// codeOf is the exit code that err leads to; an error without one of its own is
// a runtime failure.
func codeOf(err error) int {
	if err == nil {
		return exitOK
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return f.code
	}
	return exitRuntime
}

// worst picks the code that the contract puts first.
func worst(codes ...int) int {
	for _, c := range []int{143, 129, 130, exitTrace, exitUsage, exitRuntime, exitSafety, exitExpectation, exitInconclusive} {
		for _, have := range codes {
			if have == c {
				return c
			}
		}
	}
	return exitOK
}
