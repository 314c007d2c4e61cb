package send

import "bytes"

// lengthName is how the line begins that states a body's length.
var lengthName = []byte("content-length:")

// head looks through the bytes of a response's head for a stated length. Where
// chunks state another one net/http believes the chunks and forgets the line,
// while something in between may have believed the line: whose the bytes that
// follow are is then open.
type head struct {
	line    []byte // beginning of the current line, in lower case
	col     int    // bytes of the current line so far, without CR
	begun   bool   // the status line was seen
	interim bool   // it is an informational one, and another head follows
	over    bool
	length  bool
}

// feed takes the next bytes of the connection.
func (h *head) feed(p []byte) {
	for _, c := range p {
		switch {
		case h.over:
			return
		case c == '\n':
			switch {
			case !h.begun:
				h.begun, h.interim = true, bytes.HasPrefix(h.line, []byte("http/1.1 1"))
			case h.col == 0:
				h.begun, h.over = false, !h.interim
			}
			h.length = h.length || bytes.Equal(h.line, lengthName)
			h.line, h.col = h.line[:0], 0
		case c != '\r':
			if h.col++; h.col <= len(lengthName) {
				if 'A' <= c && c <= 'Z' {
					c += 'a' - 'A'
				}
				h.line = append(h.line, c)
			}
		}
	}
}
