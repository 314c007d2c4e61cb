package rogue

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// OK is a whole, friendly answer.
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// Say answers every request with the same bytes and keeps the connection.
func Say(text string) Answer {
	return func(x *Exchange) bool {
		_, err := io.WriteString(x, text)
		return err == nil
	}
}

// SayAndClose answers with the same bytes and hangs up.
func SayAndClose(text string) Answer {
	return func(x *Exchange) bool {
		_, _ = io.WriteString(x, text)
		return false
	}
}

// SayAndReset answers with the same bytes and resets the connection once they
// are out.
func SayAndReset(text string) Answer {
	return func(x *Exchange) bool {
		_, _ = io.WriteString(x, text)
		// A reset right behind the bytes may overtake them.
		time.Sleep(20 * time.Millisecond)
		return Reset(x)
	}
}

// Reset ends the connection so that the client sees RST.
func Reset(x *Exchange) bool {
	_ = x.TCP.SetLinger(0)
	_ = x.TCP.Close()
	return false
}

// SayAndWait answers with the same bytes and then is silent until the client
// hangs up.
func SayAndWait(text string) Answer {
	return func(x *Exchange) bool {
		_, _ = io.WriteString(x, text)
		_, _ = io.Copy(io.Discard, x)
		return false
	}
}

// Repeat sends head, then block over and over until the client hangs up, or n
// times where n is not 0, then tail.
func Repeat(head, block string, n int, tail string) Answer {
	return func(x *Exchange) bool {
		if _, err := io.WriteString(x, head); err != nil {
			return false
		}
		for i := 0; n == 0 || i < n; i++ {
			if _, err := io.WriteString(x, block); err != nil {
				return false
			}
		}
		_, err := io.WriteString(x, tail)
		return err == nil
	}
}

// Drip sends head, then one byte each interval until the client hangs up.
func Drip(head string, interval time.Duration) Answer {
	return func(x *Exchange) bool {
		if _, err := io.WriteString(x, head); err != nil {
			return false
		}
		for {
			time.Sleep(interval)
			if _, err := io.WriteString(x, "x"); err != nil {
				return false
			}
		}
	}
}

// From answers as first does before the n-th request, and as then does from it.
func From(n int, first, then Answer) Answer {
	return func(x *Exchange) bool {
		if x.N < n {
			return first(x)
		}
		return then(x)
	}
}

// Only answers the n-th request as odd does and all others as usual does.
func Only(n int, usual, odd Answer) Answer {
	return func(x *Exchange) bool {
		if x.N == n {
			return odd(x)
		}
		return usual(x)
	}
}

// Response writes a whole response.
func Response(status int, reason string, body string, headers ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %03d %s\r\n", status, reason)
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

// Window is a fixed window that begins with its first request: limit requests
// are answered as admit does, the rest as refuse does.
func Window(limit int, length time.Duration, admit, refuse Answer) Answer {
	var mu sync.Mutex
	var ends time.Time
	used := 0
	take := func() bool {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); now.After(ends) {
			ends, used = now.Add(length), 0
		}
		used++
		return used <= limit
	}
	return func(x *Exchange) bool {
		if take() {
			return admit(x)
		}
		return refuse(x)
	}
}
