package send

import "testing"

func TestAStatedLengthIsSeen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n":                                true,
		"HTTP/1.1 200 OK\r\nA: b\r\ncontent-LENGTH:5\r\nC: d\r\n\r\n":                 true,
		"HTTP/1.1 200 OK\nContent-Length: 5\n\n":                                      true,
		"HTTP/1.1 103 Hi\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n": true,
		"HTTP/1.1 200 OK\r\nX-Content-Length: 5\r\n\r\n":                              false,
		"HTTP/1.1 200 OK\r\nA: b\r\n\r\nContent-Length: 5\r\n":                        false,
	} {
		var whole, single head
		whole.feed([]byte(text))
		for i := range len(text) {
			single.feed([]byte{text[i]})
		}
		if whole.length != want || single.length != want || !whole.over {
			t.Errorf("%q: %v at once, %v byte by byte, want %v; over %v", text, whole.length, single.length, want, whole.over)
		}
	}
}
