package cli

import (
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// interrupts turns signals into the two wishes that a person can have: the first
// asks to stop and keep everything, a second to stop at once.
type interrupts struct {
	ch    chan os.Signal
	done  chan struct{}
	first atomic.Int32 // number of the first signal, 0 before it
}

// watchSignals calls stop at the first SIGINT, SIGTERM or SIGHUP and abort at each
// further one. A signal that was ignored when the program started (nohup) stays
// ignored. A closed pipe on standard output becomes an error of the write instead
// of the end of the program, which would lose the summary.
func watchSignals(stop, abort func()) *interrupts {
	i := &interrupts{ch: make(chan os.Signal, 4), done: make(chan struct{})}
	signal.Ignore(syscall.SIGPIPE)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(i.ch, s)
		}
	}
	go func() {
		for {
			select {
			case <-i.done:
				return
			case s := <-i.ch:
				n, _ := s.(syscall.Signal)
				if i.first.CompareAndSwap(0, int32(n)) {
					stop()
				} else {
					abort()
				}
			}
		}
	}()
	return i
}

// close ends the watch; signals act as they do by default again.
func (i *interrupts) close() {
	signal.Stop(i.ch)
	close(i.done)
}

// code is the exit code that the first signal leads to, or 0 without one.
func (i *interrupts) code() int {
	if n := i.first.Load(); n != 0 {
		return 128 + int(n)
	}
	return exitOK
}
